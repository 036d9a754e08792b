"""The door to `anonymizer.pixels`, which is loaded by the first profile or object that needs it.

It needs numpy and Pillow, which whoever cleans no pixels can do without: `anonymizer` itself needs pydicom only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from anonymizer.errors import ProfileError
from anonymizer.instance import IdentifiedInstance

if TYPE_CHECKING:
    from anonymizer.pixels import Masking

__all__ = ["check_rules", "check_text_search", "cleaned"]


def cleaned(
    instance: IdentifiedInstance, own_rules: str, *, find_text: bool
) -> tuple[IdentifiedInstance, Masking | None]:
    """The object as Clean Pixel Data wants it: masked where it has or may have text, BurnedInAnnotation NO.

    Raises as `anonymizer.pixels.masked` does; None stands for an object that nobody suspects of text.
    """
    pixels = _pixels()
    search = pixels.text_found if find_text else None
    done, masking = pixels.masked(instance, pixels.Rules.shipped(own_rules), search)
    return (done if masking else pixels.declared_clean(done)), masking


def check_rules(own_rules: str) -> None:
    """Raise `ProfileError` for rules that are none; all their faults are told at once."""
    _pixels().Rules.shipped(own_rules)


def check_text_search() -> None:
    """Raise `ProfileError` where profiles with `find_text` would fail at the first image: the extra is missing."""
    _pixels().check_text_search()


def _pixels() -> Any:
    try:
        return importlib.import_module("anonymizer.pixels")
    except ImportError as error:
        raise ProfileError(
            "no_pixels", f"Text in pixels cannot be masked: {error.name} is missing", "Install ror-pacs anew."
        ) from error
