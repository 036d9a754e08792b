"""A package that was read before is read again exactly when something in its folder has changed."""

import os
import time
from pathlib import Path

import pytest

from containers import KnownPackages, ManifestError, Package

MANIFEST = 'name = "one"\nversion = "1"\ncommand = ["true"]\nselect = "select series from study"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package that nobody has touched for a while, as far as the clock of `time` says."""
    (tmp_path / "workflow.toml").write_text(MANIFEST)
    (tmp_path / "weights").write_bytes(b"0123")
    return tmp_path


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an hour later than the file system says."""
    shifted = time.time_ns() + 3600 * 10**9
    monkeypatch.setattr("containers.known.time.time_ns", lambda: shifted)


def test_a_package_is_read_once(folder: Path) -> None:
    known = KnownPackages()
    assert known.load(folder) is known.load(folder)
    assert known.load(folder) == Package.load(folder)


def _rewritten(folder: Path) -> None:
    (folder / "new").write_bytes(b"3210")
    os.utime(folder / "new", ns=(0, (folder / "weights").stat().st_mtime_ns))
    (folder / "new").rename(folder / "weights")


@pytest.mark.parametrize(
    "change",
    [
        _rewritten,
        lambda folder: (folder / "weights").chmod(0o755),
        lambda folder: (folder / "weights").unlink(),
        lambda folder: (folder / "more").write_bytes(b""),
        lambda folder: (folder / "link").symlink_to("weights"),
    ],
    ids=["replaced by one as long and as old", "made executable", "taken away", "a file more", "a link more"],
)
def test_a_package_that_was_changed_is_another_one(folder: Path, change: object) -> None:
    known = KnownPackages()
    before = known.load(folder)
    assert callable(change)
    change(folder)
    assert known.load(folder).digest == Package.load(folder).digest != before.digest


def test_a_package_that_was_changed_this_very_moment_is_not_remembered(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed_at = max(file.stat().st_ctime_ns for file in folder.iterdir())
    monkeypatch.setattr("containers.known.time.time_ns", lambda: changed_at)
    known = KnownPackages()
    assert known.load(folder) is not known.load(folder)


def test_a_package_that_is_gone_is_told_as_such(folder: Path) -> None:
    known = KnownPackages()
    known.load(folder)
    (folder / "workflow.toml").unlink()
    with pytest.raises(ManifestError):
        known.load(folder)
