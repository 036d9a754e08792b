"""Cases on disk: a folder per case as the BraTS challenge lays it out, read once and kept ready for the network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from volumes import CHANNELS, as_channels

__all__ = ["Case", "CasesUnusable", "cases_hash", "find_cases", "prepared"]

# BraTS 2018 to 2021, BraTS 2023, and what `ror export` writes.
_ENDINGS = {
    "T1w": ("_t1", "-t1n", "T1w"),
    "T1wCE": ("_t1ce", "-t1c", "T1wCE"),
    "T2w": ("_t2", "-t2w", "T2w"),
    "FLAIR": ("_flair", "-t2f", "FLAIR"),
    "labels": ("_seg", "-seg", "labels"),
}
# BraTS 2018 to 2021 call enhancing tumour 4, BraTS 2023 and this package 3.
_ENHANCING_IN_BRATS = 4


class CasesUnusable(Exception):
    """The folder does not hold what can be trained on; the message says which case lacks what."""


@dataclass(frozen=True, slots=True)
class Case:
    """The files of one case, by sequence name and ``labels``."""

    name: str
    files: dict[str, Path]

    def sequences(self) -> dict[str, NDArray[np.float32]]:
        """The four sequences, by name."""
        return {name: np.asarray(nib.load(self.files[name]).dataobj, np.float32) for name in CHANNELS}

    def labels(self) -> NDArray[np.uint8]:
        """1 necrotic core, 2 oedema, 3 enhancing."""
        stored = np.asarray(nib.load(self.files["labels"]).dataobj).astype(np.uint8)
        return np.where(stored == _ENHANCING_IN_BRATS, 3, stored).astype(np.uint8)

    def spacing_mm(self) -> NDArray[np.float64]:
        """Edges of a voxel."""
        return np.asarray(nib.load(self.files["labels"]).header.get_zooms()[:3], np.float64)


def find_cases(folder: Path) -> list[Case]:
    """Every case below `folder`, in the order of their names.

    Raises
    ------
    CasesUnusable
        A case lacks a file, or there is no case at all.
    """
    cases = []
    for below in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = {name: _one(below, endings) for name, endings in _ENDINGS.items()}
        if not any(found.values()):
            continue
        if missing := [name for name, path in found.items() if path is None]:
            raise CasesUnusable(f"{below.name} has no {', '.join(missing)}: finish or remove it")
        cases.append(Case(below.name, {name: path for name, path in found.items() if path is not None}))
    if not cases:
        raise CasesUnusable(f"{folder} has no cases: one folder each, with *_t1.nii.gz … *_seg.nii.gz in it")
    return cases


def prepared(case: Case, cache: Path) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    """Channels (4, x, y, z) and labels (x, y, z), cropped to the brain; made once and then read from `cache`."""
    kept = cache / f"{case.name}.npz"
    if not kept.exists():
        sequences = case.sequences()
        brain = sum((volume > 0).astype(np.uint8) for volume in sequences.values()) >= len(CHANNELS) // 2
        box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(brain))
        channels = as_channels({name: volume[box] for name, volume in sequences.items()}, brain[box])
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".part.npz")
        np.savez(unfinished, channels=channels.astype(np.float16), labels=case.labels()[box])
        unfinished.replace(kept)
    with np.load(kept) as stored:
        return stored["channels"], stored["labels"]


def cases_hash(cases: list[Case]) -> str:
    """SHA-256 over names and label maps: which cases a model was trained on, without saying anything of them."""
    whole = hashlib.sha256()
    for case in cases:
        whole.update(case.name.encode() + b"\0" + hashlib.sha256(case.files["labels"].read_bytes()).digest())
    return whole.hexdigest()


def _one(folder: Path, endings: tuple[str, ...]) -> Path | None:
    for ending in endings:
        for suffix in (".nii.gz", ".nii"):
            if found := sorted(folder.glob(f"*{ending}{suffix}")):
                return found[0]
    return None
