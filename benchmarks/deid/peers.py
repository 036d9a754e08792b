"""Other de-identifiers, and a plain copy: what each takes of a processor for a folder of files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import pydicom
from dicomanonymizer import anonymize_dicom_file  # type: ignore[import-untyped]

from benchmarks.environment import environment_with
from benchmarks.rounds import processor_seconds

__all__ = [
    "COPY",
    "DICOGNITO",
    "DICOM_ANONYMIZER",
    "GDCMANON",
    "GDCMANON_DUMB",
    "Contender",
    "dicognito",
    "in_process",
    "installed",
]

COPY, DICOM_ANONYMIZER, DICOGNITO = "plain copy", "dicom-anonymizer", "dicognito"
GDCMANON, GDCMANON_DUMB = "gdcmanon -e", "gdcmanon --dumb, 6 tags"
_GDCMANON = Path("/usr/bin/gdcmanon")
# Beside the same pydicom as ours; in an environment of its own, for it is no part of this project.
_PINNED: Final = ("dicognito==0.19.0", f"pydicom=={pydicom.__version__}")
_DUMB = [f"--empty={tag}" for tag in ("10,10", "10,20", "10,30", "8,50")] + [
    "--remove=10,40",
    "--remove=10,1010",
]

Contender: TypeAlias = Callable[[Sequence[Path], Path], float]
"""Treats the files of a folder that holds no others, into a folder that is empty; returns seconds of a processor."""


def installed(folder: Path) -> dict[str, Contender]:
    """Every peer that is here, by name; which is not, and why, is said."""
    found: dict[str, Contender] = {
        COPY: partial(in_process, partial(_each, shutil.copyfile)),
        DICOM_ANONYMIZER: partial(in_process, partial(_each, anonymize_dicom_file)),
    }
    if dicognito_python() is not None:
        found[DICOGNITO] = dicognito
    return found | _gdcmanon(folder)


def in_process(treat: Callable[[Sequence[Path], Path], object], files: Sequence[Path], out: Path) -> float:
    """What a peer takes that is a function."""
    return processor_seconds(lambda: treat(files, out))


def _each(treat: Callable[[Path, Path], object], files: Iterable[Path], out: Path) -> None:
    for file in files:
        treat(file, out / file.name)


def dicognito(files: Sequence[Path], out: Path) -> float:
    """Its own measure, of `dicognito_files`, so that neither start nor imports count."""
    python = dicognito_python()
    assert python is not None
    words: list[str | Path] = [python, Path(__file__).with_name("dicognito_files.py"), out, *files]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def dicognito_python() -> Path | None:
    """The interpreter of an environment that has it; None where there is none."""
    programs = environment_with(*_PINNED)
    return programs / "python" if programs else None


def _gdcmanon(folder: Path) -> dict[str, Contender]:
    openssl = shutil.which("openssl")
    if not _GDCMANON.exists() or openssl is None:
        print("left out: gdcmanon is not installed: apt-get install libgdcm-tools openssl", file=sys.stderr)
        return {}
    # It encrypts what it takes out for whoever has the certificate's key.
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=bench"]
    subprocess.run([openssl, *words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return {
        GDCMANON: partial(_run_gdcmanon, ["-e", "-c", str(certificate)]),
        GDCMANON_DUMB: partial(_run_gdcmanon, ["--dumb", *_DUMB]),
    }


def _run_gdcmanon(options: Sequence[str], files: Sequence[Path], out: Path) -> float:
    """Of the whole command, over the whole folder."""
    words: list[str | Path] = [_GDCMANON, *options, "-i", files[0].parent, "-o", out]
    return processor_seconds(lambda: subprocess.run(words, check=True, capture_output=True))
