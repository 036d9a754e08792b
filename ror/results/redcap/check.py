"""What workflows announce, held against what a REDCap project takes, before anything is measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from containers import Measurement
from ror.registry import Project
from ror.results.redcap.described import Described, RedcapField
from ror.results.redcap.records import event_fault, unknown
from ror.results.redcap.values import takes_numbers

__all__ = ["Announced", "Mismatch", "mismatches"]


@dataclass(frozen=True, slots=True)
class Announced:
    """The measurements that an enabled workflow of a project gives."""

    workflow: str
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that would be refused, and what to do about it.

    `workflows` are those whose measurements it is of; none where it is of all that go to the project.
    """

    what: str
    mend: str
    workflows: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}: {self.mend}"


def mismatches(
    project: Project, described: Described, announced: Sequence[Announced], events_named: frozenset[str]
) -> Iterator[Mismatch]:
    """Everything that does not fit.

    Parameters
    ----------
    events_named
        By the project's coupling list; "" for a row that names none, and nothing where there is no list.
    """
    events = frozenset(event or project.redcap_event for event in events_named or {""})
    yield from _events(project, described, events)
    yield from _instrument(project, described)
    for one in announced:
        for measurement in one.measurements:
            for found in _of_field(one.workflow, measurement, project, described, events):
                yield replace(found, workflows=(one.workflow,))
    yield from _given_twice(announced)


def _of_field(
    workflow: str, measurement: Measurement, project: Project, described: Described, events: frozenset[str]
) -> Iterator[Mismatch]:
    what = f"{workflow}: {measurement.field}"
    field = described.fields.get(measurement.field)
    if field is None:
        yield Mismatch(f"{what} {unknown(measurement.field, described)}", _dictionary(project))
        return
    if fault := takes_numbers(field, may_be_whole=counts(measurement)):
        yield Mismatch(f"{what} {fault}", "in REDCap, make it a text field with the validation number")
    yield from _instrument_of(what, project, field, described)
    yield from _designation(what, field, described, events)


def _given_twice(announced: Sequence[Announced]) -> Iterator[Mismatch]:
    givers: defaultdict[str, list[str]] = defaultdict(list)
    for one in announced:
        for measurement in one.measurements:
            givers[measurement.field].append(one.workflow)
    for field, workflows in givers.items():
        if len(workflows) > 1:
            yield Mismatch(
                f"{field} is given by {', '.join(workflows)}: what one of them has written, no other overwrites",
                "rename the field in all but one of their manifests",
                tuple(workflows),
            )


def counts(measurement: Measurement) -> bool:
    """Whether a measurement may be a number of things, by its unit: UCUM's unity, or an annotation alone."""
    unit = measurement.unit.value
    return unit == "1" or (unit.startswith("{") and unit.endswith("}"))


def _dictionary(project: Project) -> str:
    return f"add it by hand, or upload what `ror redcap dictionary --project {project.name} --merge` prints"


def _events(project: Project, described: Described, events: frozenset[str]) -> Iterator[Mismatch]:
    how = f"ror project change {project.name}"
    if not described.is_longitudinal:
        if named := ", ".join(sorted(filter(None, events))):
            yield Mismatch(
                f"the REDCap project has no events, but {named} is named",
                f"enable longitudinal data collection there, or take the events off the coupling list and "
                f"{how} --clear redcap-event",
            )
        return
    known = ", ".join(sorted(described.events)) or "none"
    if "" in events:
        yield Mismatch(
            "the REDCap project is longitudinal, and not every study has an event",
            f"name one for each patient in the coupling list (event_name), or for all others: {how} --redcap-event "
            f"NAME; there are: {known}",
        )
    for event in sorted(events - described.events.keys() - {""}):
        yield Mismatch(
            f"{event} is no event with instruments",
            f"define it in REDCap and designate instruments for it, or name another; there are: {known}",
        )


def _instrument(project: Project, described: Described) -> Iterator[Mismatch]:
    name = project.redcap_repeat_instrument
    if name and name not in described.forms:
        yield Mismatch(
            f"there is no instrument {name} to repeat",
            f"make it in REDCap, or ror project change {project.name} --redcap-repeat-instrument NAME; there are: "
            f"{', '.join(sorted(described.forms)) or 'none'}",
        )
    elif name and not described.repeats(name):
        yield Mismatch(
            f"the instrument {name} does not repeat",
            "enable it in REDCap: Project Setup, Repeating instruments and events",
        )


def _instrument_of(
    what: str, project: Project, field: RedcapField, described: Described
) -> Iterator[Mismatch]:
    repeat = project.redcap_repeat_instrument
    how = f"ror project change {project.name} --redcap-repeat-instrument {field.form}"
    if repeat and field.form != repeat:
        yield Mismatch(
            f"{what} is on the instrument {field.form}, not on {repeat}, whose instances measurements go to",
            f"move it there, or {how}",
        )
    elif not repeat and described.repeats(field.form):
        yield Mismatch(f"{what} is on the instrument {field.form}, which repeats", how)


def _designation(
    what: str, field: RedcapField, described: Described, events: frozenset[str]
) -> Iterator[Mismatch]:
    for event in sorted(events & described.events.keys()):
        if fault := event_fault(event, field, described):
            yield Mismatch(
                f"{what}: {fault}",
                "designate it in REDCap: Project Setup, Designate Instruments for My Events",
            )
