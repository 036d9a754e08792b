"""Jobs: from a settled study through the durable pipeline (`ror.engine.pipeline`) to its end."""

from ror.engine.engine import Engine, EngineOptions
from ror.engine.execute import Execution, Executor
from ror.engine.jobs import JobRow, JobStep, JobStore
from ror.engine.match import Matcher, Rematch, Verdict
from ror.engine.pipeline import AwaitsReview, Stations
from ror.engine.stage import Stager

__all__ = [
    "AwaitsReview",
    "Engine",
    "EngineOptions",
    "Execution",
    "Executor",
    "JobRow",
    "JobStep",
    "JobStore",
    "Matcher",
    "Rematch",
    "Stager",
    "Stations",
    "Verdict",
]
