"""What an object was called before: its UIDs, sealed for results that go back to where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from anonymizer import IdentifiedInstance
from ror.gateway.gates import Gate
from ror.registry import OriginalUids

__all__ = ["NO_WAY_BACK", "KeptUids", "kept_uids"]

_SHARED: Final = (0x0020000D, 0x0020000E, 0x00200052)  # study, series, frame of reference
_OF_THE_STANDARD: Final = "1.2.840.10008."


@dataclass(frozen=True, slots=True)
class KeptUids:
    """Original UIDs, sealed, of one object.

    Attributes
    ----------
    own
        Of the instance.
    shared
        Of its study, series and frame of reference, by their UIDs of research; those that are kept already are not
        here.
    """

    own: bytes
    shared: Mapping[str, bytes]


NO_WAY_BACK: Final = KeptUids(b"", {})


def kept_uids(identified: IdentifiedInstance, gate: Gate, uids: OriginalUids) -> KeptUids:
    """Seal what results will refer to; nothing where the project does not keep it.

    Raises
    ------
    ConfigurationError
        The key is lost.
    """
    if not gate.keeps_uids:
        return NO_WAY_BACK
    own = gate.profile.uid(gate.key, identified.sop_instance_uid)
    shared = {gate.profile.uid(gate.key, uid): uid for uid in _shared(identified)}
    unknown = uids.unknown(gate.project, shared)
    sealed = uids.sealed(gate.project, {uid: shared[uid] for uid in unknown})
    return KeptUids(uids.sealed(gate.project, {own: identified.sop_instance_uid}).get(own, b""), sealed)


def _shared(identified: IdentifiedInstance) -> Iterator[str]:
    for element in identified.elements:
        if element.tag in _SHARED:
            uid = bytes(element.value).decode("latin-1").strip(" \0")
            if uid and not uid.startswith(_OF_THE_STANDARD):  # which every object keeps
                yield uid
