"""What would be sent to a REDCap that has the fields of a workflow, without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from containers import Manifest
from ror.results.model import Row
from ror.results.redcap.described import described
from ror.results.redcap.dictionary import dictionary_rows
from ror.results.redcap.records import Prepared, prepare

__all__ = ["would_send"]


def would_send(rows: Sequence[Row], manifest: Manifest) -> Prepared:
    """Make records of measurements, as for a project with the dictionary that is printed for their workflow.

    It has the events that they name, and what they repeat repeats there.

    Raises
    ------
    ConfigurationError
        The manifest announces no measurement, or the same one twice.
    """
    dictionary = dictionary_rows([manifest])
    forms = list(dict.fromkeys(row.form_name for row in dictionary))
    events = sorted({row.event for row in rows if row.event})
    repeating = {(row.event, row.repeat_instrument) for row in rows if row.repeat_instance is not None}
    return prepare(
        rows,
        described(
            {
                "project": {"is_longitudinal": bool(events)},
                "metadata": [asdict(row) for row in dictionary],
                "formEventMapping": [
                    {"unique_event_name": event, "form": form} for event in events for form in forms
                ],
                "repeatingFormsEvents": [
                    {"event_name": event, "form_name": form} for event, form in sorted(repeating)
                ],
            }
        ),
    )
