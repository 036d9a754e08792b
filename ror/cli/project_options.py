"""The options that ``ror project add`` and ``change`` share, and how the files that they name are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any, TypeAlias, TypeVar

import click

from anonymizer import Option, load_profile, write_profile
from ror.cli.common import home_option
from ror.errors import ConfigurationError
from ror.registry import CAPTURES, SWITCH

__all__ = ["UNSET", "Names", "pixel_rules_text", "profile_text", "rules_text", "settings_options"]

_F = TypeVar("_F", bound=Callable[..., Any])
Names: TypeAlias = tuple[str, ...]
# What `--clear` puts back, by the name of the option.
UNSET: dict[str, tuple[str, Any]] = {
    "pacs": ("pacs", ()),
    "review-pacs": ("review_pacs", ""),
    "redcap-url": ("redcap_url", ""),
    "redcap-repeat-instrument": ("redcap_repeat_instrument", ""),
    "redcap-event": ("redcap_event", ""),
    "classification": ("classification", ""),
    "profile": ("profile_toml", ""),
    "option": ("options", ()),
    "pixel-rules": ("pixel_rules", ""),
    "find-text": ("find_text", None),
    "clean": ("cleaned", None),
    "keep": ("keep", ()),
    "remove": ("remove", ()),
}

_SENT = {
    "report": "The page in PDF",
    "rtstruct": "Contours of masks as RT Structure Sets",
    "models": "Meshes as Encapsulated STL",
}


def _not_empty(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value == "":
        raise click.BadParameter("is empty; `ror project change NAME --clear OPTION` takes a setting away")
    return value


def settings_options(function: _F) -> _F:
    """The options that `add` and `change` share."""
    for option in reversed(
        (
            click.option(
                "--pacs", multiple=True, help="A [pacs.NAME] of ror.toml to send results to; repeatable."
            ),
            click.option(
                "--review/--no-review",
                default=None,
                help="Whether results wait until somebody accepts them (`ror review`).",
            ),
            click.option(
                "--review-pacs",
                callback=_not_empty,
                help="A [pacs.NAME] of ror.toml at which reviewers look at images and results.",
            ),
            click.option(
                "--captures",
                type=click.Choice(CAPTURES),
                help="Pictures with outlines, of key slices or of all; as the workflow wants, unless set.",
            ),
            *(
                click.option(
                    f"--{name}", type=click.Choice(SWITCH), help=f"{what}; as the workflow wants, unless set."
                )
                for name, what in _SENT.items()
            ),
            click.option(
                "--redcap-url",
                callback=_not_empty,
                help="API of its REDCap project; the token is in ROR_REDCAP_TOKEN_<NAME> or secrets/NAME.redcap-token.",
            ),
            click.option(
                "--redcap-repeat-instrument",
                callback=_not_empty,
                help="Repeating instrument with one instance for each series (or study) measured.",
            ),
            click.option(
                "--redcap-event",
                callback=_not_empty,
                help="Unique name of the event for studies whose coupling list names none.",
            ),
            click.option(
                "--classification",
                type=click.File(encoding="utf-8"),
                help="JSON file with its own rules for the types of series.",
            ),
            click.option(
                "--profile",
                callback=_not_empty,
                help="Profile of `ror deid profile list`, or a file; it is stored, and the options below come on top.",
            ),
            click.option(
                "--option",
                "options",
                multiple=True,
                type=click.Choice([option.value for option in Option]),
                help="Option of PS3.15 that is switched on; repeatable.",
            ),
            click.option(
                "--pixel-rules",
                type=click.File(encoding="utf-8"),
                help="TOML file with its own rules for text in pixels; with --option clean-pixel-data.",
            ),
            click.option(
                "--find-text/--no-find-text",
                default=None,
                help="Whether text in pixels is searched for too, which needs ror-pacs[ocr].",
            ),
            click.option(
                "--clean", multiple=True, help="Descriptor that is cleaned, not removed; repeatable."
            ),
            click.option("--keep", multiple=True, help="Attribute that is kept as it is; repeatable."),
            click.option("--remove", multiple=True, help="Attribute that is removed too; repeatable."),
        )
    ):
        function = option(function)
    return home_option(function)


def rules_text(option: str, file: IO[str] | None) -> str:
    """The text of a rules file; empty without one."""
    try:
        return file.read() if file else ""
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{option}: the file is not UTF-8 from byte {error.start} on", advice="save it as UTF-8"
        ) from error


def pixel_rules_text(file: IO[str] | None) -> str:
    text = rules_text("--pixel-rules", file)
    if file and not text.strip():
        raise ConfigurationError(
            "--pixel-rules: the file is empty",
            advice="write a rule, or take all away with --clear pixel-rules",
        )
    return text


def profile_text(where: str | None) -> str:
    """The whole text of a profile, so that a project does not change with its file; empty without one."""
    if where is None:
        return ""
    named = load_profile(where)
    return write_profile(named.profile, named.name, named.description)
