"""Research DICOM files on disk, and the index over them.

`FileStore` makes an object durable, `Index` makes it findable, `geometry.stack` puts the slices of a series in order.
"""

from ror.archive.attributes import Description, describe
from ror.archive.index import Index, IndexedInstance, StudyRow
from ror.archive.store import DifferentContent, Filed, FileStore

__all__ = [
    "Description",
    "DifferentContent",
    "FileStore",
    "Filed",
    "Index",
    "IndexedInstance",
    "StudyRow",
    "describe",
]
