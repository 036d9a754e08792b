"""``ror work``."""

from __future__ import annotations

import click

from ror.cli.common import home_option, opened, set_up_log
from ror.cli.running import leave, stop_requested
from ror.service import Service

__all__ = ["command"]


@click.command()
@click.option("--name", help="Of this host, which no other worker has: engine.executor_id.")
@click.option("--labels", help="That workflows may ask for, parted by commas: engine.labels.")
@click.option("--gpus", help='Cards that its jobs may have, as "0,1", or "none": engine.gpus.')
@click.option("--slots", help="Programs at once: engine.slots.")
@click.option(
    "--gateway", help="Address of ror serve, where this host has not its home folder: engine.gateway."
)
@click.option(
    "--token-file",
    help="Holds the token of this host, unless ROR_GATEWAY_TOKEN does: engine.gateway_token_file.",
)
@home_option
@click.pass_context
def command(
    context: click.Context,
    name: str | None,
    labels: str | None,
    gpus: str | None,
    slots: str | None,
    gateway: str | None,
    token_file: str | None,
) -> None:
    """Run workflows without receiving: another host for the jobs of the same database and home folder.

    Each worker has a name of its own, under which it takes up its jobs again after a restart. With --gateway it needs
    the database alone: it pulls studies and packages from there, and brings back what programs have written.

    Example: ror --home /srv/ror work --name gpu2 --labels gpu,a100 --gpus 0,1 --slots 2
    """
    stop = stop_requested()
    given = {"EXECUTOR_ID": name, "LABELS": labels, "GPUS": gpus, "SLOTS": slots}
    given |= {"GATEWAY": gateway, "GATEWAY_TOKEN_FILE": token_file}
    overruled = {f"ROR_ENGINE__{key}": value for key, value in given.items() if value is not None}
    # A host without the shared folder has a home of its own, in which nothing has to be yet.
    with opened(context, make=gateway is not None, overruled=overruled) as app:
        set_up_log(app)
        with Service.work(app) as service:
            click.echo(
                f"ror works: {app.settings.engine.executor_id}, {service.runtime.name} runtime, home {app.home.root}"
            )
            stop.wait()
            leave(service)
