"""Results reach a real Orthanc, beside the images, once."""

from pathlib import Path

import pytest

from orthanc import OrthancServer, Peer, free_port, send
from ror.results import (
    DeliveryRefused,
    DeliveryUnavailable,
    ResultJob,
    deliver,
    encode,
    read_outputs,
    validate,
    write,
)
from tests.results.samples import ct_headers, manifest, write_series


@pytest.fixture
def results(output: Path, job: ResultJob, tmp_path: Path) -> list[Path]:
    objects = encode(read_outputs(output, manifest(), job), job)
    validate(objects, job)
    return write(objects, tmp_path / "results")


@pytest.mark.orthanc
def test_segmentation_and_report_lie_in_the_study_of_the_images(
    orthanc_pacs: OrthancServer, results: list[Path], job: ResultJob, tmp_path: Path
) -> None:
    send(orthanc_pacs.peer, write_series(ct_headers(), tmp_path / "images"))
    delivery = deliver(results, orthanc_pacs.peer)
    deliver(results, orthanc_pacs.peer)  # once more: replaces

    (study,) = orthanc_pacs.rest.studies(PatientID="P-1")
    assert {study.study_instance_uid} == job.study_instance_uids
    series = orthanc_pacs.rest.series(StudyInstanceUID=study.study_instance_uid)
    assert sorted((one.modality, one.instance_count, one.description) for one in series) == [
        ("CT", 6, ""),
        ("SEG", 1, "organs abdomen"),
        ("SR", 1, "organs measurements (research use)"),
    ]
    assert set(delivery.sop_instance_uids) < set(
        orthanc_pacs.rest.instances(StudyInstanceUID=study.study_instance_uid)
    )


def test_a_pacs_that_is_down_is_tried_later(results: list[Path]) -> None:
    with pytest.raises(DeliveryUnavailable, match="cannot be reached") as later:
        deliver(results, Peer("PACS", "127.0.0.1", free_port()))
    assert later.value.advice


def test_a_pacs_that_knows_no_segmentation_is_named_with_the_class(results: list[Path]) -> None:
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import Comprehensive3DSRStorage

    entity = AE("OLD")
    entity.add_supported_context(Comprehensive3DSRStorage)
    running = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda _: 0)]
    )
    try:
        with pytest.raises(DeliveryRefused, match="Segmentation Storage: it accepts no presentation context"):
            deliver(results, Peer("OLD", "127.0.0.1", running.socket.getsockname()[1]))
    finally:
        running.shutdown()


def test_nothing_to_deliver_needs_no_pacs() -> None:
    assert deliver([], Peer("PACS", "127.0.0.1", 1)).sop_instance_uids == ()
