"""`ror config --data`: each file is read once, what cannot be used is told, and what is gone is forgotten."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from ror.develop import DataIndex, DeveloperProject
from ror.develop.data_index import ELSEWHERE, TWICE
from ror.develop.scanning import Scanned, scan, sources_of
from ror.errors import ConfigurationError, NotAllowed, NotFound
from tests.support.studies import small_ct


@pytest.fixture
def data(tmp_path: Path) -> Path:
    small_ct(tmp_path / "data" / "one", seed=1)
    small_ct(tmp_path / "data" / "two", seed=2, slices=3)
    return tmp_path / "data"


def test_series_are_found_with_their_attributes_and_types(data: Path, index: DataIndex) -> None:
    assert scan(index, [data], jobs=1) == Scanned(files=11, read=11, gone=0, complete=True)
    series = index.series()
    assert sorted(one.values("NumImages") for one in series) == [("3",), ("8",)]
    for one in series:
        assert one.values("Modality") == ("CT",)
        assert "axial" in one.values("ClassifyTypes")
        assert one.patient_id
        assert index.types(one.uid) == one.values("ClassifyTypes")


def test_the_instances_of_a_series_are_its_files(data: Path, index: DataIndex) -> None:
    scan(index, [data], jobs=1)
    for one in index.series():
        for instance in index.instances(one.uid):
            assert dcmread(instance.path).SOPInstanceUID == instance.sop_uid
            assert Path(instance.path).stat().st_size == instance.state.size


def test_a_file_that_has_not_changed_is_not_read_again(data: Path, index: DataIndex) -> None:
    scan(index, [data], jobs=1)
    before = index.series()
    assert scan(index, [data], jobs=1) == Scanned(files=11, read=0, gone=0, complete=True)
    (changed,) = (data / "one").glob("*0001.dcm")
    os.utime(changed, ns=(1, 1))
    assert scan(index, [data], jobs=1).read == 1
    assert index.series() == before


def test_two_processes_find_what_one_finds(data: Path, tmp_path: Path) -> None:
    for seed in range(3, 12):
        small_ct(data / str(seed), seed=seed, slices=90)
    found = []
    for jobs in (1, 2):
        with DataIndex.opened(tmp_path / f"{jobs}.sqlite") as index:
            assert scan(index, [data], jobs=jobs).read == 9 * 90 + 11
            found.append([(one, index.instances(one.uid)) for one in index.series()])
    assert found[0] == found[1]


def test_what_is_gone_is_forgotten_where_it_was_looked_for(data: Path, index: DataIndex) -> None:
    scan(index, [data], jobs=1)
    for file in (data / "two").iterdir():
        file.unlink()
    assert scan(index, [data / "one"], jobs=1).gone == 0
    assert len(index.series()) == 2
    assert scan(index, [data], jobs=1).gone == 3
    assert len(index.series()) == 1


def test_what_cannot_be_used_is_told_and_harms_nothing(data: Path, index: DataIndex) -> None:
    (data / "empty.dcm").touch()
    (data / "text.txt").write_text("a note")
    whole = next((data / "one").iterdir()).read_bytes()
    (data / "cut.dcm").write_bytes(whole[:200])
    without = dcmread(next((data / "two").iterdir()))
    del without.StudyInstanceUID
    without.save_as(data / "without.dcm")
    (data / "again.dcm").write_bytes(whole)
    elsewhere = dcmread(next((data / "one").iterdir()))
    elsewhere.StudyInstanceUID, elsewhere.SOPInstanceUID = "2.25.1", "2.25.2"
    elsewhere.save_as(data / "z.dcm")
    scan(index, [data / "one", data / "two"], jobs=1)
    scan(index, [data], jobs=1)
    unused = index.unused()
    assert unused[TWICE] == 1
    assert unused[ELSEWHERE] == 1
    assert sum(unused.values()) == 6, unused
    files = dict(index.unused_files())
    assert Counter(files.values()) == unused
    assert files[str(data / "empty.dcm")] == "empty file"
    assert files[str(data / "text.txt")] == "no DICOM file"
    assert files[str(data / "z.dcm")] == ELSEWHERE
    (again,) = (path for path, why in files.items() if why == TWICE)
    assert Path(again).read_bytes() == whole
    assert {one.values("NumImages") for one in index.series()} == {("3",), ("8",)}


def test_a_file_that_ends_before_its_pixels_do_displaces_no_whole_one(data: Path, index: DataIndex) -> None:
    (whole, *_) = sorted((data / "one").iterdir())
    cut = data / "0-cut.dcm"
    content = whole.read_bytes()
    for missing in (1, 200, 500):
        cut.write_bytes(content[:-missing])
        scan(index, [data], jobs=1)
        assert index.unused_files() == [(str(cut), "DICOM file that cannot be read to its end")]
    assert str(whole) in {one.path for series in index.series() for one in index.instances(series.uid)}


def test_what_cannot_be_looked_at_for_the_moment_is_not_forgotten(
    data: Path, index: DataIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a share whose rights were taken away; the user of the tests may be one who reads everything."""
    scan(index, [data], jobs=1)
    listed = os.scandir

    def refused(folder: Path) -> Any:
        if Path(folder) == data / "one":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr("ror.walking.os.scandir", refused)
    assert scan(index, [data], jobs=1).gone == 0
    assert len(index.series()) == 2
    assert list(index.unused()) == ["file or folder that cannot be read: Permission denied"]
    monkeypatch.setattr("ror.develop.scanning.os.access", lambda *_: False)
    with pytest.raises(NotAllowed, match="cannot be read"):
        sources_of([str(data)])


