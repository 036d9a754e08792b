"""Runs that end before their time, and runs over a folder that is filled already."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import pytest
from pydicom import dcmread

from anonymizer import Profile
from ror.deid import Order, Outcome, OwnSecret, Result, Tally, deidentify_folder
from ror.errors import ConfigurationError, HomeInUse, ServiceUnavailable
from tests.anonymizer.planted import ROOT, minimal, part10
from tests.deid.conftest import SECRET, make_series, tree
from tests.support.serving import eventually

MANY = 80  # more than the handfuls that are under way at once


def stopped_by(order: Order, number: signal.Signals) -> Result:
    """A run that gets a signal after its first handful."""

    def told(_total: int, tally: Tally) -> None:
        if tally.written == tally.files > 0 and not sent:
            sent.append(number)
            os.kill(os.getpid(), number)

    sent: list[signal.Signals] = []
    return deidentify_folder(order, told)


def test_a_second_run_finds_everything_done(order: Order) -> None:
    make_series(order.source, 5)
    deidentify_folder(order)
    before = {file: file.stat().st_mtime_ns for file in order.out.rglob("*.dcm")}
    again = deidentify_folder(order)
    assert (again.tally.written, again.tally.present) == (0, 5)
    assert {file: file.stat().st_mtime_ns for file in order.out.rglob("*.dcm")} == before
    assert again.report["series"] == 1


def test_a_second_folder_of_the_same_patient_joins_the_first(order: Order, tmp_path: Path) -> None:
    make_series(order.source, 2)
    make_series(tmp_path / "more", 3, series=2)
    deidentify_folder(order)
    deidentify_folder(replace(order, source=tmp_path / "more"))
    assert len(tree(order.out)) == 5
    assert len({Path(name).parts[0] for name in tree(order.out)}) == 1


def test_another_object_of_a_uid_is_told_and_the_first_one_stays(order: Order) -> None:
    for number, window in enumerate(("40", "400")):
        (order.source / str(number)).write_bytes(part10(minimal(WindowCenter=window, WindowWidth="1")))
    result = deidentify_folder(order)
    (told,) = result.report["refused"]
    assert (told["reason"], told["files"], result.tally.written) == ("differs", 1, 1)
    (name,) = tree(order.out)
    assert dcmread(order.out / name).WindowCenter == 40


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_is_stopped_leaves_whole_files_and_goes_on_when_asked_again(
    order: Order, tmp_path: Path, jobs: int, number: signal.Signals
) -> None:
    make_series(order.source, MANY)
    order = replace(order, jobs=jobs)
    before = signal.getsignal(number)
    stopped = stopped_by(order, number)
    assert signal.getsignal(number) is before
    left = tree(order.out)
    assert not stopped.complete
    assert not stopped.report["complete"]
    assert "was stopped" in (order.out / "report.html").read_text(encoding="utf-8")
    assert 0 < len(left) < MANY
    assert not (order.out / ".incoming").exists()
    whole = deidentify_folder(replace(order, out=tmp_path / "whole"))
    assert whole.complete
    wanted = tree(tmp_path / "whole")
    assert left.items() <= wanted.items()
    again = deidentify_folder(order)
    assert (again.tally.written, again.tally.present) == (MANY - len(left), len(left))
    assert tree(order.out) == wanted


KILLED = """
import os, signal, sys
from pathlib import Path
from anonymizer import Profile
from ror.deid import Order, OwnSecret, deidentify_folder

def told(total, tally):
    if tally.files:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    secret = OwnSecret(bytes.fromhex(sys.argv[3]))
    deidentify_folder(Order(Path(sys.argv[1]), Path(sys.argv[2]), Profile.of(), secret, jobs=2), told)
"""


def test_a_killed_run_leaves_no_process_and_can_be_gone_on_with(order: Order) -> None:
    make_series(order.source, MANY)
    words = [sys.executable, "-c", KILLED, str(order.source), str(order.out), SECRET.secret.hex()]
    process = subprocess.Popen(words, start_new_session=True, cwd=Path(__file__).parent.parent.parent)
    assert process.wait(300) == -signal.SIGKILL
    eventually(lambda: not alive(process.pid))
    begun = tree(order.out)
    assert begun
    for data in begun.values():
        assert data[128:132] == b"DICM"
    again = deidentify_folder(order)
    assert again.tally.present == len(begun)
    assert len(tree(order.out)) == MANY
    assert not (order.out / ".incoming").exists()


def alive(group: int) -> bool:
    """Whether a process of the group still runs; who has ended and not been waited for does not."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = status.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            return True
    return False


def test_a_worker_that_is_killed_is_told_with_what_to_do(order: Order) -> None:
    make_series(order.source, MANY)

    def told(_total: int, tally: Tally) -> None:
        if tally.files:
            for one in active_children():
                one.kill()

    with pytest.raises(ServiceUnavailable, match="was killed") as error:
        deidentify_folder(replace(order, jobs=2), told)
    assert "fewer --jobs" in error.value.advice
    assert deidentify_folder(order).tally.files == MANY


def test_a_full_disk_is_told_and_leaves_nothing_half_written(order: Order) -> None:
    make_series(order.source, 3)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, before[1]))
    try:
        with pytest.raises(ServiceUnavailable, match="cannot be written any more") as error:
            deidentify_folder(order)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "goes on" in error.value.advice
    assert tree(order.out) == {}
    assert deidentify_folder(order).tally.written == 3


