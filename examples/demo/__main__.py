"""``python -m examples.demo``: two studies through the whole path, on embedded defaults.

A real chest CT and a made brain MR are sent by C-STORE to a `ror serve` of their own; what comes back is checked.
Exit code 0 if every station did its work.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

import orthanc
from examples.data.brain_mr import make_brain_mr
from examples.data.chest_ct import make_chest_ct
from examples.data.errors import DataError
from examples.data.study import GeneratedStudy
from examples.demo import report
from examples.demo.service import CommandFailed, Installation

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = ("lung_mask", "brain_tumor")
TUMOUR_FIELDS = {
    "edema_volume": "edema",
    "enhancing_volume": "enhancing",
    "necrotic_core_volume": "necrotic_core",
}
DEADLINE_SECONDS = 300
Tell: TypeAlias = Callable[[str], None]
_POLL_SECONDS = 0.5


def main() -> int:
    """Run the demo; 1 if anything went wrong."""
    began = time.monotonic()
    folder = ROOT / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    installation = Installation(folder)
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("making two studies")

            def tell(what: str) -> None:
                progress.update(task, description=what)

            studies = {
                "lung_mask": make_chest_ct(folder / "sent" / "chest_ct"),
                "brain_tumor": make_brain_mr(folder / "sent" / "brain_mr", seed=1),
            }
            with installation.stand_in_pacs() as pacs:
                _set_up(installation, pacs, tell)
                with installation.serve() as (port, runtime):
                    _send(studies.values(), port, tell)
                    sent = sum(len(study.files) for study in studies.values())
                    jobs = _wait(installation, sent, tell)
    except (CommandFailed, DataError, orthanc.OrthancError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; what it had started is stopped", file=sys.stderr)
        return 130
    findings = _report(installation, studies, jobs)
    for finding in findings:
        print(f"{' ' if finding.well else '!'} {finding.line}")
    well = all(finding.well for finding in findings)
    seconds = time.monotonic() - began
    print(f"{'all went well' if well else 'something went WRONG'}, {runtime} runtime, {seconds:.0f} s")
    print(f"look: {folder}/pacs (images, SEG, SR), .venv/bin/ror --home {folder}/home jobs list")
    return 0 if well else 1


def _set_up(installation: Installation, pacs: orthanc.Peer, tell: Tell) -> None:
    try:
        _add_all(installation, pacs, "auto", tell)
    except CommandFailed as error:
        # A Docker daemon that cannot get the base image (no network) is no reason not to show the path.
        print(f"Docker cannot be used, so programs run as processes: {error}", file=sys.stderr)
        shutil.rmtree(installation.home)
        _add_all(installation, pacs, "process", tell)


def _add_all(installation: Installation, pacs: orthanc.Peer, runtime: str, tell: Tell) -> None:
    installation.configure(runtime, pacs)
    installation.ror("project", "add", "demo", "--pacs", "demo")
    installation.ror("route", "add", "demo", "--from", "DEMO_SCANNER")
    for name in WORKFLOWS:
        tell(f"installing workflow {name}")
        installation.ror("workflow", "add", str(ROOT / "workflows" / name), "--project", "demo")


def _send(studies: Iterable[GeneratedStudy], port: int, tell: Tell) -> None:
    peer = orthanc.Peer("ROR", "127.0.0.1", port, "DEMO_SCANNER")
    for study in studies:
        tell(f"sending {len(study.files)} objects by C-STORE")
        orthanc.send(peer, study.files)


def _wait(installation: Installation, sent: int, tell: Tell) -> dict[str, Any]:
    """Wait until all that was sent has matched, and every workflow has ended its job; returns these by workflow."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        studies = installation.ask("studies")
        rows = [row for row in installation.ask("jobs", "list") if row["state"] != "superseded"]
        complete = sum(study["instances"] for study in studies) == sent
        matched = complete and all(study["state"] == "matched" for study in studies)
        if matched and rows and all(row["state"] not in ("queued", "running") for row in rows):
            shown = [installation.ask("jobs", "show", row["id"]) for row in rows]
            return {one["job"]["workflow"]: one for one in shown}
        going = ", ".join(f"{row['id'].rpartition('-')[0]}: {row['step'] or row['state']}" for row in rows)
        tell(going or "waiting until the studies settle")
        time.sleep(_POLL_SECONDS)
    raise CommandFailed(
        f"the jobs did not end within {DEADLINE_SECONDS} s; see {installation.folder}/serve.log"
    )


def _report(
    installation: Installation, studies: dict[str, GeneratedStudy], jobs: dict[str, Any]
) -> list[report.Finding]:
    findings: list[report.Finding] = []
    measured = report.measurements(installation)
    for name, study in studies.items():
        if name not in jobs:
            findings.append(report.Finding(f"matched    NOT {name}: see ror jobs why", False))
            continue
        job = jobs[name]
        findings += report.path_lines(installation, job, study)
        if job["job"]["state"] != "succeeded":
            continue
        if name == "lung_mask":
            findings.append(
                report.dice(Path(job["folder"]) / "output" / "mask" / "lungs.nii.gz", study.truth)
            )
        else:
            findings += report.volume_lines(measured, study.volumes_mm3, TUMOUR_FIELDS)
    findings.append(report.leaks(installation, studies.values()))
    return findings


if __name__ == "__main__":
    sys.exit(main())
