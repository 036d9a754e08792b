"""A segmentation that came back from a viewer: whose mask does it correct? It is kept as a version of that mask."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from containers import MaskOutput
from ror.errors import JobFailed
from ror.results.corrected import agreement
from ror.results.corrections import CorrectionStore
from ror.results.errors import CorrectionRefused
from ror.results.finished import FinishedRun, result_job_of
from ror.results.ledger import Ledger
from ror.results.model import Corrected, LabelMap, Labels, ResultJob, ResultObject
from ror.results.normalise import called_alike, labels_of, matched
from ror.results.output import read_outputs
from ror.results.pictures import UNDECODABLE
from ror.results.review_copies import copy_uid
from ror.results.seg import encode_seg, seg_uid
from ror.results.sent_back import read_segments, referenced_series
from ror.results.uids import derive_uid
from ror.results.validation import validate
from ror.whole_file import write_whole

__all__ = ["CorrectionDesk"]


@dataclass(frozen=True, slots=True)
class _Fit:
    """A mask that a segmentation fits, and what it is with the corrections."""

    run: FinishedRun
    job: ResultJob
    made: LabelMap
    index: int
    labels: Labels


class CorrectionDesk:
    """Takes corrected segmentations, one at a time: each may be large.

    `runs` gives the finished runs of a study whose results are made, those that wait for review first.
    """

    def __init__(
        self,
        corrections: CorrectionStore,
        ledger: Ledger,
        runs: Callable[[str, str], Sequence[FinishedRun]],
    ) -> None:
        self._corrections = corrections
        self._ledger = ledger
        self._runs = runs
        self._lock = threading.Lock()

    def take(self, part10: bytes, project: str, sender: str) -> bool:
        """Keep a segmentation as a new version of the mask that it corrects; False if it was here before.

        Parameters
        ----------
        part10
            The file (PS3.10) of a segmentation of a study of the project, as research knows it. Only its references,
            voxels, segment numbers and labels are used.
        sender
            Who has sent it.

        Raises
        ------
        CorrectionRefused
            It fits no mask for certain.
        """
        with self._lock:
            seg = _read(part10)
            runs = self._runs(project, str(seg.StudyInstanceUID))
            if str(seg.SOPInstanceUID) in self._own(runs):
                return False
            return self._keep(_only_fit(seg, runs), sender)

    def _own(self, runs: Sequence[FinishedRun]) -> set[str]:
        """What we have made ourselves and somebody sends us: results, their copies for reviewers, corrections."""
        made = {one.sop_uid for one in self._ledger.made(run.job.id for run in runs)}
        # As the program made them, too: after an accepted correction the ledger knows the corrected ones.
        made |= {seg_uid(run.job.id, mask.name) for run in runs for mask in run.manifest.outputs.masks}
        corrections = {one.sop_uid for run in runs for one in self._corrections.of_job(run.job.id)}
        return made | {copy_uid(uid) for uid in made} | corrections

    def _keep(self, fit: _Fit, sender: str) -> bool:
        name, received_at = fit.made.announced.name, time.time()
        digest = hashlib.sha256(f"{fit.labels.shape}".encode() + fit.labels.tobytes()).hexdigest()
        sop_uid = derive_uid(fit.run.job.id, f"correction/{name}/{digest}")
        if self._corrections.those([sop_uid]):
            return False
        announced = fit.made.announced.model_copy(update={"encoding": _encoding(fit.made)})
        when = datetime.fromtimestamp(int(received_at), UTC)
        corrected = LabelMap.of(announced, fit.labels, Corrected(sop_uid, when))
        seg = encode_seg(corrected, fit.job, fit.index)
        assert seg is not None  # it is not empty
        validate([ResultObject("SEG", name, seg)], fit.job)
        path = self._corrections.file(fit.run.job.id, name, sop_uid)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, partial(seg.save_as, enforce_file_format=True))
        series = fit.job.series_named(announced.on)
        assert series is not None  # its mask was read on it
        agreed = agreement(fit.made, corrected)
        return self._corrections.add(
            fit.run.job.id, name, sop_uid, series.series_instance_uid, sender, received_at, agreed
        )


def _read(part10: bytes) -> Dataset:
    try:
        return dcmread(BytesIO(part10))
    except UNDECODABLE as error:
        raise CorrectionRefused(
            "unreadable", f"it cannot be read ({type(error).__name__})", "save it once more"
        ) from error


def _encoding(made: LabelMap) -> str:
    return "binary" if made.announced.encoding == "fractional" else made.announced.encoding


def _only_fit(seg: Dataset, runs: Sequence[FinishedRun]) -> _Fit:
    """The one mask that it fits.

    Those of which most segments have the label come before others, and what is wrong with it is told of these; a job
    that waits for review comes before those that do not.
    """
    on = referenced_series(seg)
    labels = [str(item.get("SegmentLabel", "")) for item in seg.get("SegmentSequence", ())]
    alike = max(
        (called_alike(labels, mask) for run in runs for mask in _masks_on(on, run)),
        default=0,
    )
    found, refusals = list[_Fit](), list[CorrectionRefused]()
    for run in runs:
        masks = [mask.name for mask in _masks_on(on, run) if called_alike(labels, mask) == alike]
        for fit in _fits(seg, masks, run):
            if isinstance(fit, _Fit):
                found.append(fit)
            else:
                refusals.append(fit)
    waiting = [fit for fit in found if fit.run.in_review]
    found = waiting or found
    if len(found) > 1:
        masks = [f"{fit.made.announced.name} of {fit.run.job.id}" for fit in found]
        raise CorrectionRefused(
            "ambiguous",
            f"it may correct any of these masks: {', '.join(masks)}",
            "call its segments as the workflow does; where two workflows call theirs alike, it is taken while one "
            "of them waits for review",
        )
    if found:
        return found[0]
    raise (
        refusals[0]
        if refusals
        else CorrectionRefused(
            "other_series",
            "no finished job of its study has made a mask on the series that it refers to",
            "draw on the images that the workflow worked on; its results must still be there",
        )
    )


def _masks_on(on: frozenset[str], run: FinishedRun) -> list[MaskOutput]:
    """The masks of a run that lie on a series that the segmentation refers to."""
    # Without a series its frames still say which images they were drawn on.
    names = {one.name for one in run.job.series if not on or one.series_uid in on}
    return [mask for mask in run.manifest.outputs.masks if mask.on in names]


def _fits(seg: Dataset, names: Collection[str], run: FinishedRun) -> Iterator[_Fit | CorrectionRefused]:
    """For each mask of a run that is named: that the segmentation fits, or why not."""
    if not names:
        return
    try:
        job = result_job_of(run)
        masks = read_outputs(run.folder.output, run.manifest, job).masks
    except (OSError, JobFailed):  # its folder was tidied away, or its program has spoilt its input
        return
    for index, made in enumerate(masks):
        series = job.series_named(made.announced.on)
        if made.announced.name not in names or series is None:
            continue
        try:
            segments = read_segments(seg, series)
            labels = labels_of(segments, matched(segments, made), made)
        except CorrectionRefused as refused:
            yield refused
        else:
            yield _Fit(run, job, made, index, labels)
