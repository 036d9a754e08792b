"""Results as reviewers see them: copies that say that nobody has looked at them, under UIDs of their own.

An object that is delivered later says something else, so it must have another UID (PS3.3 C.12.1.1.1): one PACS may be
both where results are reviewed and where they go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from ror.model import JobFolder
from ror.results.destinations import Outgoing
from ror.results.equipment import long_text
from ror.results.ledger import MadeObject
from ror.results.uids import derive_uid
from ror.whole_file import write_whole

__all__ = ["UNREVIEWED", "copies_of", "copy_uid", "write_copies"]

UNREVIEWED = "UNREVIEWED"


def copies_of(objects: Sequence[MadeObject], folder: Path) -> list[Outgoing]:
    """What the copies of some results are called, and where they lie below `folder`."""
    return [
        Outgoing(
            copy_uid(one.sop_uid),
            copy_uid(one.series_uid),
            one.study_uid,
            one.kind,
            folder / f"{one.kind}-{copy_uid(one.sop_uid)}.dcm",
        )
        for one in objects
    ]


def write_copies(objects: Sequence[MadeObject], folder: JobFolder) -> list[Outgoing]:
    """Write the copies of a job's results, which refer to each other as the results do."""
    copies = copies_of(objects, folder.review)
    folder.review.mkdir(parents=True, exist_ok=True)
    renamed = {uid: copy_uid(uid) for one in objects for uid in (one.sop_uid, one.series_uid)}
    for one, copy in zip(objects, copies, strict=True):
        dataset = _marked(dcmread(folder.root / one.path), renamed)
        write_whole(copy.path, partial(dataset.save_as, enforce_file_format=True))
    return copies


def _marked(dataset: Dataset, renamed: Mapping[str, str]) -> Dataset:
    dataset.SeriesDescription = long_text(f"{UNREVIEWED} {dataset.get('SeriesDescription', '')}")
    for keyword in ("ContentLabel", "DocumentTitle"):
        if keyword in dataset:
            setattr(dataset, keyword, UNREVIEWED)
    dataset.SOPInstanceUID = renamed[dataset.SOPInstanceUID]
    dataset.SeriesInstanceUID = renamed[dataset.SeriesInstanceUID]
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    if "PerFrameFunctionalGroupsSequence" not in dataset:  # of frames, which refer to images alone
        for element in dataset.iterall():
            if element.VR == "UI" and element.value in renamed:
                element.value = renamed[element.value]
    return dataset


def copy_uid(uid: str) -> str:
    """The UID of the copy of an instance or a series."""
    return derive_uid(uid, "copy for review")
