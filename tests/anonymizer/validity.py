"""Whether an object is what its IOD says, as dciodvfy (Debian: dicom3tools) sees it."""

import re
import subprocess
from pathlib import Path


def complaints(data: bytes, folder: Path) -> set[str]:
    """What dciodvfy calls an error, without the values it quotes."""
    path = folder / "object.dcm"
    path.write_bytes(data)
    run = subprocess.run(
        ["/usr/bin/dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False
    )
    lines = (line.split("=")[0] for line in run.stderr.splitlines() if line.startswith("Error"))
    return {re.sub(r"<[\d.]+>|UID [\d.]+", "UID", line) for line in lines}
