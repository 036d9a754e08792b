"""Run a workflow package on a job folder, without the rest of the product.

    python examples/run_package.py workflows/lung_mask JOB_FOLDER OUTPUT_FOLDER

JOB_FOLDER is what a program finds at /data: `descr.json`, `job.json` and `input/`. The program runs as a process of
this machine, in a virtual environment of its own below ~/.cache/ror; that is no sandbox.
"""

import sys
from pathlib import Path

from containers import Limits, ManifestError, Package, ProcessRuntime, RunOrder


def main(folder: Path, data: Path, output: Path) -> int:
    try:
        package = Package.load(folder)
    except ManifestError as error:
        print(error, file=sys.stderr)
        return 2
    output.mkdir(parents=True, exist_ok=True)
    runtime = ProcessRuntime(Path.home() / ".cache" / "ror")
    order = RunOrder(
        job_id=f"example-{package.digest[:12]}",
        package=package,
        image=runtime.prepare(package),
        data_dir=data,
        output_dir=output,
        log_path=output / "log" / "program.log",
        limits=Limits.of(package.manifest.resources),
        options=package.manifest.options,
    )
    outcome = runtime.run(order, print)
    print(f"{outcome.ending.value}: {outcome.detail}")
    for path in sorted(file for file in output.rglob("*") if file.is_file()):
        print(f"  {path.relative_to(output)}  {path.stat().st_size} bytes")
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*(Path(argument) for argument in sys.argv[1:])))
