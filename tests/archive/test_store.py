"""Research files on disk: complete under their name or not there at all."""

import errno
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anonymizer import IdentifiedInstance, Profile, ProjectKey, ResearchInstance, deidentify
from ror.archive import DifferentContent, FileStore
from tests.anonymizer.planted import minimal, part10

KEY = ProjectKey(bytes(32))


def research(number: int = 1, **attributes: object) -> ResearchInstance:
    """An instance whose content depends on `attributes`, its place on `number` alone."""
    dataset = minimal(SOPInstanceUID=f"1.2.3.{number}", **attributes)
    instance, _report = deidentify(IdentifiedInstance.from_part10(part10(dataset)), Profile.of(), KEY)
    return instance


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "archive")


def files_below(store: FileStore) -> set[str]:
    return {str(file.relative_to(store.root)) for file in store.root.rglob("*") if file.is_file()}


def test_an_instance_is_filed_below_project_study_and_series(store: FileStore) -> None:
    instance = research()
    filed = store.file("lungs", instance)
    assert filed.new
    assert filed.path.split("/") == [
        "lungs",
        instance.study_instance_uid,
        instance.series_instance_uid,
        f"{instance.sop_instance_uid}.dcm",
    ]
    assert (store.root / filed.path).read_bytes() == instance.to_part10()
    assert files_below(store) == {filed.path}


def test_filing_the_same_instance_again_changes_nothing(store: FileStore) -> None:
    first = store.file("lungs", research())
    written = (store.root / first.path).stat()
    again = store.file("lungs", research())
    assert (again.path, again.sha256, again.new) == (first.path, first.sha256, False)
    assert (store.root / first.path).stat() == written
    assert files_below(store) == {first.path}


def test_other_content_under_the_same_uid_is_refused_and_the_first_is_kept(store: FileStore) -> None:
    first = store.file("lungs", research())
    before = (store.root / first.path).read_bytes()
    with pytest.raises(DifferentContent) as refused:
        store.file("lungs", research(Rows=7))
    assert refused.value.sop_uid == research().sop_instance_uid
    assert (store.root / first.path).read_bytes() == before
    assert files_below(store) == {first.path}


def test_file_and_folders_are_synced_before_success_is_told(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    filed = store.file("lungs", research())
    series = (store.root / filed.path).parent
    assert synced[0].startswith(str(store.root / ".incoming"))
    # Each folder is made durable in its parent, and the name of the file in its series, last.
    assert synced[1:] == [str(one) for one in (store.root, series.parent.parent, series.parent, series)]


def test_threads_that_race_with_one_uid_file_one_content(store: FileStore) -> None:
    contents = [research(Rows=rows) for rows in range(1, 9)]
    start = threading.Barrier(len(contents))
    filed, refused = [], []

    def send(instance: ResearchInstance) -> None:
        start.wait()
        try:
            filed.append((store.file("lungs", instance), instance))
        except DifferentContent:
            refused.append(instance)

    threads = [threading.Thread(target=send, args=(one,)) for one in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((winner, instance),) = filed
    assert len(refused) == len(contents) - 1
    assert (store.root / winner.path).read_bytes() == instance.to_part10()
    assert files_below(store) == {winner.path}


def test_threads_that_race_with_the_same_object_all_succeed_and_one_is_new(store: FileStore) -> None:
    start, filed = threading.Barrier(8), []

    def send() -> None:
        instance = research()
        start.wait()
        filed.append(store.file("lungs", instance))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.new for one in filed].count(True) == 1
    assert len({one.path for one in filed}) == 1
    assert len(filed) == 8


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_disk_that_refuses_leaves_nothing(
    store: FileStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        with pytest.raises(OSError, match="No space left"):
            store.file("lungs", research())
    assert files_below(store) == set()
    assert store.file("lungs", research()).new


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from ror.archive import FileStore
from tests.archive.test_store import research

instance = research()
store = FileStore(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
try:
    store.file("lungs", instance)
except OSError as error:
    print(error.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print([str(file) for file in store.root.rglob("*") if file.is_file()])
print(store.file("lungs", instance).new)
"""


def test_a_write_that_is_cut_off_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    """In a process of its own, whose files the kernel ends at 100 bytes."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "archive"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["File too large", "[]", "True"], done.stderr


def test_what_a_killed_process_left_unfinished_is_discarded(store: FileStore) -> None:
    filed = store.file("lungs", research())
    (store.root / ".incoming" / "half.part").write_bytes(b"half")
    assert store.discard_unfinished() == 1
    assert files_below(store) == {filed.path}


def test_a_filed_instance_can_be_taken_back(store: FileStore) -> None:
    filed = store.file("lungs", research())
    store.remove(filed)
    store.remove(filed)
    assert files_below(store) == set()
