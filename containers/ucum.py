"""Is a text a plausible UCUM unit? Not a full UCUM parser: it knows the units images are measured in.

UCUM 2.1 (https://ucum.org/ucum), case sensitive. An expression is terms joined by ``.`` and ``/``; a term is
a number or an optional metric prefix, a unit atom and an optional exponent, with an optional
``{annotation}``.
"""

from __future__ import annotations

import re

__all__ = ["fault_of_unit"]

_METRIC = """
    m g s L l mol K rad sr Hz N Pa J W A V F Ohm S Wb T H lm lx Bq Gy Sv kat cd C eV u Da t ar bar cal B Np
    Cel U [iU] [IU] m[Hg] m[H2O] Ci R G
"""
_PLAIN = "% [ppth] [ppm] [ppb] [pi] deg ' '' min h d wk mo a [hnsf'U] [pH] [arb'U] 10* 10^"
_PREFIXES = "Y Z E P T G M k h da d c m u n p f a z y"
_ATOMS = frozenset(
    [*_PLAIN.split(), *_METRIC.split()]
    + [prefix + atom for prefix in _PREFIXES.split() for atom in _METRIC.split()]
)

_TERM = re.compile(
    r"(?P<atom>10[*^]|\[[^\[\]{}\s]+\]|[A-Za-z%']+(?:\[[^\[\]{}\s]+\])?)?(?P<exponent>[+-]?[1-9]\d*)?"
)
_ANNOTATION = re.compile(r"\{[!-z|~]*\}")  # printable ASCII but braces and blanks (UCUM §12)

_MEANT = {
    "hu": "[hnsf'U]",
    "hounsfield": "[hnsf'U]",
    "cc": "mL",
    "ccm": "cm3",
    "percent": "%",
    "degree": "deg",
    "degrees": "deg",
    "°": "deg",
    "sec": "s",
    "msec": "ms",
    "none": "1",
    "unitless": "1",
    "pixels": "{pixels}",
    "voxels": "{voxels}",
    "count": "{count}",
    "mmhg": "mm[Hg]",
    "°c": "Cel",
    "micron": "um",
    "µm": "um",
    "ml": "mL",
}


def fault_of_unit(unit: str) -> str | None:
    """Say what is wrong with `unit`, proposing the legal spelling; None when it is plausible."""
    if not unit:
        return "no unit given; a number without one has the unit '1'"
    if _is_plausible(unit):
        return None
    proposal = _proposal(unit)
    return f"not a UCUM unit: {unit!r}" + (
        f"; write {proposal!r}" if proposal else "; see https://ucum.org/ucum"
    )


def _is_plausible(unit: str) -> bool:
    if "{" in unit:
        # An annotation stands for 1 and says nothing about the size of the unit.
        unit = _ANNOTATION.sub("", unit)
        terms = [term for term in re.split(r"[./]", unit) if term]
    else:
        terms = re.split(r"[./]", unit.removeprefix("/"))
    return all(_is_term(term) for term in terms)


def _is_term(term: str) -> bool:
    found = _TERM.fullmatch(term)
    if found is None:
        return False
    atom, exponent = found["atom"], found["exponent"]
    if atom is None:
        return exponent is not None and exponent.isdigit()
    return atom in _ATOMS


def _proposal(unit: str) -> str | None:
    bare = "".join(unit.split())
    bare = bare.replace("²", "2").replace("³", "3").replace("^", "").replace("**", "").replace("µ", "u")
    for candidate in (_MEANT.get(unit.strip().lower()), bare, _MEANT.get(bare.lower())):
        if candidate and candidate != unit and _is_plausible(candidate):
            return candidate
    return None
