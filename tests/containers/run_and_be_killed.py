"""An engine of its own, for a test to kill: runs the actor's `count` and prints each line."""

import json
import sys
from pathlib import Path

from containers import DockerRuntime, Image, Limits, Package, ProcessRuntime, RunOrder

asked = json.loads(sys.argv[1])
root, folder = Path(asked["root"]), Path(asked["folder"])
runtime = ProcessRuntime(root) if asked["runtime"] == "process" else DockerRuntime(root, host=asked["host"])
runtime.run(
    RunOrder(
        job_id=asked["job_id"],
        package=Package.load(asked["package"]),
        image=Image(**asked["image"]),
        data_dir=folder / "data",
        output_dir=folder / "output",
        log_path=folder / "log" / "program.log",
        limits=Limits(memory_mib=512, timeout_s=60),
        options={"do": "count"},
    ),
    lambda line: print(line, flush=True),
)
