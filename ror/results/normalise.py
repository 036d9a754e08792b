"""A segmentation that somebody has corrected in a viewer → a mask of the workflow that it corrects.

Viewers lose what a segment means. Each is matched to one of the manifest by its label, else by number and place, and
what the manifest says of that one holds: code, colour, tracking, algorithm. What does not fit for certain is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from containers import MaskOutput
from ror.results.errors import CorrectionRefused
from ror.results.model import LabelMap, Labels
from ror.results.sent_back import SentSegment

__all__ = ["called_alike", "labels_of", "matched"]


def called_alike(labels: Iterable[str], announced: MaskOutput) -> int:
    """How many of the labels of segments are those of a mask."""
    own = {_plain(segment.label) for segment in announced.segments}
    return sum(_plain(label) in own for label in labels)


def matched(sent: Sequence[SentSegment], made: LabelMap) -> dict[int, int]:
    """Which value of the mask each segment stands for, by its number.

    A segment without a label of the manifest is known by its number, if it lies where that segment was: of the voxels
    that it shares with the mask as it was made, most are of that value. One that is empty and unknown stands for
    nothing.

    Raises
    ------
    CorrectionRefused
        One is unknown, two are the same, or one of the mask is missing: it may have been deleted, or never been there.
    """
    values = {_plain(segment.label): segment.value for segment in made.announced.segments}
    found: dict[int, int] = {}
    for segment in sorted(sent, key=lambda one: _plain(one.label) not in values):
        value = values.get(_plain(segment.label), 0)
        if (
            not value
            and segment.number not in found.values()
            and _lies_most_in(segment, made) == segment.number
        ):
            value = segment.number
        if not value and segment.empty:
            continue
        if not value:
            raise CorrectionRefused(
                "unknown_segment",
                f"segment {segment.number} is none of the workflow: neither its label nor its place is known",
                f"call it {_choices(made)}, or take it out",
            )
        if value in found.values():
            raise CorrectionRefused(
                "same_segment",
                f"two segments stand for {_label_of(made, value)}",
                "join them, or give them different labels",
            )
        found[segment.number] = value
    missing = [one.label for one in made.announced.segments if one.value not in found.values()]
    if missing:
        raise CorrectionRefused(
            "missing_segment",
            f"it has no segment for {', '.join(missing)}",
            "save all segments together, also unchanged ones; erase what is wrong instead of deleting its segment",
        )
    return found


def labels_of(sent: Sequence[SentSegment], values: Mapping[int, int], made: LabelMap) -> Labels:
    """The voxels of a corrected mask, on the grid of the mask as it was made.

    Parameters
    ----------
    values
        As `matched` gives them.

    Returns
    -------
    uint8 or uint16, shape (slices, rows, columns)

    Raises
    ------
    CorrectionRefused
        Segments overlap, or there is nothing in any of them.
    """
    kind = np.uint8 if max(values.values(), default=0) <= np.iinfo(np.uint8).max else np.uint16
    labels = np.zeros(made.labels.shape, kind)
    overlapping = 0
    for segment in sent:
        if segment.number not in values:
            continue
        for k, plane in segment.planes():
            overlapping += int(np.count_nonzero(labels[k][plane]))
            labels[k][plane] = values[segment.number]
    if overlapping:
        raise CorrectionRefused(
            "overlap",
            f"{overlapping} voxels belong to two segments",
            "let the viewer draw so that a segment takes voxels from the others",
        )
    if not labels.any():
        raise CorrectionRefused(
            "empty", "nothing is drawn in it", "reject the results instead: `ror review reject`"
        )
    return labels


def _lies_most_in(segment: SentSegment, made: LabelMap) -> int:
    """The value of the mask, as it was made, that most voxels of a segment had; 0 for none."""
    counted = np.zeros(made.voxels.shape[1], np.int64)
    for k, plane in segment.planes():
        counted += np.bincount(made.labels[k][plane], minlength=len(counted))
    return int(counted[1:].argmax()) + 1 if counted[1:].any() else 0


def _plain(label: str) -> str:
    return " ".join(label.split()).casefold()


def _label_of(made: LabelMap, value: int) -> str:
    return next(one.label for one in made.announced.segments if one.value == value)


def _choices(made: LabelMap) -> str:
    return " or ".join(one.label for one in made.announced.segments)
