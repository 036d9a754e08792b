"""Installed workflows: a frozen copy of each package version, and which of them a project has enabled."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

import select_lang
from containers import Manifest, Package
from ror.db import Database, tables
from ror.errors import ConfigurationError, NotFound

__all__ = ["InstalledWorkflow", "WorkflowStore"]

_NOT_COPIED = shutil.ignore_patterns(".git", "__pycache__", "wheels", ".*_cache")


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

    def add(self, project: str, folder: Path) -> InstalledWorkflow:
        """Install a package and enable it in a project, in place of an older version of the same name.

        Raises
        ------
        containers.ManifestError, select_lang.SelectError
            The package or its select statement has faults.
        ConfigurationError
            A mask lies on the grid of a series that the select statement does not name.
        """
        package = Package.load(folder)
        statement = select_lang.read(package.manifest.select)
        check_names(package.manifest, statement)
        self._keep_copy(package)
        workflow = InstalledWorkflow(
            project,
            package.manifest.name,
            package.manifest.version,
            package.digest,
            package.manifest.select,
            True,
        )
        table = tables.workflows
        same_name = (table.c.project == project) & (table.c.name == workflow.name)
        with self._database.write() as connection:
            connection.execute(table.update().where(same_name).values(enabled=False))
            insert = self._database.insert(table).values(
                project=project,
                name=workflow.name,
                digest=workflow.digest,
                version=workflow.version,
                select_text=workflow.select_text,
                enabled=True,
                added_at=time.time(),
            )
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["project", "name", "digest"], set_={"enabled": True}
                )
            )
        return workflow

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

    def package(self, name: str, digest: str) -> Package:
        """The package of an installed version, as it was when installed."""
        folder = self._packages / name / digest
        if not folder.is_dir():
            raise NotFound(f"the package {name} {digest[:12]} is not in {self._packages}", "install it again")
        return Package.load(folder)

    def _keep_copy(self, package: Package) -> None:
        target = self._packages / package.manifest.name / package.digest
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            copy = Path(temporary) / "package"
            shutil.copytree(package.folder, copy, ignore=_NOT_COPIED)
            copy.rename(target)


def check_names(manifest: Manifest, statement: select_lang.Statement) -> None:
    """Refuse a manifest that needs a series which its select statement does not name."""
    unknown = [name for name in manifest.series_names_needed() if name not in statement.names]
    if unknown:
        raise ConfigurationError(
            f"workflow {manifest.name}: {', '.join(unknown)} is no name in its select statement",
            advice=f"the names there are: {', '.join(statement.names)}",
        )
