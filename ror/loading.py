"""Front doors that open a room only when somebody enters it: a module is loaded when a name of it is first asked for.

A command that lists jobs waits neither for what makes DICOM objects nor for what receives them. Type checkers see the
imports themselves, which stand beside as ever.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["load_whole", "on_demand"]


def on_demand(package: str, rooms: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` (PEP 562) of a package.

    Parameters
    ----------
    rooms
        For each module of the package, without the package's name, the names that it gives, with blanks between. No
        name may be that of a module: loading the module would put it in the name's place.
    """
    module_of = {name: module for module, names in rooms.items() for name in names.split()}

    def __getattr__(name: str) -> Any:  # noqa: N807 - it becomes the package's
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, value)  # so that it is asked for once
        return value

    return __getattr__


def load_whole(*packages: ModuleType) -> None:
    """Load all that packages give, before there are threads: two that load parts of one library may meet half of it."""
    for package in packages:
        for name in package.__all__:
            getattr(package, name)
