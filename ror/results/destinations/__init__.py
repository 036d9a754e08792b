"""Where images and results are delivered to, behind one contract.

Contract
--------
``destination_of(name, settings, our_ae_title)`` gives what a ``[pacs.NAME]`` of ``ror.toml`` is: a PACS by C-STORE or
STOW-RS, or a folder. `Destination` says what each of them does: ``send``, ``held`` (which objects it says that it has),
``remove``. A new kind is a class that meets it, and a line in ``of_settings.py``. `Archive` is our own archive, which
no section alone can say. `UnderOriginalIdentity` is before a destination that gets results under the patient's own
identity, `NotAuthorised` in place of one that may not.
"""

from ror.results.destinations.archive import Archive
from ror.results.destinations.asking import COMMITMENT
from ror.results.destinations.contract import Destination, Held, Outgoing
from ror.results.destinations.of_settings import destination_of, destinations_of
from ror.results.destinations.original import NotAuthorised, UnderOriginalIdentity

__all__ = [
    "COMMITMENT",
    "Archive",
    "Destination",
    "Held",
    "NotAuthorised",
    "Outgoing",
    "UnderOriginalIdentity",
    "destination_of",
    "destinations_of",
]
