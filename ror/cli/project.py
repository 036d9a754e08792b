"""``ror project add | change | list``, and what is in `ror.cli.withdraw`."""

from __future__ import annotations

from dataclasses import replace
from typing import IO, Any

import click

from ror.app import App
from ror.cli.common import home_and_json, opened, print_table
from ror.cli.project_options import (
    UNSET,
    Names,
    pixel_rules_text,
    profile_text,
    rules_text,
    settings_options,
)
from ror.cli.redcap import tell_mismatches
from ror.cli.withdraw import readmit, withdraw, withdrawn
from ror.errors import ConfigurationError
from ror.registry import Project, Role, Sending

__all__ = ["command"]


@click.group()
def command() -> None:
    """Add, change and list projects; withdraw studies and patients from one.

    Example: ror project add lungs --pacs research
    """


for one in (readmit, withdraw, withdrawn):
    command.add_command(one)


def _known_pacs(app: App, names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [f"[pacs.{one}]" for one in names if one not in app.settings.pacs]
    if unknown:
        raise ConfigurationError(
            f"ror.toml has no section {', '.join(unknown)}",
            advice="add it with host, port and ae_title first",
        )
    return names


def _given(sending: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in sending.items() if value is not None}


@command.command()
@click.argument("name")
@settings_options
@click.pass_context
def add(
    context: click.Context,
    /,
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
    **sending: str | None,
) -> None:
    """Add a project and make its secret.

    Example: ror project add lungs --pacs research --keep PatientSex
    """
    with opened(context, make=True) as app:
        known = _known_pacs(app, pacs)
        _known_pacs(app, (review_pacs,) if review_pacs else ())
        repeat = redcap_repeat_instrument or ""
        rules, in_pixels = rules_text("--classification", classification), pixel_rules_text(pixel_rules)
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
            profile_text(profile),
            redcap_event or "",
            review=bool(review),
            review_pacs=review_pacs or "",
            sending=Sending(**_given(sending)),
        )
        # Its secret would be in this home folder, and those of all others in another: neither could serve.
        app.require_own_database()
        app.projects.add(project)
        click.echo(
            f"project {name} added; keep a copy of {app.home.secrets / (name + '.key')} in a safe place"
        )


@command.command()
@click.argument("name")
@settings_options
@click.option(
    "--original-identity/--no-original-identity",
    default=None,
    help='Whether results go under the original identity to each [pacs.NAME] with identity = "original".',
)
@click.option(
    "--clear",
    multiple=True,
    type=click.Choice(list(UNSET)),
    help="Option that becomes as if it had never been given; repeatable.",
)
@click.pass_context
def change(
    context: click.Context,
    /,
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
    original_identity: bool | None,
    clear: Names,
    **sending: str | None,
) -> None:
    """Change the options that are given; what has been taken in already stays as it is.

    --original-identity is for those whom [reidentify] of ror.toml names, and goes on record.

    Example: ror project change lungs --redcap-url https://redcap.example.org/api/ --clear pacs
    """
    given: dict[str, Any] = {
        "pacs": pacs,
        "review_pacs": review_pacs,
        "redcap_url": redcap_url,
        "redcap_repeat_instrument": redcap_repeat_instrument,
        "redcap_event": redcap_event,
        "classification": rules_text("--classification", classification),
        "pixel_rules": pixel_rules_text(pixel_rules),
        "profile_toml": profile_text(profile),
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
        field, unset = UNSET[option]
        if field in wanted:
            raise click.UsageError(f"--{option} is both given and cleared")
        wanted[field] = unset
    if original_identity is not None:
        wanted["original_identity"] = original_identity
    with opened(context) as app:
        _known_pacs(app, (*pacs, review_pacs) if review_pacs else pacs)
        before = app.projects.get(name)
        if chosen := _given(sending):
            wanted["sending"] = replace(before.sending, **chosen)
        changed = replace(before, **wanted)
        if original_identity:
            _authorise_original_identity(app, name)
        app.projects.change(changed)
        new = [field for field in wanted if getattr(changed, field) != getattr(before, field)]
        click.echo(f"project {name}: {', '.join(new) or 'nothing'} changed")
        if any(field.startswith("redcap_") for field in wanted):
            tell_mismatches(app, name)


def _authorise_original_identity(app: App, project: str) -> None:
    if not app.who.rules.get(project).keeps_identities:
        raise ConfigurationError(
            f"project {project} keeps no identities that results could go back to",
            advice=f"`ror pseudonyms set {project} --keep-identities` first",
        )
    app.who.identities.authorise_delivery(project, Role(tuple(app.settings.reidentify.users)))


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
                one.sending.told,
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
                one.original_identity,
            )
            for one in app.projects.list()
        ]
    columns = (
        "name",
        "pacs",
        "review",
        "review_pacs",
        "sending",
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
        "original_identity",
    )
    print_table(columns, rows, as_json=as_json)
