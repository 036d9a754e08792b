"""Deliveries of the whole product: a job is done when every destination has shown what it acknowledged."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from pydicom import dcmread

from examples.demo.service import Installation
from orthanc import send
from tests.results.own_pacs import OwnPacs
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct


def test_a_job_ends_when_all_its_destinations_show_what_they_got(
    installation: Installation, tmp_path: Path
) -> None:
    """One shows it late, the other is not mounted at first; neither gets anything twice."""
    mounted = tmp_path / "mounted"
    with OwnPacs(to_hide=1).running() as pacs:
        with (installation.home / "ror.toml").open("a") as settings:
            settings.write(f'[pacs.main]\nhost = "127.0.0.1"\nport = {pacs.port}\nae_title = "OWN"\n')
            settings.write(f'[pacs.share]\nfolder = "{mounted}"\nimages = false\n')
        installation.ror("project", "change", "lungs", "--pacs", "main", "--pacs", "share")
        with Serving(installation) as serving:
            images = small_ct(tmp_path / "ct")
            send(serving.peer, images)
            missing = f"share: there is no folder {mounted}"
            eventually(
                lambda: (
                    missing in serving.waiting_at("deliver") and "confirmed" in serving.waiting_at("deliver")
                )
            )
            assert set(serving.jobs().values()) == {"running"}
            mounted.mkdir()
            shown = installation.ask("jobs", "show", serving.job_that_is("succeeded"))
    results = [one["sop_uid"] for one in shown["results"]]
    assert len(pacs.received) == len(set(pacs.received)) == len(images) + len(results)
    assert set(results) <= set(pacs.received)
    assert {path.stem.partition("-")[2] for path in mounted.rglob("*.dcm")} == set(results)
    told = {
        one["destination"]: (one["made"], one["confirmed"], one["confirmed_by"])
        for one in shown["deliveries"]
    }
    assert told == {
        "main": (len(results),) * 2 + ("C-FIND",),
        "share": (len(results),) * 2 + ("reading back",),
    }


def test_results_reach_the_clinic_in_the_study_that_was_sent(
    installation: Installation, tmp_path: Path
) -> None:
    """Under the identity and the UIDs that the images came with, while research keeps its own."""
    pytest.importorskip("cryptography", reason="the package cryptography is not installed")
    me = pwd.getpwuid(os.getuid()).pw_name
    with OwnPacs(keeps=True).running() as clinic, OwnPacs().running() as research:
        with (installation.home / "ror.toml").open("a") as settings:
            settings.write(f'[reidentify]\nusers = ["{me}"]\n')
            for name, pacs, own in (
                ("clinic", clinic, 'identity = "original"'),
                ("research", research, "images = false"),
            ):
                address = f'host = "127.0.0.1"\nport = {pacs.port}\nae_title = "OWN"'
                settings.write(f"[pacs.{name}]\n{address}\n{own}\n")
        installation.ror("pseudonyms", "set", "lungs", "--keep-identities")
        words = ("--pacs", "clinic", "--pacs", "research", "--original-identity")
        installation.ror("project", "change", "lungs", *words)
        images = small_ct(tmp_path / "ct")
        with Serving(installation) as serving:
            send(serving.peer, images)
            shown = installation.ask("jobs", "show", serving.job_that_is("succeeded"))
    results = {one["sop_uid"] for one in shown["results"]}
    originals = [dcmread(image, stop_before_pixels=True) for image in images]
    assert set(research.received) == results
    assert len(clinic.kept) == len(results)
    assert not {one.SOPInstanceUID for one in clinic.kept} & results
    for one in clinic.kept:
        for keyword in (
            "StudyInstanceUID",
            "PatientID",
            "PatientName",
            "PatientBirthDate",
            "AccessionNumber",
        ):
            assert one[keyword].value == originals[0][keyword].value
    (segmentation,) = (one for one in clinic.kept if one.Modality == "SEG")
    (series,) = segmentation.ReferencedSeriesSequence
    referenced = {one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence}
    assert referenced <= {one.SOPInstanceUID for one in originals}
    told = {one["destination"]: one["confirmed"] for one in shown["deliveries"]}
    assert told == {"clinic": len(results), "research": len(results)}


def test_results_lie_in_the_archive_beside_their_images_and_start_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    """A grown study replaces them; neither they, nor their coming, make a job of their own."""
    with (installation.home / "ror.toml").open("a") as settings:
        settings.write("[pacs.here]\narchive = true\n")
    installation.ror("project", "change", "lungs", "--pacs", "here")
    images = small_ct(tmp_path / "ct", slices=8)
    with Serving(installation) as serving:
        send(serving.peer, images[:-1])
        first = installation.ask("jobs", "show", serving.job_that_is("succeeded"))
        send(serving.peer, images[-1:])
        serving.job_that_is("superseded")
        second = installation.ask("jobs", "show", serving.job_that_is("succeeded"))
        (study,) = installation.ask("studies")
        assert len(serving.jobs()) == 2
    made = [{one["sop_uid"] for one in job["results"]} for job in (first, second)]
    lying = {path.stem for path in (installation.home / "archive" / ".results").rglob("*.dcm")}
    assert not made[0] & made[1]
    assert lying == made[1]
    assert (study["state"], study["instances"], study["results"]) == ("matched", len(images), len(made[1]))
    (told,) = second["deliveries"]
    assert (told["destination"], told["confirmed"], told["confirmed_by"]) == (
        "here",
        len(made[1]),
        "reading back",
    )
