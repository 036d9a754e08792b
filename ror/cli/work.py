"""``ror work``."""

from __future__ import annotations

import click

from ror import log
from ror.app import Service
from ror.cli.common import home_option, opened
from ror.cli.running import leave, stop_requested

__all__ = ["command"]


@click.command()
@home_option
@click.pass_context
def command(context: click.Context) -> None:
    """Run workflows without receiving: a second worker on the same database and home folder.

    Each worker has an engine.executor_id of its own, so that a restarted one takes up its own jobs and no other's.

    Example: ROR_ENGINE__EXECUTOR_ID=gpu2 ror --home /srv/ror work
    """
    stop = stop_requested()
    with opened(context) as app:
        log.set_up(app.home.root)
        with Service.work(app) as service:
            click.echo(
                f"ror works: {app.settings.engine.executor_id}, {service.runtime.name} runtime, home {app.home.root}"
            )
            stop.wait()
            leave(service)
