"""``ror audit``."""

from __future__ import annotations

import click

from ror.cli.common import home_and_json, opened, print_table

__all__ = ["command"]


@click.command()
@home_and_json
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List who has asked for identities, released or dropped objects, or changed pseudonyms or projects.

    The latest first.

    Example: ror audit
    """
    with opened(context) as app:
        rows = [
            (one.at, one.who, one.action, one.project, one.pseudonym, one.detail)
            for one in app.who.audit.list()
        ]
    print_table(("done_at", "who", "action", "project", "pseudonym", "detail"), rows, as_json=as_json)
