"""The first steps that ror/develop/README.md shows, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "ror" / "develop" / "README.md").read_text(encoding="utf-8")


def test_the_first_steps_run_as_they_stand_there(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```sh\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ROR_HOME": str(tmp_path / "home"),
    }
    done = subprocess.run(
        ["bash", "-c", f"set -e\n{block}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (shown,) = re.findall(r"^```\n(job 1 .*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    for line in shown.splitlines():
        # Names, times and places differ from run to run.
        same = re.split(r"[0-9(/]", line)[0] if line.startswith(("job", "ran", "PACS", "all")) else line
        assert same in done.stdout, f"{same!r}\n{done.stdout}"
