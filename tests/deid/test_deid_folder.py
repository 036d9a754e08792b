"""A folder with everything in it comes out as research objects, two reports, and a list for the operator."""

from __future__ import annotations

import csv
import json
import subprocess
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from anonymizer import IdentifiedInstance, Profile, ProjectKey, deidentify, read_file
from ror.deid import Order, Outcome, OwnSecret, deidentify_folder
from ror.errors import ConfigurationError, NotFound
from tests.anonymizer.planted import ct, part10
from tests.deid.conftest import NAME, SECRET, make_mixture, make_series, tree


def undone(out: Path) -> list[dict[str, str]]:
    with out.with_name(f"{out.name}.refused.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_objects_come_out_under_research_identifiers_only(order: Order) -> None:
    make_mixture(order.source)
    result = deidentify_folder(order)
    files = tree(order.out)
    assert len(files) == result.tally.written == 3
    for name in files:
        read = dcmread(order.out / name)
        assert name == "/".join(
            (read.PatientID, read.StudyInstanceUID, read.SeriesInstanceUID, f"{read.SOPInstanceUID}.dcm")
        )
        assert read.PatientID.startswith("ROR-")


def test_a_file_comes_out_as_the_anonymizer_makes_it(order: Order) -> None:
    data = part10(ct().dataset)
    (order.source / "one").write_bytes(data)
    deidentify_folder(order)
    research, _report = deidentify(
        IdentifiedInstance.from_part10(data), order.profile, ProjectKey(SECRET.secret)
    )
    assert list(tree(order.out).values()) == [research.to_part10()]


def test_a_single_file_is_taken_too(order: Order) -> None:
    make_series(order.source, 2)
    one = next(order.source.iterdir())
    assert deidentify_folder(replace(order, source=one)).tally.written == 1


def test_everything_that_did_not_come_out_is_counted_and_listed_for_the_operator(order: Order) -> None:
    make_mixture(order.source)
    result = deidentify_folder(order)
    rows = undone(order.out)
    assert Counter(row["reason"] for row in rows) == {
        "truncated": 1,
        "not_part10": 1,
        "encapsulated_document": 1,
        "media_directory": 1,
        "empty": 1,
        "not_dicom": 1,
        "link": 2,
    }
    told = {Path(row["file"]).name: row["outcome"] for row in rows}
    assert told["truncated.dcm"] == told["no preamble.dcm"] == told["letter.dcm"] == Outcome.REFUSED
    assert told["DICOMDIR"] == told["letter.pdf"] == told["to itself"] == told["elsewhere"] == Outcome.SKIPPED
    assert all(row["advice"] and Path(row["file"]).is_absolute() for row in rows)
    assert result.tally.count(Outcome.REFUSED) == 3
    assert result.undone is not None
    assert result.undone.stat().st_mode & 0o777 == 0o600
    files = result.report["files"]
    assert files == {"seen": 11, "written": 3, "present": 0, "refused": 3, "skipped": 5}


def test_there_is_no_list_where_everything_came_out(order: Order) -> None:
    make_series(order.source, 2)
    order.out.with_name("out.refused.tsv").write_text("of an earlier run")
    assert deidentify_folder(order).undone is None
    assert not order.out.with_name("out.refused.tsv").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_nothing_planted_and_no_name_of_a_file_is_anywhere_in_the_folder(order: Order, jobs: int) -> None:
    planted = make_mixture(order.source)
    deidentify_folder(replace(order, jobs=jobs))
    secrets = {secret for one in planted for secret in one.secrets}
    secrets |= {NAME.encode(), b"letter", b"truncated.dcm", str(order.source).encode()}
    told = [str(path.relative_to(order.out)).encode() for path in order.out.rglob("*")]
    told += [path.read_bytes() for path in order.out.rglob("*") if path.is_file()]
    assert len(told) > 6
    assert [secret for secret in secrets if any(secret in text for text in told)] == []


def test_the_report_says_what_was_done_to_which_attributes(order: Order) -> None:
    make_series(order.source, 3)
    (order.source / "planted").write_bytes(part10(ct().dataset))
    deidentify_folder(order)
    report = json.loads((order.out / "report.json").read_text(encoding="utf-8"))
    assert (report["patients"], report["studies"], report["series"]) == (1, 1, 1)
    assert report["profile"]["digest"] == order.profile.digest
    assert report["profile"]["options"] == ["retain-modified-dates"]
    assert [(one["name"], one["objects"]) for one in report["sop_classes"]] == [("CT Image Storage", 4)]
    removed = {one["tag"]: (one["name"], one["objects"]) for one in report["removed"]}
    assert removed["(0010,1000)"] == ("Other Patient IDs", 1)
    cleaned = {one["tag"]: one["objects"] for one in report["cleaned"]}
    assert cleaned["(0008,1030)"] == cleaned["(0008,103E)"] == 1
    assert report["actions"]["pseudonymised"] == 8  # PatientID and PatientName of each
    assert report["complete"] is True


class _Page(HTMLParser):
    """Notes what a browser would load, and whether every element is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.loads += [name for name, _value in attrs if name in ("src", "href", "action")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_loads_nothing(order: Order) -> None:
    make_mixture(order.source)
    deidentify_folder(order)
    page = _Page()
    page.feed((order.out / "report.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert page.loads == []
    assert {"script", "link", "img", "iframe"} & set(page.tags) == set()
    told = (
        "CT Image Storage",
        "The directory of a medium (DICOMDIR)",
        "Institution Name",
        order.profile.digest,
    )
    assert [one for one in told if one not in page.text] == []


@pytest.mark.parametrize(
    ("source", "out"), [("a", "a"), ("a", "a/b/out"), ("a/b", "a"), ("a/file", "a")], ids=str
)
def test_identified_and_research_files_may_not_lie_in_one_another(
    tmp_path: Path, source: str, out: str
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").write_bytes(part10(ct().dataset))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigurationError, match="inside of") as told:
        deidentify_folder(Order(tmp_path / source, tmp_path / out, Profile.of(), SECRET))
    assert "--out" in told.value.advice
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_to_the_source_is_known_as_the_source(order: Order, tmp_path: Path) -> None:
    make_series(order.source, 1)
    (tmp_path / "link").symlink_to(order.source)
    with pytest.raises(ConfigurationError, match="inside of"):
        deidentify_folder(replace(order, out=tmp_path / "link" / "out"))


@pytest.mark.parametrize("there", [True, False], ids=["empty", "absent"])
def test_a_folder_without_files_is_told_and_nothing_made(order: Order, there: bool) -> None:
    if not there:
        order.source.rmdir()
    with pytest.raises(NotFound, match="there is no file"):
        deidentify_folder(order)
    assert not order.out.exists()


def test_a_bug_met_in_one_file_is_told_without_its_text(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_series(order.source, 2)

    def broken(_path: object, _memory: object) -> None:
        raise ValueError("QZID4711")

    monkeypatch.setattr("ror.deid.one.read_file", broken)
    result = deidentify_folder(order)
    assert result.tally.count(Outcome.REFUSED) == 2
    (told,) = result.report["refused"]
    assert told["reason"] == "fault_of_ours"
    assert "ValueError in test_deid_folder.py" in told["what"]
    assert "QZID4711" not in str(result.report) + order.out.with_name("out.refused.tsv").read_text()


def test_an_unreadable_file_is_refused(order: Order) -> None:
    make_series(order.source, 2)
    next(order.source.iterdir()).chmod(0)
    try:
        next(order.source.iterdir()).read_bytes()
    except PermissionError:
        result = deidentify_folder(order)
    else:
        pytest.skip("this user may read everything")
    assert [one["reason"] for one in result.report["refused"]] == ["not_readable"]


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(OwnSecret(b"secret")).replace("OwnSecret", "")


@pytest.mark.parametrize("name", ["mr_brain_t1_dicom", "ct_head_ge_dicom"])
def test_a_real_series_comes_out_whole_and_the_same_by_one_process_and_by_two(
    real_data: Path, tmp_path: Path, name: str
) -> None:
    source, made = real_data / name, []
    for jobs in (1, 2):
        result = deidentify_folder(Order(source, tmp_path / str(jobs), Profile.of(), SECRET, jobs))
        assert result.undone is None
        assert len(result.tally.series) == 1
        made.append(tree(tmp_path / str(jobs)))
    assert made[0] == made[1]
    assert len(made[0]) == len(list(source.iterdir()))


def test_a_file_that_goes_while_it_is_read_is_refused_and_the_others_come_out(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its header is read, and its pixels are to be copied when the object is written."""
    planted = ct().dataset
    planted.PixelData = bytes(2**17)
    gone, stays = order.source / "a", order.source / "b"
    gone.write_bytes(part10(planted))
    planted.SOPInstanceUID += ".2"
    stays.write_bytes(part10(planted))

    def read_and_lost(path: Path, memory: Any) -> IdentifiedInstance:
        instance = read_file(path, memory)
        gone.unlink(missing_ok=True)
        return instance

    monkeypatch.setattr("ror.deid.one.read_file", read_and_lost)
    result = deidentify_folder(order)
    assert [one["reason"] for one in result.report["refused"]] == ["not_readable"]
    assert result.tally.written == len(tree(order.out)) == 1


@pytest.mark.parametrize("name", ["ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "no_meta.dcm"])
def test_a_data_set_without_file_meta_information_is_refused_with_how_to_mend_it(
    order: Order, name: str
) -> None:
    data = Path(str(get_testdata_file(name, download=False))).read_bytes()
    (order.source / name).write_bytes(data)
    (told,) = deidentify_folder(order).report["refused"]
    assert (told["reason"], "without file meta information" in told["what"]) == ("not_part10", True)
    assert "dcmconv -f" in told["advice"]


@pytest.mark.parametrize(("explicit", "little"), [(True, True), (True, False), (False, True)])
def test_a_data_set_without_file_meta_information_is_mended_as_it_is_told(
    order: Order, explicit: bool, little: bool
) -> None:
    bare = order.source / "bare"
    ct().dataset.save_as(bare, implicit_vr=not explicit, little_endian=little, enforce_file_format=False)
    assert deidentify_folder(order).tally.count(Outcome.REFUSED) == 1
    subprocess.run(["/usr/bin/dcmconv", "-f", bare, order.source / "new"], check=True)
    assert deidentify_folder(order).tally.written == 1


def test_a_text_that_only_names_dicom_is_no_object(order: Order) -> None:
    (order.source / "a.txt").write_bytes(b"\x00\x08 DICM UI CS 0008,0005 ISO_IR 100" * 9)
    (told,) = deidentify_folder(order).report["skipped"]
    assert told["reason"] == "not_dicom"


def test_research_objects_do_not_come_to_lie_in_the_folder_of_the_one_source(order: Order) -> None:
    make_series(order.source, 2)
    one = next(order.source.iterdir())
    for out in (order.source, order.source / "out", order.source / "deep" / "out"):
        with pytest.raises(ConfigurationError, match="is inside of") as error:
            deidentify_folder(replace(order, source=one, out=out))
        assert error.value.advice.endswith(f"--out {order.source.parent / 'source-research'}")
    assert len(list(order.source.iterdir())) == 2
