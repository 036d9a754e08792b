"""What is somebody's work survives a disk that is full and a folder without rights: told in words, and as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ror.develop import DataIndex, DeveloperProject, start
from ror.develop.rewriting import rewrite
from ror.develop.scanning import scan
from ror.errors import ConfigurationError
from tests.support.disks import remount, small_disk
from tests.support.studies import small_ct

LONG = f"python my_model.py {'x' * 9000}"


@pytest.fixture
def on_small_disk(tmp_path: Path) -> Iterator[DeveloperProject]:
    """A project on a disk of its own."""
    with small_disk(tmp_path / "disk") as disk:
        project = DeveloperProject.at(start(disk / "my_model").folder)
        project.set(server="http://127.0.0.1:1")
        yield project


def fill(project: DeveloperProject) -> None:
    with (
        (project.folder.parent / "rest").open("wb", buffering=0) as rest,
        pytest.raises(OSError, match="No space left"),
    ):
        while True:
            rest.write(bytes(4096))


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_on_a_full_disk_all_is_as_it_was(on_small_disk: DeveloperProject) -> None:
    fill(on_small_disk)
    before = everything(on_small_disk.folder)
    for change in (
        lambda: on_small_disk.set_command(LONG),
        lambda: on_small_disk.set_select(f"select series where Modality = CT -- {LONG}\n"),
        lambda: on_small_disk.set(token="t" * 9000),
    ):
        with pytest.raises(ConfigurationError, match="as it was: No space left on device") as told:
            change()
        assert told.value.advice.startswith("make room on the disk of ")
    assert everything(on_small_disk.folder) == before


def test_data_that_have_no_room_are_told_as_such(on_small_disk: DeveloperProject, tmp_path: Path) -> None:
    small_ct(tmp_path / "data", slices=20)
    with DataIndex.opened(on_small_disk.data_index) as index:
        index.files()
        fill(on_small_disk)
        with pytest.raises(ConfigurationError, match="full") as told:
            scan(index, [tmp_path / "data"], jobs=1)
    assert told.value.advice.startswith("make room on the disk of ")


def test_a_mode_stays_and_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    (tmp_path / "file").chmod(0o664)
    (tmp_path / "link").symlink_to("file")
    rewrite(tmp_path / "link", "after")
    assert (tmp_path / "link").is_symlink()
    assert ((tmp_path / "file").read_text(), (tmp_path / "file").stat().st_mode & 0o777) == ("after", 0o664)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "link"]


def test_where_nothing_may_be_written_it_is_told(on_small_disk: DeveloperProject) -> None:
    remount(on_small_disk.folder.parent, "ro")
    with pytest.raises(ConfigurationError, match="as it was: Read-only file system") as told:
        on_small_disk.set_command("python other.py")
    assert told.value.advice.startswith("have the right to write in ")
