"""The way in: a listener takes objects from an association, `Intake` makes them research objects in the archive."""

from ror.gateway.completeness import Completeness
from ror.gateway.examined import Examined, examine
from ror.gateway.importing import Done, Imported, Outcome, import_objects
from ror.gateway.intake import Answer, Intake, Status
from ror.gateway.listener import Listener
from ror.gateway.quarantine import Quarantine, QuarantinedObject
from ror.gateway.received import NotPart10, Received
from ror.gateway.rehearsal import Rehearsal, rehearse
from ror.gateway.released import Released, release
from ror.gateway.routing import attributes_of
from ror.gateway.settle import Settler

__all__ = [
    "Answer",
    "Completeness",
    "Done",
    "Examined",
    "Imported",
    "Intake",
    "Listener",
    "NotPart10",
    "Outcome",
    "Quarantine",
    "QuarantinedObject",
    "Received",
    "Rehearsal",
    "Released",
    "Settler",
    "Status",
    "attributes_of",
    "examine",
    "import_objects",
    "rehearse",
    "release",
]
