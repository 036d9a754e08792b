"""What a command sets up for logging is taken back, so that it does not reach other tests."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["logging_kept"]


@contextmanager
def logging_kept() -> Iterator[None]:
    """Within the block, a command may call `ror.log.set_up`."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with warnings.catch_warnings():
        try:
            yield
        finally:
            for handler in set(root.handlers) - set(handlers):
                handler.close()
            root.handlers[:] = handlers
            root.setLevel(level)
            logging.captureWarnings(False)