def test_another_key_may_not_go_on_in_the_folder(order: Order) -> None:
    make_series(order.source, 1)
    deidentify_folder(order)
    held = tree(order.out)
    with pytest.raises(ConfigurationError, match="another key"):
        deidentify_folder(replace(order, secret=OwnSecret(b"another secret of these tests...")))
    assert tree(order.out) == held


def test_a_folder_of_a_secret_that_is_gone_says_so(order: Order) -> None:
    make_series(order.source, 1)
    deidentify_folder(replace(order, secret=OwnSecret(SECRET.secret, kept=False)))
    with pytest.raises(ConfigurationError) as error:
        deidentify_folder(replace(order, secret=OwnSecret(b"another secret of these tests...", kept=False)))
    assert "thrown away" in error.value.advice


def test_another_profile_may_not_go_on_in_the_folder(order: Order) -> None:
    make_series(order.source, 1)
    deidentify_folder(order)
    with pytest.raises(ConfigurationError, match="another profile"):
        deidentify_folder(replace(order, profile=Profile.of(remove=["InstanceNumber"])))


def test_a_folder_of_somebody_else_is_not_touched(order: Order) -> None:
    make_series(order.source, 1)
    order.out.mkdir()
    (order.out / "thesis.doc").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty"):
        deidentify_folder(order)
    assert [file.name for file in order.out.iterdir()] == ["thesis.doc"]
    assert not order.out.with_name("out.refused.tsv").exists()


def test_a_damaged_marker_is_told(order: Order) -> None:
    make_series(order.source, 1)
    order.out.mkdir()
    (order.out / ".ror-deid.json").write_text("{")
    with pytest.raises(ConfigurationError, match="damaged"):
        deidentify_folder(order)


def test_two_runs_do_not_fill_one_folder_at_once(order: Order) -> None:
    make_series(order.source, 1)

    def told(_total: int, _tally: Tally) -> None:
        with pytest.raises(HomeInUse, match="another `ror deid`"):
            deidentify_folder(order)

    assert deidentify_folder(order, told).tally.written == 1


def test_the_list_is_made_anew_for_its_owner_only(order: Order) -> None:
    (order.source / "empty").write_bytes(b"")
    listed = order.out.with_name("out.refused.tsv")
    listed.write_text("of somebody")
    listed.chmod(0o644)
    result = deidentify_folder(order)
    assert result.tally.count(Outcome.SKIPPED) == 1
    assert listed.stat().st_mode & 0o777 == 0o600
    assert "of somebody" not in listed.read_text()
    assert ROOT not in listed.read_text()


@pytest.fixture
def top_of_a_medium(tmp_path: Path) -> Iterator[Path]:
    """A folder that can be written in one that cannot."""
    above = tmp_path / "media"
    top = above / "stick"
    top.mkdir(parents=True)
    mount = ("mount", "--bind", above, above)
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount")
    subprocess.run(("mount", "-o", "remount,ro,bind", above), check=True)
    subprocess.run(("mount", "-t", "tmpfs", "tmpfs", top), check=True)
    yield top
    for folder in (top, above):
        subprocess.run(("umount", folder), check=True)


def test_a_folder_beside_which_no_list_can_be_is_refused_before_anything_is_done(
    order: Order, top_of_a_medium: Path
) -> None:
    make_series(order.source, 1)
    with pytest.raises(ConfigurationError, match=r"stick\.refused\.tsv cannot be written") as error:
        deidentify_folder(replace(order, out=top_of_a_medium))
    assert list(top_of_a_medium.iterdir()) == []
    inside = Path(error.value.advice.rpartition("--out ")[2])
    assert inside.parent == top_of_a_medium
    assert deidentify_folder(replace(order, out=inside)).tally.written == 1


def test_a_place_beside_the_folder_that_is_taken_is_told(order: Order) -> None:
    make_series(order.source, 1)
    order.out.with_name("out.refused.tsv").mkdir()
    with pytest.raises(ConfigurationError, match=r"out\.refused\.tsv cannot be written"):
        deidentify_folder(order)
    assert tree(order.out) == {}


ASKED = """
import os, signal, sys
from pathlib import Path
from anonymizer import Profile
from ror.deid import Order, OwnSecret, deidentify_folder

sent = []

def told(total, tally):
    if tally.files and not sent:
        sent.append(signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM)))
        for number in sys.argv[4].split():
            os.killpg(0, int(number))
        signal.pthread_sigmask(signal.SIG_SETMASK, sent[0])

if __name__ == "__main__":
    secret = OwnSecret(bytes.fromhex(sys.argv[3]))
    order = Order(Path(sys.argv[1]), Path(sys.argv[2]), Profile.of(), secret, jobs=2)
    sys.exit(130 if not deidentify_folder(order, told).complete else 0)
"""


@pytest.mark.parametrize(
    "numbers", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)], ids=str
)
def test_a_group_of_processes_that_is_asked_to_stop_ends_quietly_with_a_report(
    order: Order, numbers: tuple[signal.Signals, ...]
) -> None:
    make_series(order.source, MANY)
    told = " ".join(str(int(one)) for one in numbers)
    words = [sys.executable, "-c", ASKED, str(order.source), str(order.out), SECRET.secret.hex(), told]
    root = Path(__file__).parent.parent.parent
    run = subprocess.run(words, start_new_session=True, cwd=root, capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stderr) == (130, "")
    assert not json.loads((order.out / "report.json").read_text(encoding="utf-8"))["complete"]
    assert 0 < len(tree(order.out)) < MANY
    assert not (order.out / ".incoming").exists()
