"""Installed workflows: a frozen copy of each package version, and which of them a project has enabled."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from containers import KnownPackages, Package
from ror.db import Database, tables
from ror.errors import NotAllowed, NotFound
from ror.registry.audit import add_record
from ror.registry.package_checks import checked_package

__all__ = ["InstalledWorkflow", "WorkflowStore"]

_LEAST = 6  # digits of a digest
_ADDED = {False: "add workflow", True: "add workflow as shadow"}


@dataclass(frozen=True, slots=True)
class InstalledWorkflow:
    """One version of a workflow in one project: the one that is enabled, one that runs in its shadow, or neither."""

    project: str
    name: str
    version: str
    digest: str
    select_text: str
    enabled: bool
    shadow: bool = False

    @property
    def told_version(self) -> str:
        """The version, and that it runs in the shadow of another one."""
        return f"{self.version} (shadow)" if self.shadow else self.version


class WorkflowStore:
    """Workflows in the database, their packages in ``<packages>/<name>/<digest>``."""

    def __init__(self, database: Database, packages: Path) -> None:
        self._database = database
        self._packages = packages
        self._known = KnownPackages()

    def add(
        self,
        project: str,
        folder: Path,
        prepare: Callable[[Package], None] | None = None,
        *,
        shadow: bool = False,
    ) -> InstalledWorkflow:
        """Install a package and enable it in a project, in place of an older version of the same name.

        With `shadow` it runs beside that version instead, on the same studies, and delivers nothing. `prepare` gets
        the installed copy before that is enabled. Whatever fails leaves everything as it was.

        Raises
        ------
        NotFound, NotAllowed
            There is no enabled version that it could run beside, or it is that version itself.
        containers.ManifestError, select_lang.SelectError
            The package or its select statement has faults.
        ConfigurationError
            Its program is missing, or a mask lies on the grid of a series that the select statement does not name.
        """
        package = checked_package(folder)
        manifest = package.manifest
        workflow = InstalledWorkflow(
            project, manifest.name, manifest.version, package.digest, manifest.select, not shadow, shadow
        )
        if shadow:
            self._require_another(workflow)
        with ExitStack() as undo:
            if self._keep_copy(package, self._folder(manifest.name, package.digest)):
                undo.callback(shutil.rmtree, self._folder(workflow.name, workflow.digest))
            if prepare is not None:
                prepare(self.package(workflow.name, workflow.digest))
            with self._database.write() as connection:
                self._install(connection, workflow)
                if shadow:
                    self._shadow(connection, workflow)
                else:
                    self._switch(connection, project, workflow.name, workflow.digest)
                add_record(connection, _ADDED[shadow], project, detail=_told(workflow))
            undo.pop_all()
        return workflow

    def enable(self, project: str, name: str) -> InstalledWorkflow:
        """Enable the only version of a workflow that a project has; of several, one is to be promoted.

        Raises
        ------
        NotFound
            The project has none, or more than one, or its package is gone.
        """
        versions = self.versions(project, name)
        if len(versions) > 1:
            told = ", ".join(map(_told_short, versions))
            raise NotFound(
                f"project {project} has more than one {name}: {told}",
                f"say which: ror workflow promote {name} VERSION --project {project}",
            )
        return self._make_current(versions[0], "enable workflow")

    def promote(self, project: str, name: str, version: str) -> InstalledWorkflow:
        """Make an installed version the current one, in place of another; also the beginning of its digest will do.

        Its jobs from now on deliver, also if it ran in the shadow of that one.

        Raises
        ------
        NotFound
            The project has no such version, or more than one, or its package is gone.
        """
        return self._make_current(self.version(project, name, version), "promote workflow")

    def disable(self, project: str, name: str, *, shadows_only: bool = False) -> Sequence[InstalledWorkflow]:
        """Let a workflow, or what runs in its shadow, want no more studies of a project; their jobs go on.

        Returns what was disabled; `NotFound` if there is nothing of that name.
        """
        running = [
            one for one in self.running(project) if one.name == name and (one.shadow or not shadows_only)
        ]
        if not running:
            what = "nothing in the shadow of the workflow" if shadows_only else "no enabled workflow"
            raise NotFound(f"project {project} has {what} {name}", "see `ror workflow list`")
        table = tables.workflows
        with self._database.write() as connection:
            for one in running:
                connection.execute(table.update().where(_is(one)).values(enabled=False, shadow=False))
            for one in running:
                add_record(connection, "disable workflow", project, detail=_told(one))
        return [replace(one, enabled=False, shadow=False) for one in running]

    def version(self, project: str, name: str, version: str) -> InstalledWorkflow:
        """An installed version by its name, or by the beginning of its digest; `NotFound` as `promote`."""
        versions = self.versions(project, name)
        found = [one for one in versions if one.version == version]
        found = found or [
            one for one in versions if len(version) >= _LEAST and one.digest.startswith(version)
        ]
        if not found:
            raise NotFound(
                f"project {project} has no such version of the workflow {name}",
                f"see `ror workflow versions {name} --project {project}`",
            )
        if len(found) > 1:
            told = ", ".join(map(_told_short, found))
            raise NotFound(f"project {project} has more than one {name} {version}: {told}", "give the digest")
        return found[0]

    def versions(self, project: str, name: str) -> Sequence[InstalledWorkflow]:
        """All installed versions of a workflow, the first installed first, or `NotFound`."""
        found = [one for one in self.list(project) if one.name == name]
        if not found:
            raise NotFound(f"project {project} has no workflow {name}", "see `ror workflow list`")
        return found

    def version_taken(self, project: str, package: Package) -> InstalledWorkflow | None:
        """What a project has under the version of a package but with other content; results name both the same.

        None also if it has this content as well, and of older packages, which have no version.
        """
        manifest = package.manifest
        versions = [one for one in self.list(project) if one.name == manifest.name]
        if not manifest.announced or any(one.digest == package.digest for one in versions):
            return None
        return next((one for one in versions if one.version == manifest.version), None)

    def running(self, project: str) -> Sequence[InstalledWorkflow]:
        """What is asked about every study of a project: the enabled workflows, and what runs in their shadow."""
        return [one for one in self.list(project) if one.enabled or one.shadow]

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
                    row.project, row.name, row.version, row.digest, row.select_text, row.enabled, row.shadow
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

    def keep(self, name: str, digest: str, folder: Path) -> None:
        """Keep a copy of a package that was installed on another host, so that it is held here, too.

        Raises
        ------
        NotFound
            What is in the folder is another package.
        """
        package = Package.load(folder, older_name=name)
        if package.digest != digest:
            raise NotFound(
                f"this is the package {package.digest[:12]}, not {name} {digest[:12]}", "fetch it again"
            )
        self._keep_copy(package, self._folder(name, digest))

    def _folder(self, name: str, digest: str) -> Path:
        return self._packages / name / digest

    def _keep_copy(self, package: Package, target: Path) -> bool:
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

    def _require_another(self, workflow: InstalledWorkflow) -> None:
        """That an enabled version is there which a shadow can be compared with."""
        enabled = [one for one in self.list(workflow.project, enabled_only=True) if one.name == workflow.name]
        if not enabled:
            raise NotFound(
                f"project {workflow.project} has no enabled workflow {workflow.name} to run beside",
                "add it without --shadow",
            )
        if enabled[0].digest == workflow.digest:
            raise NotAllowed(
                f"{_told(workflow)} is the current version in {workflow.project}",
                "change the package, and give it another version",
            )

    def _make_current(self, workflow: InstalledWorkflow, action: str) -> InstalledWorkflow:
        self.package(workflow.name, workflow.digest)
        with self._database.write() as connection:
            self._switch(connection, workflow.project, workflow.name, workflow.digest)
            add_record(connection, action, workflow.project, detail=_told(workflow))
        return replace(workflow, enabled=True, shadow=False)

    def _switch(self, connection: sa.Connection, project: str, name: str, digest: str) -> None:
        """Of the versions of a workflow, have that of `digest` enabled; others stay in its shadow."""
        table = tables.workflows
        versions = (table.c.project == project) & (table.c.name == name)
        is_shadow = table.c.shadow & (table.c.digest != digest)
        connection.execute(
            table.update().where(versions).values(enabled=table.c.digest == digest, shadow=is_shadow)
        )

    def _shadow(self, connection: sa.Connection, workflow: InstalledWorkflow) -> None:
        connection.execute(tables.workflows.update().where(_is(workflow)).values(enabled=False, shadow=True))


def _is(workflow: InstalledWorkflow) -> sa.ColumnElement[bool]:
    table = tables.workflows.c
    return (
        (table.project == workflow.project)
        & (table.name == workflow.name)
        & (table.digest == workflow.digest)
    )


def _told(workflow: InstalledWorkflow) -> str:
    return f"{workflow.name} {_told_short(workflow)}"


def _told_short(workflow: InstalledWorkflow) -> str:
    return f"{workflow.version} ({workflow.digest[:12]})"
