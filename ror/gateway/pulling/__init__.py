"""Studies from a PACS: asked for and fetched one after the other, or as its change feed tells of them.

::

    source = source_of("research", settings.pacs["research"], "auto", our_ae_title="ROR")
    with Journal(home.pulls, "lungs", "research", key).opened() as journal:
        pulled = pull(Order(Query.parse("StudyDate=20240101-"), "lungs"), source, intake, journal)
        pulled.done, pulled.failed, pulled.complete

A study that was pulled is known by the journal, and comes again only when the PACS has more or less of it.
"""

from ror.gateway.pulling.follow import follow
from ror.gateway.pulling.journal import Journal
from ror.gateway.pulling.pulled import Failed, Pulled
from ror.gateway.pulling.run import Order, pull
from ror.gateway.pulling.sources import Move, StudySource, source_of
from ror.gateway.pulling.window import ALWAYS, Window

__all__ = [
    "ALWAYS",
    "Failed",
    "Journal",
    "Move",
    "Order",
    "Pulled",
    "StudySource",
    "Window",
    "follow",
    "pull",
    "source_of",
]
