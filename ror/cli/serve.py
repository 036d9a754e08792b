"""``ror serve``."""

from __future__ import annotations

import click

from ror.cli.common import home_option, opened, set_up_log
from ror.cli.running import leave, settled_down, stop_requested
from ror.service import Service
from ror.web import serving

__all__ = ["command"]


@click.command()
@home_option
@click.pass_context
def command(context: click.Context) -> None:
    """Receive studies and run their workflows: listener, DICOMweb, settling and engine in one process.

    Example: ror --home /srv/ror serve
    """
    stop = stop_requested()
    with opened(context, make=True) as app:
        set_up_log(app)
        with Service.serve(app) as service, serving(app) as web:
            assert service.listener is not None
            title, port = app.settings.listener.ae_title, service.listener.port
            click.echo(
                f"ror serves: {title} on port {port}, {service.runtime.name} runtime, home {app.home.root}"
            )
            if web is not None:
                click.echo(f"DICOMweb on port {web.port}")
            settled_down()
            stop.wait()
            click.echo("stopping; what is in progress goes on with the next start")
            leave(service)
