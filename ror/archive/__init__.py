"""Research DICOM files on disk, and the index over them.

`FileStore` makes an object durable, `Index` makes it findable, at once or, with a `Receipt`, soon. `Holdings` (the
reading half of `Index`) tells what is there, `Catalogue` tells it to select statements, `geometry.stack` puts the
slices of a series in order.
"""

from typing import TYPE_CHECKING

from ror.loading import on_demand

if TYPE_CHECKING:
    from ror.archive.announcements import Announcement, Announcements
    from ror.archive.aside import Aside
    from ror.archive.attributes import Description, describe, describe_later
    from ror.archive.catalogue import Catalogue
    from ror.archive.cataloguer import Cataloguer
    from ror.archive.holdings import Holdings, IndexedInstance, StudyRow
    from ror.archive.index import Index
    from ror.archive.own import OwnSeries
    from ror.archive.receipt import Receipt
    from ror.archive.removing import RemovedStudy, StudyRemover
    from ror.archive.rows import add_original_uids
    from ror.archive.settling import NOTHING_NEEDED, StillNeeded, settle_reason, waits_for
    from ror.archive.store import DifferentContent, Filed, FileStore
else:
    __getattr__ = on_demand(
        __name__,
        {
            "announcements": "Announcement Announcements",
            "aside": "Aside",
            "attributes": "Description describe describe_later",
            "catalogue": "Catalogue",
            "cataloguer": "Cataloguer",
            "holdings": "Holdings IndexedInstance StudyRow",
            "index": "Index",
            "own": "OwnSeries",
            "receipt": "Receipt",
            "removing": "RemovedStudy StudyRemover",
            "rows": "add_original_uids",
            "settling": "NOTHING_NEEDED StillNeeded settle_reason waits_for",
            "store": "DifferentContent Filed FileStore",
        },
    )

__all__ = [
    "NOTHING_NEEDED",
    "Announcement",
    "Announcements",
    "Aside",
    "Catalogue",
    "Cataloguer",
    "Description",
    "DifferentContent",
    "FileStore",
    "Filed",
    "Holdings",
    "Index",
    "IndexedInstance",
    "OwnSeries",
    "Receipt",
    "RemovedStudy",
    "StillNeeded",
    "StudyRemover",
    "StudyRow",
    "add_original_uids",
    "describe",
    "describe_later",
    "settle_reason",
    "waits_for",
]
