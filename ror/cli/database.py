"""``ror database show | downgrade``."""

from __future__ import annotations

import click

from ror.cli.common import home_option, opened
from ror.errors import NotAllowed

__all__ = ["command"]


@click.group()
def command() -> None:
    """Say which revision the database is of, and bring it back for an earlier release.

    Example: ror database show
    """


@command.command()
@home_option
@click.pass_context
def show(context: click.Context) -> None:
    """Print the address of the database, and the revision of its tables.

    Example: ror database show
    """
    with opened(context) as app:
        click.echo(f"{app.database.shown}: revision {app.database.revision()}")


@command.command()
@click.argument("revision")
@home_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def downgrade(context: click.Context, revision: str, yes: bool) -> None:
    """Bring the tables back to the revision of an earlier release, which is then to be installed.

    What that release does not know is lost; what it knows stays. It is refused while jobs in the shadow of another
    version have not ended, which it would deliver. Any command of this release upgrades the tables again.

    Example: ror database downgrade 0011
    """
    with opened(context) as app:
        alive = [row.host.name for row in app.hosts.list() if row.alive]
        if alive:
            raise NotAllowed(
                f"hosts use the database: {', '.join(alive)}",
                "stop their `ror serve` and `ror work`, and wait until `ror hosts list` says that they are silent",
            )
        if not yes:
            click.confirm("Is no `ror serve` or `ror work` running, and is there a backup?", abort=True)
        app.database.downgrade(revision)
        click.echo(
            f"the database is of revision {app.database.revision()}: install the release that it is of"
        )
