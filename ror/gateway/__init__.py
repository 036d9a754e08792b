"""The way in: a listener takes objects from an association, `Intake` makes them research objects in the archive."""

from typing import TYPE_CHECKING

from ror.loading import on_demand

if TYPE_CHECKING:
    from ror.gateway.answer import Answer, Status
    from ror.gateway.completeness import Completeness
    from ror.gateway.conformance import SopClassLine, sop_classes, storage_syntaxes
    from ror.gateway.corrections import Corrections, Verdict
    from ror.gateway.examined import Examined, examine
    from ror.gateway.importing import Done, Imported, Outcome, import_objects
    from ror.gateway.intake import Intake
    from ror.gateway.listener import Listener
    from ror.gateway.pulling import (
        ALWAYS,
        Failed,
        Journal,
        Move,
        Order,
        Pulled,
        StudySource,
        Window,
        follow,
        pull,
        source_of,
    )
    from ror.gateway.quarantine import Quarantine, QuarantinedObject
    from ror.gateway.received import NotPart10, Received
    from ror.gateway.rehearsal import Rehearsal, rehearse
    from ror.gateway.released import Released, release
    from ror.gateway.routing import attributes_of
    from ror.gateway.services import SERVICES, USED, PendingCommitments, Services, ServiceStatus, peer_for
    from ror.gateway.settle import Settler
    from ror.gateway.tally import Fate, Tally, TallyLine
else:
    __getattr__ = on_demand(
        __name__,
        {
            "answer": "Answer Status",
            "completeness": "Completeness",
            "conformance": "SopClassLine sop_classes storage_syntaxes",
            "corrections": "Corrections Verdict",
            "examined": "Examined examine",
            "importing": "Done Imported Outcome import_objects",
            "intake": "Intake",
            "listener": "Listener",
            "pulling": "ALWAYS Failed Journal Move Order Pulled StudySource Window follow pull source_of",
            "quarantine": "Quarantine QuarantinedObject",
            "received": "NotPart10 Received",
            "rehearsal": "Rehearsal rehearse",
            "released": "Released release",
            "routing": "attributes_of",
            "services": "SERVICES USED PendingCommitments Services ServiceStatus peer_for",
            "settle": "Settler",
            "tally": "Fate Tally TallyLine",
        },
    )

__all__ = [
    "ALWAYS",
    "SERVICES",
    "USED",
    "Answer",
    "Completeness",
    "Corrections",
    "Done",
    "Examined",
    "Failed",
    "Fate",
    "Imported",
    "Intake",
    "Journal",
    "Listener",
    "Move",
    "NotPart10",
    "Order",
    "Outcome",
    "PendingCommitments",
    "Pulled",
    "Quarantine",
    "QuarantinedObject",
    "Received",
    "Rehearsal",
    "Released",
    "ServiceStatus",
    "Services",
    "Settler",
    "SopClassLine",
    "Status",
    "StudySource",
    "Tally",
    "TallyLine",
    "Verdict",
    "Window",
    "attributes_of",
    "examine",
    "follow",
    "import_objects",
    "peer_for",
    "pull",
    "rehearse",
    "release",
    "sop_classes",
    "source_of",
    "storage_syntaxes",
]
