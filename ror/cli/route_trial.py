"""``ror route test FILE``."""

from __future__ import annotations

import json
from pathlib import Path

import click

import ror.gateway
from ror.app import App
from ror.cli.common import home_and_json, opened, print_table
from ror.registry import Sender

__all__ = ["test"]

_NOT_TAKEN_IN = 1
_COLUMNS = ("route", "project", "taken", "why_not")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "calling", help="As if sent by this AE title; left out, by any.")
@click.option("--to", "called", help="As if sent to this AE title; left out, to any.")
@click.option("--address", help="As if sent from this address; left out, from any.")
@home_and_json
@click.pass_context
def test(
    context: click.Context,
    file: Path,
    calling: str | None,
    called: str | None,
    address: str | None,
    as_json: bool,
) -> None:
    """Say which route a DICOM file would take, why not the others, and what its project would do; keeps nothing.

    Exit code 1 if it would not be taken in.

    Example: ror route test image.dcm --from CT_SCANNER --to ROR --address 10.1.2.3
    """
    with opened(context) as app:
        sender = Sender(calling, called, address)
        told = ror.gateway.rehearse(file, sender, app.routes, app.projects, app.who, app.index)
        outcome = _project(app, told) | _outcome(told)
    routes = [
        (one.route.described, one.route.project, "yes" if one.route == told.route else "no", one.misfits)
        for one in told.tried
    ]
    if as_json:
        tried = [dict(zip(_COLUMNS, row, strict=True)) for row in routes]
        click.echo(json.dumps({"routes": tried, **outcome}, indent=1))
    else:
        print_table(_COLUMNS, routes, as_json=False)
        for name, value in outcome.items():
            if value not in (None, ""):
                click.echo(f"{name.replace('_', ' ')}: {value}")
    if told.route is None or told.reason:
        context.exit(_NOT_TAKEN_IN)


def _project(app: App, told: ror.gateway.Rehearsal) -> dict[str, object]:
    if told.route is None:
        return dict.fromkeys(("project", "profile", "pseudonyms", "settle_seconds"))
    own = told.route.settle_seconds
    return {
        "project": told.route.project,
        "profile": app.projects.get(told.route.project).profile_name or "the default",
        "pseudonyms": app.who.rules.get(told.route.project).scheme.value,
        "settle_seconds": app.settings.listener.settle_seconds if own is None else own,
    }


def _outcome(told: ror.gateway.Rehearsal) -> dict[str, object]:
    if told.route is None:
        outcome = "refused, for there is no route"
    elif told.held:
        outcome = "acknowledged and not kept, for it is held already"
    else:
        outcome = "quarantined" if told.reason else "taken in"
    return {"outcome": outcome, "reason": told.reason, "detail": told.detail}
