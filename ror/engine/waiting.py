"""What a job waits for, in a sentence: of all that was seen (`ror.engine.placing.Seen`), what is first in its way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ror.engine.capacity import Host, Needs
from ror.engine.placement import Line, Priority
from ror.engine.placing import Order, Seen
from ror.model import Job

__all__ = ["why_it_waits"]


def why_it_waits(job: Job, needs: Needs, seen: Seen, order: Order) -> str:
    """Why a queued job that no host has does not start now."""
    line = next((one for one in seen.lines if any(first.job == job.id for first in one.jobs)), None)
    needs = needs if line is None else line.needs  # of one whose program has ended, another thing
    return (
        _no_host(seen)
        or _unsuited(needs, seen.takers)
        or _capped(job, needs, seen)
        or _not_yet_off_peak(job, seen, order)
        or _behind(job, line, seen)
    )


def _no_host(seen: Seen) -> str:
    if seen.takers:
        return ""
    if not seen.hosts:
        return "no host has joined: start `ror serve` or `ror work`"
    drained = [row.host.name for row in seen.hosts if row.alive and row.drained]
    if drained:
        return f"all hosts that are there are drained: {', '.join(drained)} (`ror hosts resume`)"
    latest = min(seen.hosts, key=lambda row: row.silent_seconds)
    return f"no host is there; {latest.host.name} was heard of {latest.silent_seconds:.0f} s ago"


def _unsuited(needs: Needs, hosts: Sequence[Host]) -> str:
    if any(host.suits(needs) for host in hosts):
        return ""
    gpu = needs.gpu and not needs.cpu_fallback
    lacking = {host.name: host.lacks(needs, gpu=gpu) for host in hosts}
    if len(set(lacking.values())) == 1:
        return f"no host has {next(iter(lacking.values()))}"
    return "no host suits: " + "; ".join(f"{name} lacks {what}" for name, what in sorted(lacking.items()))


def _capped(job: Job, needs: Needs, seen: Seen) -> str:
    cap = seen.rules.caps.get(job.workflow)
    running = sum(one.needs.slots for one in seen.running if one.workflow == job.workflow)
    if cap is None or not needs.slots or running < cap:
        return ""
    return f"{running} of its workflow are running, and its cap is {cap} (engine.workflows.{job.workflow}.at_most)"


def _not_yet_off_peak(job: Job, seen: Seen, order: Order) -> str:
    if order.priorities.get(job.workflow) is not Priority.OFF_PEAK or seen.rules.off_peak:
        return ""
    return f"off-peak hours begin at {order.off_peak[0].isoformat('minutes')}"


def _behind(job: Job, line: Line | None, seen: Seen) -> str:
    plan = seen.plan()
    if job.id in {start.job for start in plan.starts}:
        return "it starts at once"
    if job.id in plan.reserved:
        host, at = plan.reserved[job.id]
        when = datetime.fromtimestamp(at).astimezone().isoformat(" ", "seconds")
        return f"the hosts that suit are full; host {host} has room for it by {when} at the latest"
    if line is None:
        return "many jobs of its workflow wait before it"
    before = [one.job for one in line.jobs].index(job.id)
    if before:
        return f"behind {before} of its workflow that {'waits' if before == 1 else 'wait'} longer"
    return "the hosts that suit are full, and room is kept for jobs whose turn it is"
