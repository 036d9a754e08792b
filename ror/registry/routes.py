"""Routes: which project an object belongs to, by who has sent it to whom from where, and by what it is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache

import sqlalchemy as sa

from ror.db import Database, tables
from ror.errors import AlreadyExists, NotFound
from ror.registry.audit import add_record
from ror.registry.conditions import Attributes, Condition
from ror.registry.route import ANY, Route, Sender

__all__ = ["Admission", "Read", "RouteStore", "Tried", "first_that_fits", "try_routes"]

Read = Callable[[Collection[str]], Attributes]
"""Reads the attributes with these keywords from the object; not called while no route asks for any."""


class Admission(Enum):
    """Whether a route can lead from a sender, whatever it sends."""

    ADMITTED = auto()
    CALLING_UNKNOWN = auto()
    CALLED_UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Tried:
    """A route and why it does not lead from here: () if it does."""

    route: Route
    misfits: tuple[str, ...]


def try_routes(routes: Collection[Route], sender: Sender, read: Read) -> list[Tried]:
    """Every route with why it does not fit, in the order given; what is read of the object is read once."""
    tried = [Tried(route, route.misfits(sender)) for route in routes]
    asked = [_condition(one.route.condition) for one in tried if one.route.condition and not one.misfits]
    wanted = frozenset[str]().union(*(condition.attributes for condition in asked))
    attributes = read(wanted) if wanted else {}
    return [
        replace(one, misfits=_condition(one.route.condition).misfits(attributes))
        if one.route.condition and not one.misfits
        else one
        for one in tried
    ]


def first_that_fits(routes: Collection[Route], sender: Sender, read: Read) -> Route | None:
    """The first route that fits, or None: the sender is not known, or its object is not wanted."""
    # A route that is out of the question costs nothing: the object is read for those that remain only.
    possible = [route for route in routes if not route.misfits(sender)]
    if possible and not possible[0].condition:
        return possible[0]
    return next((one.route for one in try_routes(possible, sender, read) if not one.misfits), None)


@lru_cache(maxsize=1024)
def _condition(text: str) -> Condition:
    return Condition.read(text)


class RouteStore:
    """Routes in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, route: Route) -> Route:
        """Add a route, to a project that exists; returns it as it is kept.

        Raises
        ------
        ConfigurationError
            A title, the address or the condition is none.
        AlreadyExists
            There is a route of the same titles, address and condition.
        """
        kept = route.canonical()
        with self._database.write() as connection:
            added = connection.execute(
                self._database.insert(tables.routes)
                .values(
                    calling_ae=kept.calling_ae,
                    called_ae=kept.called_ae,
                    project=kept.project,
                    address=kept.address,
                    condition=kept.condition,
                    priority=kept.priority,
                    settle_seconds=kept.settle_seconds,
                    until_release=kept.until_release,
                )
                .on_conflict_do_nothing()
            )
            if added.rowcount:
                add_record(connection, "add route", kept.project, detail=_titles(kept))
        if not added.rowcount:
            raise AlreadyExists(f"{kept.described} has a route already", "see `ror route list`")
        return kept

    def remove(self, route: Route) -> Route:
        """Remove the route of these titles, address, condition and project; what its senders have sent stays.

        Raises
        ------
        NotFound
            There is no such route.
        """
        kept, table = route.canonical(), tables.routes.c
        same = (
            (table.calling_ae == kept.calling_ae)
            & (table.called_ae == kept.called_ae)
            & (table.address == kept.address)
            & (table.condition == kept.condition)
            & (table.project == kept.project)
        )
        with self._database.write() as connection:
            removed = connection.execute(tables.routes.delete().where(same))
            if removed.rowcount:
                add_record(connection, "remove route", kept.project, detail=_titles(kept))
        if not removed.rowcount:
            raise NotFound(
                f"there is no route {kept.described} to project {kept.project}", "see `ror route list`"
            )
        return kept

    def list(self) -> list[Route]:
        """All routes in the order in which they are tried: by priority, and then the most particular first."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(tables.routes)).all()
        routes = [
            Route(
                row.calling_ae,
                row.called_ae,
                row.project,
                row.address,
                row.condition,
                row.priority,
                row.settle_seconds,
                row.until_release,
            )
            for row in rows
        ]
        return sorted(routes, key=lambda route: route.order)

    def admission(self, sender: Sender) -> Admission:
        """Whether anything that the sender may send has a route."""
        routes = self.list()
        if any(not route.misfits(sender) for route in routes):
            return Admission.ADMITTED
        called_by_another_name = replace(sender, called_ae=None)
        if any(not route.misfits(called_by_another_name) for route in routes):
            return Admission.CALLED_UNKNOWN
        return Admission.CALLING_UNKNOWN


def _titles(route: Route) -> str:
    """What goes on record of a route: its condition may hold an attribute's value, and is only said to be there."""
    where = f" from {route.address}" if route.address != ANY else ""
    return f"{route.calling_ae} to {route.called_ae}{where}{', on a condition' if route.condition else ''}"
