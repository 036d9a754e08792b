"""``ror quarantine list | show | release | drop``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ror.app import App
from ror.cli.common import folded, home_and_json, home_option, opened, print_table
from ror.errors import NotFound
from ror.gateway import QuarantinedObject, Status, examine, release

__all__ = ["command"]

_TAG_PATH = re.compile(r"(?:\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)(?:\[\d+\])?)+")
_F = TypeVar("_F", bound=Callable[..., Any])


@click.group()
def command() -> None:
    """List the objects that could not be taken in, show why, let them in, or throw them away.

    Example: ror quarantine list
    """


def _which(function: _F) -> _F:
    """Give a command what names objects."""
    for option in (
        click.option("--reason", help="Only what is held for this reason."),
        click.option("--project", help="Only what this project holds."),
        click.argument("sha256", nargs=-1),
    ):
        function = option(function)
    return function


def _held(
    app: App, sha256: tuple[str, ...], project: str | None, reason: str | None
) -> list[QuarantinedObject]:
    """What is meant, the first that came first; at least one."""
    if not (sha256 or project or reason):
        raise click.UsageError("say which: SHA256, --project or --reason")
    held = [
        one
        for one in reversed(app.quarantine.list())
        if (not sha256 or one.sha256.startswith(sha256))
        and project in (None, one.project)
        and reason in (None, one.reason)
    ]
    if not held:
        raise NotFound("nothing of that kind is in quarantine", "see `ror quarantine list`")
    return held


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List what is held, and why; the files are in the quarantine folder under these names.

    Example: ror quarantine list --json
    """
    with opened(context) as app:
        rows = [
            (one.sha256, one.project, one.calling_ae, one.reason, one.detail, one.received_at)
            for one in app.quarantine.list()
        ]
    print_table(("sha256", "project", "from", "reason", "detail", "received_at"), rows, as_json=as_json)


@command.command()
@click.argument("sha256")
@home_and_json
@click.pass_context
def show(context: click.Context, sha256: str, as_json: bool) -> None:
    """Show why an object is held, by which attribute, of what kind it is and how large; no value of it.

    It is named by the beginning of its sha256; of an object that several projects hold, each one is shown.

    Example: ror quarantine show 3f1a
    """
    with opened(context) as app:
        rows = []
        for one in _held(app, (sha256,), None, None):
            seen, tag = examine(app.quarantine, one), _TAG_PATH.search(one.detail)
            rows.append(
                {
                    "sha256": one.sha256,
                    "project": one.project,
                    "from": one.calling_ae,
                    "received_at": one.received_at,
                    "reason": one.reason,
                    "attribute": tag[0] if tag else "",
                    "detail": one.detail,
                    "sop_class": seen.sop_class,
                    "transfer_syntax": seen.transfer_syntax,
                    "file_bytes": seen.file_bytes,
                    "elements": "cannot be read" if seen.elements is None else seen.elements,
                }
            )
    print_table(list(rows[0]), [list(row.values()) for row in rows], as_json=as_json)


@command.command("release")
@_which
@home_option
@click.pass_context
def release_(
    context: click.Context, sha256: tuple[str, ...], project: str | None, reason: str | None
) -> None:
    """Let objects take the way in again, after what held them was mended; what is refused again stays.

    Objects are named by the beginning of their sha256, by project, by reason, or by several of these.

    Example: ror quarantine release --project lungs --reason unlisted_patient
    """
    with opened(context) as app:
        held, stayed = _held(app, sha256, project, reason), 0
        for one in release(app.quarantine, app.intake, held):
            if one.answer.status is not Status.SUCCESS:
                stayed += 1
                click.echo(f"{one.held.sha256[:12]} stays: {one.answer.comment}")
        app.who.audit.record("release", project or "", detail=f"{len(held) - stayed} of {len(held)} objects")
    click.echo(f"{len(held) - stayed} objects are in the archive, {stayed} stay in quarantine")


@command.command()
@_which
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
@click.pass_context
def drop(
    context: click.Context, sha256: tuple[str, ...], project: str | None, reason: str | None, yes: bool
) -> None:
    """Throw objects away for good, and put it on record.

    Objects are named as for release. A sender that sends one again finds it held again, or taken in.

    Example: ror quarantine drop --project lungs --reason burned_in_annotation
    """
    with opened(context) as app:
        held = _held(app, sha256, project, reason)
        reasons = ", ".join(sorted({one.reason for one in held}))
        if not yes:
            click.confirm(f"{len(held)} objects ({reasons}) will be gone for good. Go on?", abort=True)
        for name in sorted({one.project for one in held}):
            of_project = [one for one in held if one.project == name]
            app.who.audit.record("drop", name, detail=_dropped(of_project))
            for one in of_project:
                app.quarantine.forget(one)
    click.echo(f"{len(held)} objects are gone")


def _dropped(held: list[QuarantinedObject]) -> str:
    names = " ".join(one.sha256[:12] for one in held)
    return folded(f"{len(held)} objects: {names}")
