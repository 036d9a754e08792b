"""Installed workflows: a frozen copy of each package version, and which of them a project has enabled."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

import select_lang
from containers import KnownPackages, Package
from ror.db import Database, tables
from ror.errors import NotFound
from ror.registry.package_checks import check_links, check_names, check_program, load

__all__ = ["InstalledWorkflow", "WorkflowStore"]


@dataclass(frozen=True, slots=True)
class InstalledWorkflow:
    """One version of a workflow in one project."""

    project: str
    name: str
    version: str
    digest: str
    select_text: str
    enabled: bool


class WorkflowStore:
    """Workflows in the database, their packages in ``<packages>/<name>/<digest>``."""

    def __init__(self, database: Database, packages: Path) -> None:
        self._database = database
        self._packages = packages
        self._known = KnownPackages()

    def add(
        self, project: str, folder: Path, prepare: Callable[[Package], None] | None = None
    ) -> InstalledWorkflow:
        """Install a package and enable it in a project, in place of an older version of the same name.

        `prepare` gets the installed copy before that is enabled. Whatever fails leaves everything as it was.

        Raises
        ------
        containers.ManifestError, select_lang.SelectError
            The package or its select statement has faults.
        ConfigurationError
            Its program is missing, or a mask lies on the grid of a series that the select statement does not name.
        """
        package = load(folder)
        manifest = package.manifest
        check_names(manifest, select_lang.read(manifest.select))
        check_program(package)
        check_links(package)
        workflow = InstalledWorkflow(
            project, manifest.name, manifest.version, package.digest, manifest.select, True
        )
        with ExitStack() as undo:
            if self._keep_copy(package):
                undo.callback(shutil.rmtree, self._folder(workflow.name, workflow.digest))
            if prepare is not None:
                prepare(self.package(workflow.name, workflow.digest))
            with self._database.write() as connection:
                self._install(connection, workflow)
                self._switch(connection, project, workflow.name, workflow.digest)
            undo.pop_all()
        return workflow

    def enable(
        self, project: str, name: str, version: str | None = None, digest: str = ""
    ) -> InstalledWorkflow:
        """Enable an installed version, in place of another of the same name; the beginning of its digest will do.

        Raises
        ------
        NotFound
            The project has no such version, or more than one, or its package is gone.
        """
        versions = [
            one
            for one in self.list(project)
            if one.name == name and version in (None, one.version) and one.digest.startswith(digest)
        ]
        if not versions:
            raise NotFound(
                f"project {project} has no such version of a workflow {name}", "see `ror workflow list`"
            )
        if len(versions) > 1:
            told = ", ".join(f"{one.version} ({one.digest[:12]})" for one in versions)
            raise NotFound(
                f"project {project} has more than one {name}: {told}", "say --version or --digest, too"
            )
        (one,) = versions
        self.package(name, one.digest)
        with self._database.write() as connection:
            self._switch(connection, project, name, one.digest)
        return replace(one, enabled=True)

    def disable(self, project: str, name: str) -> InstalledWorkflow:
        """Let a project's workflow want no more studies; its jobs go on. `NotFound` if none of that name is enabled."""
        enabled = [one for one in self.list(project, enabled_only=True) if one.name == name]
        if not enabled:
            raise NotFound(f"project {project} has no enabled workflow {name}", "see `ror workflow list`")
        with self._database.write() as connection:
            self._switch(connection, project, name, None)
        return replace(enabled[0], enabled=False)

    def list(self, project: str | None = None, *, enabled_only: bool = False) -> list[InstalledWorkflow]:
        """Installed workflows by project, name and time of installation."""
        table = tables.workflows
        query = sa.select(table).order_by(table.c.project, table.c.name, table.c.added_at)
        if project is not None:
            query = query.where(table.c.project == project)
        if enabled_only:
            query = query.where(table.c.enabled)
        with self._database.read() as connection:
            return [
                InstalledWorkflow(
                    row.project, row.name, row.version, row.digest, row.select_text, row.enabled
                )
                for row in connection.execute(query)
            ]

    def holds(self, name: str, digest: str) -> bool:
        """Whether the package of an installed version is there."""
        return self._folder(name, digest).is_dir()

    def package(self, name: str, digest: str) -> Package:
        """The package of an installed version, as it was when installed."""
        if not self.holds(name, digest):
            raise NotFound(f"the package {name} {digest[:12]} is not in {self._packages}", "install it again")
        return self._known.load(self._folder(name, digest), older_name=name)

    def _folder(self, name: str, digest: str) -> Path:
        return self._packages / name / digest

    def _keep_copy(self, package: Package) -> bool:
        target = self._folder(package.manifest.name, package.digest)
        if target.exists():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            copy = Path(temporary) / "package"
            for file in package.files():
                kept = copy / file.relative_to(package.folder)
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, kept, follow_symlinks=False)
            copy.rename(target)
        return True

    def _install(self, connection: sa.Connection, workflow: InstalledWorkflow) -> None:
        insert = self._database.insert(tables.workflows).values(
            project=workflow.project,
            name=workflow.name,
            digest=workflow.digest,
            version=workflow.version,
            select_text=workflow.select_text,
            enabled=False,
            added_at=time.time(),
        )
        connection.execute(insert.on_conflict_do_nothing())

    def _switch(self, connection: sa.Connection, project: str, name: str, digest: str | None) -> None:
        """Of the versions of a workflow, have that of `digest` enabled, or none."""
        table = tables.workflows
        versions = (table.c.project == project) & (table.c.name == name)
        is_enabled = sa.false() if digest is None else table.c.digest == digest
        connection.execute(table.update().where(versions).values(enabled=is_enabled))
