"""Terms that series are tagged with: a shipped list of body parts, agents, signals and more, or one of one's own."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ror.errors import ConfigurationError, NotFound

__all__ = ["Ontology", "Term"]

_SHIPPED = Path(__file__).parent / "ontology.toml"


class Term(BaseModel):
    """One term: the type that a series of it gets, what it means, and its code (PS3.3 8.1), where it has one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+*-]{0,63}$")
    group: str = Field(min_length=1, max_length=64)
    meaning: str = Field(min_length=1, max_length=64)
    code: str = Field(default="", max_length=16)
    scheme: str = Field(default="", max_length=16)

    def __str__(self) -> str:
        """For people."""
        code = f" ({self.code}, {self.scheme})" if self.code else ""
        return f"{self.name}: {self.meaning}{code}, {self.group}"


def _each_once(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    names = [one.name.lower() for one in terms]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"more than once: {', '.join(twice)}")
    return terms


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    terms: Annotated[tuple[Term, ...], AfterValidator(_each_once)]


@dataclass(frozen=True, slots=True)
class Ontology:
    """Terms in the order of their file."""

    terms: tuple[Term, ...]

    @classmethod
    def read(cls, file: Path | None = None) -> Ontology:
        """The shipped terms, or those of a file.

        Raises
        ------
        ConfigurationError
            With all faults of the file.
        """
        place = file or _SHIPPED
        try:
            return cls(_File.model_validate(tomllib.loads(place.read_text(encoding="utf-8"))).terms)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            raise ConfigurationError(
                f"{place} is no ontology:", tuple(faults), f"write it as {_SHIPPED} is written"
            ) from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(
                f"{place} cannot be read: {error}", advice=f"write it as {_SHIPPED} is written"
            ) from error

    def search(self, text: str) -> Sequence[Term]:
        """The terms that have every word of a text somewhere, those whose name begins with it first."""
        words = text.lower().split()
        found = [one for one in self.terms if all(word in str(one).lower() for word in words)]
        return sorted(found, key=lambda one: not one.name.lower().startswith(text.strip().lower()))

    def term(self, name: str) -> Term:
        """The term of that name, in capitals or not (`NotFound` if there is none)."""
        for one in self.terms:
            if one.name.lower() == name.lower():
                return one
        near = ", ".join(one.name for one in self.search(name)[:5])
        raise NotFound(
            f"there is no term {name}",
            f"did you mean {near}?" if near else "look for one: ror annotate --search WORD",
        )
