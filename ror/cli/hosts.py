"""``ror hosts list | drain | resume | remove``."""

from __future__ import annotations

import click

from ror.app import App
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
    """List the hosts: what each has, how many jobs, where it has studies from, and whether it is there.

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
        "studies",
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
                "shared folder" if row.host.folder else "gateway",
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
    """Give a host no more jobs; it finishes those that it has. It stays so over restarts. On record.

    Example: ror hosts drain gpu2
    """
    with opened(context) as app:
        _note(app, "drain host", name)
        app.hosts.drain(name, drained=True)
    click.echo(f"{name} gets no more jobs")


@command.command()
@click.argument("name")
@home_option
@click.pass_context
def resume(context: click.Context, name: str) -> None:
    """Give a host jobs again that was drained. On record.

    Example: ror hosts resume gpu2
    """
    with opened(context) as app:
        _note(app, "resume host", name)
        app.hosts.drain(name, drained=False)
    click.echo(f"{name} gets jobs again")


@command.command()
@click.argument("name")
@home_option
@click.pass_context
def remove(context: click.Context, name: str) -> None:
    """Forget a host whose worker was stopped for good; jobs that it still had go on elsewhere. On record.

    Example: ror hosts remove gpu2
    """
    with opened(context) as app:
        _note(app, "remove host", name, silent=True)
        jobs = app.hosts.remove(name)
    went = "no job of it was left" if not jobs else "1 job goes" if jobs == 1 else f"{jobs} jobs go"
    click.echo(f"{name} is forgotten; {went}{' on elsewhere' if jobs else ''}")


def _note(app: App, action: str, name: str, *, silent: bool = False) -> None:
    """Put on record what is about to be done with a host that there is; of what will be refused nothing is said."""
    if any(row.host.name == name and not (silent and row.alive) for row in app.hosts.list()):
        app.who.audit.record(action, "", detail=name)
