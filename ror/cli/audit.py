"""``ror audit list | verify``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import click

from ror.cli.common import home_and_json, moment, opened, point_in_time, print_table
from ror.registry import AuditCheck, AuditFilter, ChainEnd, check_audit

__all__ = ["command"]

_ANCHOR = re.compile(r"[0-9a-fA-F]{64}")


def _anchors(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        if not _ANCHOR.fullmatch(value):
            raise click.BadParameter("an anchor has 64 hexadecimal digits, as the log has it")
    return values


@click.group()
def command() -> None:
    """List who has opened or changed what leads to patients, and verify that nobody has changed that record.

    Example: ror audit verify
    """


@command.command("list")
@click.option("--project", default="", help="Only events of this project.")
@click.option("--pseudonym", default="", help="Only events of this patient.")
@click.option("--action", default="", help="Only events of this kind, such as 'release'.")
@click.option("--who", default="", help="Only what this user of the system did.")
@click.option("--since", callback=point_in_time, metavar="TIME", help="Not before this day or time.")
@click.option("--until", callback=point_in_time, metavar="TIME", help="Before this day or time.")
@home_and_json
@click.pass_context
def list_(
    context: click.Context,
    project: str,
    pseudonym: str,
    action: str,
    who: str,
    since: float | None,
    until: float | None,
    as_json: bool,
) -> None:
    """List who has asked for identities, released or dropped objects, or changed pseudonyms or projects.

    The latest first.

    Example: ror audit list --project lungs --since 2026-03-01
    """
    wanted = AuditFilter(project, pseudonym, action, who, since, until)
    with opened(context) as app:
        rows = [
            (one.number, one.at, one.who, one.action, one.project, one.pseudonym, one.detail)
            for one in app.who.audit.list(wanted)
        ]
    columns = ("number", "done_at", "who", "action", "project", "pseudonym", "detail")
    print_table(columns, rows, as_json=as_json)


@command.command()
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    callback=_anchors,
    metavar="HASH",
    help="A hash that the record once ended with; may be given again.",
)
@home_and_json
@click.pass_context
def verify(context: click.Context, anchors: tuple[str, ...], as_json: bool) -> None:
    """Verify that no event was changed, removed or put in; exit code 1 if one was.

    That its end was cut off shows only by an anchor. `log/ror.log` has one of each start.

    Example: ror audit verify
    """
    with opened(context) as app:
        check = check_audit(app.database, anchors)
    if as_json:
        click.echo(json.dumps(asdict(check) | {"whole": check.whole}, indent=1))
    else:
        _print(check, anchors)
    if not check.whole:
        context.exit(1)


def _print(check: AuditCheck, anchors: tuple[str, ...]) -> None:
    click.echo(f"{check.events} events")
    for name, end in (("first", check.first), ("last", check.last)):
        if end is not None:
            click.echo(f"  {name:<5} {_told(end)}")
    if not check.whole:
        click.echo(f"broken: {check.fault}")
    elif anchors:
        click.echo("whole, and it has all that was noted of it")
    else:
        click.echo(
            "whole; that its end was not cut off shows by --anchor, which log/ror.log has of each start"
        )


def _told(end: ChainEnd) -> str:
    return f"{end.number} of {moment(end.at)}, {end.hash}"
