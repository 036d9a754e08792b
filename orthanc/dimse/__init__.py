"""DIMSE services as a user (SCU): C-ECHO, C-STORE, C-FIND, C-GET, C-MOVE, N-ACTION; N-EVENT-REPORT as a provider."""

from orthanc.dimse.association import Peer
from orthanc.dimse.commitment import Commitment, request_commitment, require_commitment
from orthanc.dimse.events import report_event
from orthanc.dimse.find import find_instances, find_studies
from orthanc.dimse.retrieve import get_study, move_study
from orthanc.dimse.store import echo, send

__all__ = [
    "Commitment",
    "Peer",
    "echo",
    "find_instances",
    "find_studies",
    "get_study",
    "move_study",
    "report_event",
    "request_commitment",
    "require_commitment",
    "send",
]
