"""``ror project add | change | list``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import IO, Any, TypeAlias, TypeVar

import click

from anonymizer import Option, load_profile, write_profile
from ror.app import App
from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.cli.redcap import tell_mismatches
from ror.errors import ConfigurationError
from ror.registry import Project

__all__ = ["command"]

_F = TypeVar("_F", bound=Callable[..., Any])
Names: TypeAlias = tuple[str, ...]
# What `--clear` puts back, by the name of the option.
_UNSET: dict[str, tuple[str, Any]] = {
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


@click.group()
def command() -> None:
    """Add, change and list projects.

    Example: ror project add lungs --pacs research
    """


def _not_empty(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value == "":
        raise click.BadParameter("is empty; `ror project change NAME --clear OPTION` takes a setting away")
    return value


def _settings(function: _F) -> _F:
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


def _rules(option: str, file: IO[str] | None) -> str:
    """The text of a rules file; empty without one."""
    try:
        return file.read() if file else ""
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{option}: the file is not UTF-8 from byte {error.start} on", advice="save it as UTF-8"
        ) from error


def _pixel_rules(file: IO[str] | None) -> str:
    text = _rules("--pixel-rules", file)
    if file and not text.strip():
        raise ConfigurationError(
            "--pixel-rules: the file is empty",
            advice="write a rule, or take all away with --clear pixel-rules",
        )
    return text


def _profile(where: str | None) -> str:
    """The whole text of a profile, so that a project does not change with its file; empty without one."""
    if where is None:
        return ""
    named = load_profile(where)
    return write_profile(named.profile, named.name, named.description)


def _known_pacs(app: App, names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [f"[pacs.{one}]" for one in names if one not in app.settings.pacs]
    if unknown:
        raise ConfigurationError(
            f"ror.toml has no section {', '.join(unknown)}",
            advice="add it with host, port and ae_title first",
        )
    return names


@command.command()
@click.argument("name")
@_settings
@click.pass_context
def add(
    context: click.Context,
    name: str,
    pacs: Names,
    review: bool | None,
    review_pacs: str | None,
    redcap_url: str | None,
    redcap_repeat_instrument: str | None,
    redcap_event: str | None,
    classification: IO[str] | None,
    profile: str | None,
    options: Names,
    pixel_rules: IO[str] | None,
    find_text: bool | None,
    clean: Names,
    keep: Names,
    remove: Names,
) -> None:
    """Add a project and make its secret.

    Example: ror project add lungs --pacs research --keep PatientSex
    """
    with opened(context, make=True) as app:
        known = _known_pacs(app, pacs)
        _known_pacs(app, (review_pacs,) if review_pacs else ())
        repeat = redcap_repeat_instrument or ""
        rules, in_pixels = _rules("--classification", classification), _pixel_rules(pixel_rules)
        own = clean or None, keep, remove
        project = Project(
            name,
            known,
            redcap_url or "",
            *own,
            repeat,
            rules,
            options,
            in_pixels,
            find_text,
            _profile(profile),
            redcap_event or "",
            review=bool(review),
            review_pacs=review_pacs or "",
        )
        app.projects.add(project)
        click.echo(
            f"project {name} added; keep a copy of {app.home.secrets / (name + '.key')} in a safe place"
        )


@command.command()
@click.argument("name")
@_settings
@click.option(
    "--clear",
    multiple=True,
    type=click.Choice(list(_UNSET)),
    help="Option that becomes as if it had never been given; repeatable.",
)
@click.pass_context
def change(
    context: click.Context,
    name: str,
    pacs: Names,
    review: bool | None,
    review_pacs: str | None,
    redcap_url: str | None,
    redcap_repeat_instrument: str | None,
    redcap_event: str | None,
    classification: IO[str] | None,
    profile: str | None,
    options: Names,
    pixel_rules: IO[str] | None,
    find_text: bool | None,
    clean: Names,
    keep: Names,
    remove: Names,
    clear: Names,
) -> None:
    """Change the options that are given; what has been taken in already stays as it is.

    Example: ror project change lungs --redcap-url https://redcap.example.org/api/ --clear pacs
    """
    given: dict[str, Any] = {
        "pacs": pacs,
        "review_pacs": review_pacs,
        "redcap_url": redcap_url,
        "redcap_repeat_instrument": redcap_repeat_instrument,
        "redcap_event": redcap_event,
        "classification": _rules("--classification", classification),
        "pixel_rules": _pixel_rules(pixel_rules),
        "profile_toml": _profile(profile),
        "options": options,
        "cleaned": clean,
        "keep": keep,
        "remove": remove,
    }
    wanted = {field: value for field, value in given.items() if value}
    wanted |= {
        name: switch for name, switch in (("find_text", find_text), ("review", review)) if switch is not None
    }
    for option in dict.fromkeys(clear):
        field, unset = _UNSET[option]
        if field in wanted:
            raise click.UsageError(f"--{option} is both given and cleared")
        wanted[field] = unset
    with opened(context) as app:
        _known_pacs(app, (*pacs, review_pacs) if review_pacs else pacs)
        app.projects.change(replace(app.projects.get(name), **wanted))
        click.echo(f"project {name}: {', '.join(wanted) or 'nothing'} changed")
        if any(field.startswith("redcap_") for field in wanted):
            tell_mismatches(app, name)


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List projects.

    Example: ror project list --json
    """
    with opened(context) as app:
        rows = [
            (
                one.name,
                one.pacs,
                one.review,
                one.review_pacs,
                one.redcap_url,
                one.redcap_repeat_instrument,
                one.redcap_event,
                "own rules" if one.classification else "",
                one.profile_name,
                one.options,
                "own rules" if one.pixel_rules else "",
                one.find_text,
                one.cleaned,
                one.keep,
                one.remove,
            )
            for one in app.projects.list()
        ]
    columns = (
        "name",
        "pacs",
        "review",
        "review_pacs",
        "redcap_url",
        "redcap_repeat_instrument",
        "redcap_event",
        "classification",
        "profile",
        "options",
        "pixel_rules",
        "find_text",
        "clean",
        "keep",
        "remove",
    )
    print_table(columns, rows, as_json=as_json)
