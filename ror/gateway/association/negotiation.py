"""The answer to a request for an association (PS3.8 7.1, 9.3.2 to 9.3.4), by pynetdicom's PDUs and its rules."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom.uid import AllTransferSyntaxes, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AllStoragePresentationContexts
from pynetdicom._globals import APPLICATION_CONTEXT_NAME
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)
from pynetdicom.presentation import PresentationContext, build_context, negotiate_as_acceptor

from ror.gateway.association.errors import PeerViolation
from ror.gateway.association.wire import MAX_PDU_BYTES, PduType

__all__ = ["VERIFICATION", "Context", "Offer", "Refusal", "Requested"]

VERIFICATION: Final = "1.2.840.10008.1.1"  # Verification SOP Class (PS3.4 A.4)
_IMPLEMENTATION_CLASS_UID: Final = "2.25.171562349081725016238440591723608114257"  # as in our objects
# What pynetdicom's decoding raises where a request does not add up.
_MALFORMED: Final = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, NotImplementedError, struct.error,
)  # fmt: skip
_ACCEPTED: Final = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21), and what it means."""

    result: int
    source: int
    reason: int
    text: str

    def pdu(self) -> bytes:
        """The A-ASSOCIATE-RJ."""
        rejected = A_ASSOCIATE_RJ()
        rejected.result, rejected.source, rejected.reason_diagnostic = self.result, self.source, self.reason
        return bytes(rejected.encode())


OTHER_VERSION: Final = Refusal(1, 2, 2, "protocol version not supported")
OTHER_APPLICATION: Final = Refusal(1, 1, 2, "application context name not supported")


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context."""

    sop_class_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class Requested:
    """An A-ASSOCIATE-RQ; `max_pdu_bytes` is what its sender takes at once, 0 for any number."""

    calling_ae: str
    called_ae: str
    max_pdu_bytes: int
    primitive: A_ASSOCIATE
    refusal: Refusal | None

    @classmethod
    def of(cls, body: bytes) -> Requested:
        """Read the body of the PDU.

        Raises
        ------
        PeerViolation
            It is none.
        """
        pdu = A_ASSOCIATE_RQ()
        try:
            pdu.decode(struct.pack(">BxI", PduType.ASSOCIATE_RQ, len(body)) + body)
            primitive = pdu.to_primitive()
            titles = [(title or "").strip() for title in (pdu.calling_ae_title, pdu.called_ae_title)]
            max_bytes = primitive.maximum_length_received or 0
            application = pdu.application_context_name
        except _MALFORMED as error:
            # Without its cause, whose text may quote the request.
            text = f"a request for an association that cannot be read: {type(error).__name__}"
            raise PeerViolation(text) from None
        refusal = None
        if not pdu.protocol_version & 1:
            refusal = OTHER_VERSION
        elif application != APPLICATION_CONTEXT_NAME:
            refusal = OTHER_APPLICATION
        return cls(titles[0], titles[1], max_bytes, primitive, refusal)


class Offer:
    """What is accepted: Verification, and every storage class in every transfer syntax that pynetdicom knows.

    Where a sender leaves the choice, explicit VR little endian: it says what private attributes are. `services` are SOP
    classes of other services, which have no pixels; of those that are also `used`, a peer may be the provider.
    """

    def __init__(self, services: Iterable[str] = (), used: Collection[str] = ()) -> None:
        syntaxes = sorted(map(str, AllTransferSyntaxes), key=lambda uid: uid != ExplicitVRLittleEndian)
        self._contexts = [build_context(VERIFICATION)]
        self._contexts += [
            build_context(str(context.abstract_syntax), syntaxes)
            for context in AllStoragePresentationContexts
        ]
        self._contexts += [
            build_context(uid, [ExplicitVRLittleEndian, ImplicitVRLittleEndian]) for uid in services
        ]
        for context in self._contexts:
            if context.abstract_syntax in used:
                context.scu_role = context.scp_role = True

    @property
    def transfer_syntaxes(self) -> Mapping[str, tuple[str, ...]]:
        """Those that are accepted of each SOP class, the one that is preferred first."""
        return {
            str(one.abstract_syntax): tuple(map(str, one.transfer_syntax or ())) for one in self._contexts
        }

    def accept(self, requested: Requested) -> tuple[bytes, Mapping[int, Context]]:
        """The A-ASSOCIATE-AC, and the accepted contexts by their ID; none may be accepted.

        Raises
        ------
        PeerViolation
            A context is proposed that cannot be answered, as one without a transfer syntax (PS3.8 9.3.2.2).
        """
        try:
            results, roles = negotiate_as_acceptor(
                requested.primitive.presentation_context_definition_list,
                self._contexts,
                _proposed_roles(requested.primitive),
            )
        except _MALFORMED as error:
            text = f"presentation contexts that cannot be answered: {type(error).__name__}"
            raise PeerViolation(text) from None
        accepted = {int(one.context_id or 0): _context(one) for one in results if one.result == _ACCEPTED}
        return _accepted(requested.primitive, results, roles), accepted


def _context(one: PresentationContext) -> Context:
    return Context(str(one.abstract_syntax), str(one.transfer_syntax[0]))


def _proposed_roles(request: A_ASSOCIATE) -> Any:
    """Whether the peer wants to be user, and provider, of each SOP class that it says so of (PS3.7 D.3.3.4)."""
    items = (item for item in request.user_information if isinstance(item, SCP_SCU_RoleSelectionNegotiation))
    return {item.sop_class_uid: (item.scu_role, item.scp_role) for item in items}


def _accepted(
    request: A_ASSOCIATE,
    results: list[PresentationContext],
    roles: Iterable[SCP_SCU_RoleSelectionNegotiation],
) -> bytes:
    answer = A_ASSOCIATE()
    answer.application_context_name = APPLICATION_CONTEXT_NAME
    answer.calling_ae_title, answer.called_ae_title = request.calling_ae_title, request.called_ae_title
    answer.result, answer.result_source = 0, 1
    answer.presentation_context_definition_results_list = results
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = MAX_PDU_BYTES
    implementation.implementation_class_uid = _IMPLEMENTATION_CLASS_UID
    answer.user_information = [length, implementation, *roles]
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(answer)
    return bytes(pdu.encode())
