"""A REDCap that lacks a field: it is known before the job, told by the job, and mended without measuring again."""

from __future__ import annotations

from pathlib import Path

from examples.demo.service import Installation
from orthanc import send
from tests.support.redcap_server import Field, RedcapServer
from tests.support.serving import Serving, eventually
from tests.support.studies import small_ct

MISSING = "box_volume is not in the data dictionary"


def test_a_field_that_redcap_lacks_is_told_early_and_mended_late(
    installation: Installation, tmp_path: Path
) -> None:
    record = Field("subject")
    with RedcapServer([record]) as redcap:
        token = installation.home / "secrets" / "lungs.redcap-token"
        token.touch(mode=0o600)
        token.write_text(redcap.token)
        installation.ror("project", "change", "lungs", "--clear", "pacs", "--redcap-url", redcap.url)
        with Serving(installation) as serving:
            eventually(
                lambda: f"REDCap of project lungs would refuse: box: {MISSING}" in serving.log.read_text()
            )
            send(serving.peer, small_ct(tmp_path / "ct"))
            job = serving.job_that_is("failed")
            (measured,) = serving.rows("SELECT record_id, value FROM measurements")
            told = installation.ror("jobs", "show", job)
            assert f"{measured.record_id}/box_volume: is not in the data dictionary" in told
            assert "ror redcap check" in told
            assert redcap.records == {}

            redcap.fields = [record, Field("box_volume", validation="number_1dp")]
            redcap.down, asked = 503, len(redcap.calls)
            installation.ror("jobs", "retry", job)
            eventually(lambda: len(redcap.calls) >= asked + 3)
            redcap.down = None
            assert serving.job_that_is("succeeded") == job
            assert serving.log.read_text().count("waits to record: REDCap answers 503") == 1
        volume = f"{float(measured.value):.1f}"
        assert redcap.records == {(measured.record_id, "", "", None): {"box_volume": volume}}
        written = [file.read_text() for file in (serving.log, installation.home / "log" / "ror.log")]
    assert not any(redcap.token in text for text in written)
    database = (installation.home / "ror.sqlite").read_bytes()
    assert redcap.token.encode() not in database
