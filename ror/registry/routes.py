"""Routes: which project a sender's studies belong to, by calling and called AE title (PS3.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa

from ror.db import Database, tables
from ror.errors import AlreadyExists, ConfigurationError, NotFound

__all__ = ["ANY", "Route", "RouteStore"]

ANY = "*"
# PS3.5 6.2, AE: the default repertoire without the backslash and control characters.
_AE_TITLE = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")


@dataclass(frozen=True, slots=True)
class Route:
    """Objects of `calling_ae` sent to `called_ae` belong to `project`; ``*`` stands for any title."""

    calling_ae: str
    called_ae: str
    project: str


class RouteStore:
    """Routes in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, route: Route) -> None:
        """Add a route; the project must exist (`AlreadyExists` if the pair of titles has a route)."""
        # Spaces around a title mean nothing (PS3.5 6.2, AE).
        calling_ae, called_ae = route.calling_ae.strip(" "), route.called_ae.strip(" ")
        for title in (calling_ae, called_ae):
            if not _AE_TITLE.fullmatch(title):
                raise ConfigurationError(
                    f"{title!r} is no AE title",
                    advice="use 1 to 16 characters of ASCII and no backslash, or * for any",
                )
        with self._database.write() as connection:
            added = connection.execute(
                self._database.insert(tables.routes)
                .values(calling_ae=calling_ae, called_ae=called_ae, project=route.project)
                .on_conflict_do_nothing()
            )
        if not added.rowcount:
            raise AlreadyExists(f"{calling_ae} → {called_ae} has a route already", "see `ror route list`")

    def remove(self, route: Route) -> None:
        """Remove a route; what its senders have sent stays (`NotFound` if there is no such route)."""
        table = tables.routes.c
        same = (
            (table.calling_ae == route.calling_ae.strip())
            & (table.called_ae == route.called_ae.strip())
            & (table.project == route.project)
        )
        with self._database.write() as connection:
            removed = connection.execute(tables.routes.delete().where(same))
        if not removed.rowcount:
            raise NotFound(
                f"there is no route {route.calling_ae} → {route.called_ae} to project {route.project}",
                "see `ror route list`",
            )

    def list(self) -> list[Route]:
        """All routes, the most particular first: the order in which they are tried."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(tables.routes)).all()
        routes = [Route(row.calling_ae, row.called_ae, row.project) for row in rows]
        return sorted(
            routes,
            key=lambda route: (
                route.calling_ae == ANY,
                route.called_ae == ANY,
                route.calling_ae,
                route.called_ae,
            ),
        )

    def find(self, calling_ae: str, called_ae: str) -> Route | None:
        """The most particular route of a sender, or None: the sender is not known."""
        for route in self.list():
            if route.calling_ae in (ANY, calling_ae.strip()) and route.called_ae in (ANY, called_ae.strip()):
                return route
        return None
