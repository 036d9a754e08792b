"""Things are made once, and a kill in the middle is harmless."""

import subprocess
import sys
import threading
from pathlib import Path

from containers.once import exclusive, make_once


def test_many_threads_make_it_once(tmp_path: Path) -> None:
    made: list[Path] = []
    threads = [threading.Thread(target=make_once, args=(tmp_path / "thing", made.append)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [tmp_path / "thing"]


def test_a_half_made_one_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "half").touch()
    make_once(folder, lambda new: (new / "whole").touch())
    assert sorted(path.name for path in folder.iterdir()) == [".complete", "whole"]


def test_one_that_could_not_be_made_is_tried_again(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        raise OSError("disk full")

    for _ in range(2):
        try:
            make_once(tmp_path / "thing", fail)
        except OSError as error:
            assert str(error) == "disk full"
    assert (make_once(tmp_path / "thing", lambda new: None) / ".complete").exists()


def test_a_killed_holder_frees_the_lock_and_leaves_its_word(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = (
        "import sys, pathlib, containers.once as once\n"
        "with once.exclusive(pathlib.Path(sys.argv[1])) as lock:\n"
        "    lock.write(b'left'); lock.flush(); print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        waited: list[bool] = []

        def waiting() -> None:
            waited.append(True)
            holder.kill()

        with exclusive(path, waiting) as lock:
            assert lock.read() == b"left"
    assert waited == [True]
    assert not path.exists()


def test_holders_never_overlap_though_each_removes_the_file(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def hold() -> None:
        for _ in range(50):
            with exclusive(tmp_path / "lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=hold) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 300 and max(most) == 1
