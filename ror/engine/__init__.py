"""Jobs: from a settled study through the durable pipeline (`ror.engine.pipeline`) to its end, on one host or many."""

from typing import TYPE_CHECKING

from ror.loading import on_demand

if TYPE_CHECKING:
    from ror.engine.away import AwayJobs, take_in
    from ror.engine.capacity import Gpu, Host, Needs
    from ror.engine.dead_letters import DeadLetter, find_dead_letters
    from ror.engine.disk import require_room
    from ror.engine.engine import Engine, EngineOptions
    from ror.engine.execute import Execution, Executor
    from ror.engine.forgetting import forget_checkpoints, forget_jobs, forget_old_checkpoints, jobs_on
    from ror.engine.held import HeldJobs, Hold
    from ror.engine.hosts import HostRow, HostStore
    from ror.engine.in_use import packages_in_use, studies_in_use
    from ror.engine.job_folders import EndedJob, JobFolders
    from ror.engine.job_rows import JobRow, JobStep
    from ror.engine.jobs import JobStore
    from ror.engine.machine import Declared, this_host
    from ror.engine.match import Matcher, Rematch, Verdict
    from ror.engine.pipeline import AwaitsReview, Stations, Worker
    from ror.engine.placement import Priority
    from ror.engine.placing import Order, Placer
    from ror.engine.stage import Stager
    from ror.engine.staged_input import is_staged
    from ror.engine.timings import HOPS, Hop, HopSummary, JobHops, Timings, summarised
    from ror.engine.waiting import why_it_waits
else:
    __getattr__ = on_demand(
        __name__,
        {
            "away": "AwayJobs take_in",
            "capacity": "Gpu Host Needs",
            "dead_letters": "DeadLetter find_dead_letters",
            "disk": "require_room",
            "engine": "Engine EngineOptions",
            "execute": "Execution Executor",
            "forgetting": "forget_checkpoints forget_jobs forget_old_checkpoints jobs_on",
            "held": "HeldJobs Hold",
            "hosts": "HostRow HostStore",
            "in_use": "packages_in_use studies_in_use",
            "job_folders": "EndedJob JobFolders",
            "job_rows": "JobRow JobStep",
            "jobs": "JobStore",
            "machine": "Declared this_host",
            "match": "Matcher Rematch Verdict",
            "pipeline": "AwaitsReview Stations Worker",
            "placement": "Priority",
            "placing": "Order Placer",
            "stage": "Stager",
            "staged_input": "is_staged",
            "timings": "HOPS Hop HopSummary JobHops Timings summarised",
            "waiting": "why_it_waits",
        },
    )

__all__ = [
    "HOPS",
    "AwaitsReview",
    "AwayJobs",
    "DeadLetter",
    "Declared",
    "EndedJob",
    "Engine",
    "EngineOptions",
    "Execution",
    "Executor",
    "Gpu",
    "HeldJobs",
    "Hold",
    "Hop",
    "HopSummary",
    "Host",
    "HostRow",
    "HostStore",
    "JobFolders",
    "JobHops",
    "JobRow",
    "JobStep",
    "JobStore",
    "Matcher",
    "Needs",
    "Order",
    "Placer",
    "Priority",
    "Rematch",
    "Stager",
    "Stations",
    "Timings",
    "Verdict",
    "Worker",
    "find_dead_letters",
    "forget_checkpoints",
    "forget_jobs",
    "forget_old_checkpoints",
    "is_staged",
    "jobs_on",
    "packages_in_use",
    "require_room",
    "studies_in_use",
    "summarised",
    "take_in",
    "this_host",
    "why_it_waits",
]
