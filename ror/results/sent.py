"""What is made of outputs for a project: what their manifest wants, unless the project has its own mind."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from ror.registry import AS_WORKFLOW, Sending
from ror.results.model import Captures, LabelMap, Outputs

__all__ = ["as_sent"]


def as_sent(outputs: Outputs, sending: Sending) -> Outputs:
    """The outputs as if their manifest wanted what the project sends; files that are only kept stay."""
    if sending.captures != AS_WORKFLOW:
        outputs = replace(outputs, captures=cast(Captures, sending.captures))
    if sending.report != AS_WORKFLOW:
        outputs = replace(outputs, report=sending.report == "yes")
    if sending.rtstruct != AS_WORKFLOW:
        masks = tuple(_with_rtstruct(mask, sending.rtstruct == "yes") for mask in outputs.masks)
        outputs = replace(outputs, masks=masks)
    if sending.models == "no":
        outputs = replace(outputs, meshes=())
    return outputs


def _with_rtstruct(mask: LabelMap, wanted: bool) -> LabelMap:
    return replace(mask, announced=mask.announced.model_copy(update={"rtstruct": wanted}))