def test_a_scan_that_is_stopped_goes_on(
    data: Path, index: DataIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_ct(data / "many", seed=3, slices=130)
    with pytest.raises(KeyboardInterrupt):
        scan(index, [data], jobs=1, told=_interrupted_after(64))
    assert index.files() == 64
    assert scan(index, [data], jobs=1) == Scanned(files=141, read=77, gone=0, complete=True)


def _interrupted_after(files: int) -> Callable[[int, int], None]:
    def told(done: int, _total: int) -> None:
        if done >= files:
            raise KeyboardInterrupt

    return told


def test_a_pattern_leads_to_folders(data: Path) -> None:
    assert sources_of([str(data / "*")]) == [data / "one", data / "two"]
    with pytest.raises(NotFound, match="there is nothing at"):
        sources_of([str(data / "nothing*")])


def test_the_index_is_for_its_owner_alone_and_no_part_of_the_package(
    data: Path, project: DeveloperProject, index: DataIndex
) -> None:
    before = project.package().digest
    scan(index, [data], jobs=1)
    assert project.data_index.stat().st_mode & 0o777 == 0o600
    assert project.package().digest == before
    assert not any(".ror" in path.parts for path in project.package().files())


def test_an_index_of_another_release_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("pragma user_version = 99")
    connection.close()
    with DataIndex.opened(path) as index, pytest.raises(ConfigurationError, match="another release"):
        index.series()


def test_what_is_no_index_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.sqlite"
    path.write_bytes(b"no database" * 100)
    with DataIndex.opened(path) as index, pytest.raises(ConfigurationError, match="cannot be used"):
        index.series()


def test_everything_is_forgotten_when_asked(data: Path, index: DataIndex) -> None:
    scan(index, [data], jobs=1)
    index.clear()
    assert index.series() == []
    assert index.known() == {}


def test_what_is_passed_over_is_told_with_the_reason(data: Path, index: DataIndex, tmp_path: Path) -> None:
    old = Path(os.fsdecode(os.fsencode(data) + b"/M\xfcller"))
    old.mkdir()
    (data / "one").rename(old / "one")
    (data / "elsewhere").symlink_to(tmp_path)
    (data / "loop").symlink_to("loop")
    os.mkfifo(data / "pipe")
    for _ in range(2):  # and again
        assert scan(index, [data], jobs=1).files == 3
        why = Counter(why.partition(":")[0] for _path, why in index.unused_files())
        assert why == {
            "file with a name that is not UTF-8, as of an older medium": 8,
            "link": 2,
            "neither a file nor a folder": 1,
        }
    (old / "one").rename(data / "one")
    assert scan(index, [data], jobs=1).gone == 8
    assert len(index.series()) == 2


def test_a_pipe_that_is_named_is_not_opened(index: DataIndex, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert scan(index, [tmp_path / "pipe"], jobs=1).files == 0
    assert [why for _path, why in index.unused_files()] == ["neither a file nor a folder"]


def test_a_link_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(NotFound, match="there is nothing at"):
        sources_of([str(tmp_path / "loop")])


def test_the_folder_of_the_workflow_is_passed_over_where_it_is_below(data: Path, index: DataIndex) -> None:
    small_ct(data / "my_model" / ".ror" / "runs", seed=3)
    assert scan(index, [data], jobs=1, project=data / "my_model").files == 11
    assert scan(index, [data], jobs=1).files == 19


def test_a_project_has_rules_for_types_of_its_own(data: Path, index: DataIndex, tmp_path: Path) -> None:
    rules = tmp_path / "my_model" / ".ror" / "classifyDICOM.json"
    rules.parent.mkdir(parents=True)
    rules.write_text('[{"type": "SMALL", "rules": [{"tag": "Modality", "operator": "==", "value": "CT"}]}]')
    scan(index, [data], jobs=1, project=tmp_path / "my_model")
    assert all({"SMALL", "axial"} <= set(one.values("ClassifyTypes")) for one in index.series())
    rules.write_text('[{"type": "SMALL", "rules": [{"tag": "Modality", "operator": "like", "value": "CT"}]}]')
    with pytest.raises(ConfigurationError, match="there is no operator 'like'") as told:
        scan(index, [data], jobs=1, project=tmp_path / "my_model")
    assert str(rules) in str(told.value)
