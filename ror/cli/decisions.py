"""What commands tell of a decision on the results of a job."""

from __future__ import annotations

from ror.app import App
from ror.cli.common import moment
from ror.results import Decision

__all__ = ["decisions_told"]


def decisions_told(app: App, job_id: str) -> list[str]:
    """A line for each decision on a job, the latest first: what, with which corrected masks, when, by whom, why."""
    return [_told(app, one) for one in app.reviews.decisions(job_id)]


def _told(app: App, decision: Decision) -> str:
    what = "accepted" if decision.accepted else "rejected"
    masks = ", ".join(
        f"{one.mask} (version {one.version})" for one in app.corrections.those(decision.corrections)
    )
    corrected = f" with the corrected {masks}" if masks else ""
    by = f"{decision.reader} ({decision.who})" if decision.reader else decision.who
    note = f": {decision.note}" if decision.note else ""
    return f"{what}{corrected} {moment(decision.decided_at)} by {by}{note}"
