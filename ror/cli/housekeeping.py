"""``ror housekeeping``."""

from __future__ import annotations

import time

import click

from ror.cli.common import home_and_json, opened, print_table
from ror.errors import ServiceUnavailable
from ror.housekeeping import Housekeeper, Removal

__all__ = ["command"]


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@home_and_json
@click.pass_context
def command(context: click.Context, dry_run: bool, as_json: bool) -> None:
    """Remove job folders, images and studies that nothing needs, as [housekeeping] of ror.toml says.

    `ror serve` does so by itself, in off-peak hours.

    Example: ror housekeeping --dry-run
    """
    with opened(context) as app:
        keeper = Housekeeper(app)
        try:
            removals = keeper.due(time.time()) if dry_run else keeper.run(time.time())
        except OSError as error:
            raise ServiceUnavailable(
                f"something of {app.home.root} cannot be deleted: {error.strerror}",
                "let the user of ror delete it (job folders may hold files of programs), and run it again",
            ) from error
    columns = ("what", "name", "project", "patient_id", "since_at", "mib", "why")
    print_table(columns, [_row(one) for one in removals], as_json=as_json)
    if not as_json:
        click.echo(f"{len(removals)} {'would go' if dry_run else 'removed'}")


def _row(removal: Removal) -> tuple[object, ...]:
    one = removal.candidate
    return (
        one.kind,
        one.name,
        one.project,
        one.pseudonym,
        one.since,
        round(one.size_bytes / 2**20, 1),
        removal.why,
    )
