"""What a STOW-RS client is told of each instance (PS3.18 10.5.3, Table 10.5.3-1; PS3.3 C.12.1.1 for the sequences)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ror.gateway import Status

__all__ = ["Stored", "status_of", "store_response"]

_RETRIEVE_URL, _FAILED, _REFERENCED, _OTHER = "00081190", "00081198", "00081199", "0008119A"
_CLASS, _INSTANCE, _REASON = "00081150", "00081155", "00081197"


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one instance; the UIDs are those that the client has sent, empty where none could be read."""

    sop_class_uid: str
    sop_instance_uid: str
    status: Status


def status_of(instances: Sequence[Stored]) -> HTTPStatus:
    """The status of the whole (PS3.18 Table 10.5.3-1)."""
    failed = {one.status for one in instances if one.status is not Status.SUCCESS}
    if not failed:
        return HTTPStatus.OK
    if any(one.status is Status.SUCCESS for one in instances):
        return HTTPStatus.ACCEPTED
    # All of it can be sent again later.
    return HTTPStatus.SERVICE_UNAVAILABLE if failed == {Status.OUT_OF_RESOURCES} else HTTPStatus.CONFLICT


def store_response(instances: Sequence[Stored]) -> dict[str, Any]:
    """The Store Instances Response Module in the DICOM JSON Model.

    Retrieve URLs are empty: under the UIDs that were sent there is nothing here, and under which their de-identified
    instances are held is not told to those who may only store.
    """
    named = [one for one in instances if one.sop_instance_uid]
    stored = [_reference(one) for one in named if one.status is Status.SUCCESS]
    failed = [_reference(one) for one in named if one.status is not Status.SUCCESS]
    others = [_reason(one) for one in instances if not one.sop_instance_uid]
    response: dict[str, Any] = {_RETRIEVE_URL: {"vr": "UR"}}
    for tag, items in ((_FAILED, failed), (_REFERENCED, stored), (_OTHER, others)):
        if items:
            response[tag] = {"vr": "SQ", "Value": items}
    return response


def _reference(one: Stored) -> dict[str, Any]:
    reference: dict[str, Any] = {
        _CLASS: {"vr": "UI", "Value": [one.sop_class_uid]},
        _INSTANCE: {"vr": "UI", "Value": [one.sop_instance_uid]},
    }
    if one.status is Status.SUCCESS:
        return reference | {_RETRIEVE_URL: {"vr": "UR"}}
    return reference | _reason(one)


def _reason(one: Stored) -> dict[str, Any]:
    # The C-STORE statuses are the failure reasons of STOW-RS, too (PS3.18 Table I.2-2).
    return {_REASON: {"vr": "US", "Value": [int(one.status)]}}
