"""``ror hosts list | drain | resume | remove``."""

from __future__ import annotations

import click

from ror.cli.common import home_and_json, home_option, opened, print_table
from ror.engine import HostRow

__all__ = ["command"]


@click.group()
def command() -> None:
    """List the hosts that run jobs; give one no more of them, or forget one that is gone.

    Example: ror hosts list
    """


@command.command("list")
@home_and_json
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List the hosts: what each has, how many jobs, and whether it was heard of lately.

    Example: ror hosts list --json
    """
    with opened(context) as app:
        rows = app.hosts.list()
    columns = (
        "name",
        "state",
        "jobs",
        "slots",
        "cpus",
        "memory_mib",
        "gpus",
        "labels",
        "release",
        "joined_at",
    )
    print_table(
        columns,
        [
            (
                row.host.name,
                _state(row),
                row.jobs,
                row.host.slots,
                f"{row.host.cpus:g}",
                row.host.memory_mib,
                [f"{card.id} ({card.memory_mib} MiB)" for card in row.host.gpus],
                sorted(row.host.labels),
                row.release,
                row.joined_at,
            )
            for row in rows
        ],
        as_json=as_json,
    )


def _state(row: HostRow) -> str:
    if not row.alive:
        return f"silent for {row.silent_seconds:.0f} s"
    return "drained" if row.drained else "alive"


@command.command()
@click.argument("name")
@home_option
@click.pass_context
def drain(context: click.Context, name: str) -> None:
    """Give a host no more jobs; it finishes those that it has. It stays so over restarts.

    Example: ror hosts drain gpu2
    """
    with opened(context) as app:
        app.hosts.drain(name, drained=True)
    click.echo(f"{name} gets no more jobs")


@command.command()
@click.argument("name")
@home_option
@click.pass_context
def resume(context: click.Context, name: str) -> None:
    """Give a host jobs again that was drained.

    Example: ror hosts resume gpu2
    """
    with opened(context) as app:
        app.hosts.drain(name, drained=False)
    click.echo(f"{name} gets jobs again")


@command.command()
@click.argument("name")
@home_option
@click.pass_context
def remove(context: click.Context, name: str) -> None:
    """Forget a host whose worker was stopped for good; jobs that it still had go on elsewhere.

    Example: ror hosts remove gpu2
    """
    with opened(context) as app:
        jobs = app.hosts.remove(name)
    click.echo(f"{name} is forgotten; {jobs} jobs go on elsewhere")
