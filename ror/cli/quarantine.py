"""``ror quarantine list``."""

from __future__ import annotations

import click

from ror.cli.common import home_and_json, opened, print_table

__all__ = ["command"]


@click.group()
def command() -> None:
    """List the objects that could not be taken in.

    Example: ror quarantine list
    """


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
