"""``ror jobs timings``, and the hops that ``ror jobs show`` tells of one job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from ror.cli.common import home_and_json, moment, opened, point_in_time, print_table, require_known
from ror.engine import Hop, summarised

__all__ = ["hops_told", "timings"]


@click.command()
@click.option("--workflow", help="Only jobs of this workflow.")
@click.option("--project", help="Only jobs of this project.")
@click.option(
    "--since", callback=point_in_time, metavar="TIME", help="Only jobs queued since this day or time."
)
@home_and_json
@click.pass_context
def timings(
    context: click.Context, workflow: str | None, project: str | None, since: float | None, as_json: bool
) -> None:
    """Say how long jobs take from each hop to the next, from the first object received to the last value recorded.

    Median, 95th percentile and the longest, in seconds, of the jobs that came so far; `whole` is the way of those that
    were recorded.

    Example: ror jobs timings --workflow lung_mask --since 2026-03-01
    """
    with opened(context) as app:
        require_known(app, project, workflow)
        rows = [
            (one.workflow, one.hop, one.n, round(one.median, 3), round(one.p95, 3), round(one.longest, 3))
            for one in summarised(app.timings.find(workflow, project, since))
        ]
    print_table(("workflow", "hop", "jobs", "median_s", "p95_s", "longest_s"), rows, as_json=as_json)
    if not rows:
        click.echo("no such job has come anywhere yet: see `ror jobs list`", err=True)


def hops_told(hops: Sequence[Hop]) -> Iterator[str]:
    """A line for each hop: when, and how long after the one before it."""
    for one in hops:
        seconds = "" if one.seconds is None else f"  {f'+{one.seconds:.1f}':>8} s"
        yield f"{one.hop:<9} {moment(one.at)}{seconds}"
