"""One object after others by a `Deidentifier`, and the same alone: what comes out must be the same, bit for bit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ParamSpec

import pytest

from anonymizer import (
    DeidentificationError,
    Deidentifier,
    IdentifiedInstance,
    Profile,
    ProjectKey,
    Report,
    ResearchInstance,
    Subject,
    deidentify,
    fingerprint,
)
from anonymizer.data_set import DataSet

Given = ParamSpec("Given")


def outcome(
    work: Callable[Given, tuple[ResearchInstance, Report]], *given: Given.args, **named: Given.kwargs
) -> tuple[object, ...]:
    """What came out, or why nothing did."""
    try:
        research, report = work(*given, **named)
    except DeidentificationError as error:
        return error.reason, error.tag, str(error)
    uids = (research.study_instance_uid, research.series_instance_uid, research.sop_instance_uid)
    return research.to_part10(), uids, research.patient_id, report


def assert_alike(
    objects: Sequence[bytes], profile: Profile, key: ProjectKey, subject: Subject | None = None
) -> None:
    """Each object, whatever came before it, is read, told from others and treated as if it were alone."""
    remembering = Deidentifier(profile, key)
    for data in objects:
        try:
            alone = IdentifiedInstance.from_part10(data)
        except DeidentificationError as refusal:
            with pytest.raises(type(refusal), match=re.escape(str(refusal))):
                IdentifiedInstance.from_part10(data, remembering.memory)
            continue
        after_others = IdentifiedInstance.from_part10(data, remembering.memory)
        in_elements = replace(alone, data_set=DataSet.of(alone.elements))
        assert after_others.elements == alone.elements
        treated = outcome(remembering.deidentify, after_others, subject)
        assert treated == outcome(deidentify, alone, profile, key, subject)
        assert fingerprint(after_others, key) == fingerprint(in_elements, key)
