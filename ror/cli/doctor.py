"""``ror doctor``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from click.core import ParameterSource

from containers import ContainersError
from ror.app import App
from ror.cli.away_findings import gateway
from ror.cli.common import folded, home_and_json
from ror.cli.findings import (
    Finding,
    Look,
    commitments,
    of_error,
    packages,
    profiles,
    secrets,
    survived,
)
from ror.cli.machine_findings import cards, clock, ports, versions
from ror.cli.pacs_findings import pacs, tls_files
from ror.errors import ConfigurationError, RorError, ServiceUnavailable
from ror.home import Home
from ror.registry import Project, Role
from ror.results import RedcapRefused
from ror.wording import counted

__all__ = ["command"]

_MIB = 2**20
_REDCAP_SECONDS = 5.0
_FOR_WHOM = "ror init, trigger and build need none, a server does: ror project add NAME"
_NO_SETTINGS = ("ROR_REDCAP_TOKEN_", "ROR_TEST_")


@click.command()
@home_and_json
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check the installation, and say how to mend what is wrong; exit code 1 if something is.

    Where there is no installation, as on a laptop, it looks at what workflows are built and tried with.

    Example: ror --home /srv/ror doctor
    """
    named = context.find_root().get_parameter_source("home") is not ParameterSource.DEFAULT
    findings = list(examine(context.obj, named=named))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in findings], indent=1))
    else:
        for one in findings:
            click.echo(_line(one))
    if not all(one.well for one in findings if one.needed):
        sys.exit(1)


def _line(one: Finding) -> str:
    if one.well:
        return f"ok    {one.what}: {one.told}"
    state = "FAIL" if one.needed else "off "
    return f"{state}  {one.what}: {one.told}" + (f"\n      → {one.mend}" if one.mend else "")


def examine(root: Path, *, named: bool) -> Iterator[Finding]:
    """Look at everything that a study needs on its way; what is broken hides nothing but what is in it.

    Where nobody has `named` a home, there need be no installation: developers have none.
    """
    home = Home(root.absolute())
    if named:
        home.require()
    try:
        app = App(root)
    except ConfigurationError as error:
        yield of_error("settings" if home.is_one else "home", error)
        if not home.is_one:
            with TemporaryDirectory() as elsewhere, closing(App(Path(elsewhere))) as app:
                yield from _of_a_machine(app)
        return  # how anything else stands depends on the settings
    with closing(app):
        yield _settings(app)
        if not named and not _is_installed(app):
            yield Finding("projects", False, f"none in {root}; {_FOR_WHOM}", needed=False)
            yield from _of_a_machine(app)
            return
        database = _database(app)
        yield database
        looks = _OF_A_HOST if app.settings.engine.gateway else _LOOKS
        for what, look in looks.items():
            if database.well or what in _WITHOUT_DATABASE:
                yield from survived(what, look, app)


def _is_installed(app: App) -> bool:
    """Whether the home holds anything but settings."""
    elsewhere = app.settings.database.url or app.settings.engine.gateway
    return bool(elsewhere) or app.home.secrets.exists() or (app.home.root / "ror.sqlite").exists()


def _of_a_machine(app: App) -> Iterator[Finding]:
    """What the developer's commands need."""
    for what in _OF_A_MACHINE:
        yield from survived(what, _LOOKS[what], app)


def _settings(app: App) -> Finding:
    file = app.home.root / "ror.toml"
    named = (name for name in os.environ if name.startswith("ROR_") and "__" in name)
    overruling = ", ".join(sorted(name for name in named if not name.startswith(_NO_SETTINGS)))
    if file.exists():
        return Finding("settings", True, f"{file}{overruling and f', overruled by {overruling}'}")
    others = f"all have their defaults, but for {overruling}" if overruling else "all have their defaults"
    return Finding("settings", True, f"no {file}, so {others}")


def _database(app: App) -> Finding:
    try:
        return Finding("database", True, app.database.shown)
    except RorError as error:
        return of_error("database", error)


def _disk(app: App) -> Iterator[Finding]:
    free = shutil.disk_usage(app.home.root).free // _MIB
    reserve = app.settings.listener.reserve_mib
    yield Finding(
        "disk",
        free > reserve,
        f"{free} MiB free, reserve {reserve} MiB",
        "make room, or lower listener.reserve_mib",
    )


def _runtimes(app: App) -> Iterator[Finding]:
    wanted = app.settings.engine.runtime
    found = [(one.name, one.availability()) for one in app.runtimes]
    chosen = next((name for name, available in found if wanted == "auto" and available.ok), wanted)
    for name, available in found:
        told, _, mend = (available.lacks or available.reason).partition("\n")
        or_else = "or set engine.base_image" if available.lacks else "or set engine.runtime"
        is_needed = chosen in (name, "auto")
        how = folded(mend).removesuffix(".") or "get it"
        yield Finding(
            f"runtime {name}",
            available.ok and not available.lacks,
            told or "ready",
            f"{how}; {or_else}" if is_needed else how,
            is_needed,
        )


def _wheels(_app: App) -> Iterator[Finding]:
    if named := os.environ.get("ROR_WHEELS"):
        is_there = Path(named).is_dir()
        told = f"ROR_WHEELS: {named}" if is_there else f"ROR_WHEELS names no folder: {named}"
        yield Finding("wheels", is_there, told, "correct it, or unset it to take wheels from the index")


def _projects(app: App) -> Iterator[Finding]:
    projects, routes = app.projects.list(), app.routes.list()
    enabled = app.workflows.list(enabled_only=True)
    told = (counted(len(projects), "project"), counted(len(routes), "route"))
    yield Finding(
        "projects",
        bool(projects and routes),
        ", ".join((*told, counted(len(enabled), "enabled workflow"))),
        "ror project add NAME; ror route add NAME --from AE_TITLE; ror workflow add FOLDER --project NAME",
    )


def _identities(app: App) -> Iterator[Finding]:
    keeping = [one.name for one in app.projects.list() if app.who.rules.get(one.name).keeps_identities]
    yield from (_identities_of(app, project) for project in keeping)
    if keeping:
        yield _who_may_open(app.settings.reidentify.users)


def _who_may_open(users: list[str]) -> Finding:
    what, mend = "reidentify", 'name users and @groups of this system: [reidentify] users = ["alice"]'
    if not users:
        return Finding(what, False, f"nobody may open identities; {mend}", needed=False)
    unknown = ", ".join(Role(tuple(users)).unknown())
    told = f"this system does not know {unknown}" if unknown else f"{', '.join(users)} may open identities"
    return Finding(what, not unknown, told, mend)


def _identities_of(app: App, project: str) -> Finding:
    file = app.who.identities.key_file(project)
    try:
        app.who.identities.check(project)
    except ConfigurationError as error:
        return Finding(f"identities {project}", False, str(error), error.advice)
    return Finding(f"identities {project}", True, f"sealed with {file}")


def _redcaps(app: App) -> Iterator[Finding]:
    for project in app.projects.list():
        if project.redcap_url:
            yield from _redcap(app, project)


def _redcap(app: App, project: Project) -> Iterator[Finding]:
    what = f"REDCap {project.name}"
    try:
        version = app.redcaps.api(project, _REDCAP_SECONDS).version()
        found = app.redcap_outlook.mismatches(project, _REDCAP_SECONDS)
    except ContainersError:
        yield Finding(what, False, "what it has to take is not known", "mend the package that is told above")
    except ConfigurationError as error:
        yield of_error(what, error)
    except RedcapRefused as error:
        mend = f"check the token, the rights of its user, and --redcap-url of project {project.name}"
        yield Finding(what, False, f"refuses: {'; '.join(map(str, error.faults))}", mend)
    except ServiceUnavailable as error:
        mend = f"check --redcap-url of project {project.name}, the network, and whether REDCap is up"
        yield Finding(what, False, str(error), mend)
    else:
        yield Finding(what, True, f"{project.redcap_url} answers (REDCap {version})")
        yield from (Finding(what, False, f"would refuse: {one.what}", one.mend) for one in found)


_LOOKS: dict[str, Look] = {
    "versions": versions,
    "disk": _disk,
    "clock": clock,
    "ports": ports,
    "runtimes": _runtimes,
    "cards": cards,
    "wheels": _wheels,
    "projects": _projects,
    "secrets": secrets,
    "packages": packages,
    "profiles": profiles,
    "TLS": tls_files,
    "PACS": pacs,
    "REDCap": _redcaps,
    "identities": _identities,
    "storage commitment": commitments,
}
_OF_A_MACHINE = ("versions", "disk", "clock", "runtimes", "cards", "wheels")
# Without the shared folder there is nothing of the others to look at.
_OF_A_HOST = {name: _LOOKS[name] for name in _OF_A_MACHINE} | {"gateway": gateway}
_WITHOUT_DATABASE = frozenset((*_OF_A_MACHINE, "ports", "TLS", "PACS", "storage commitment", "gateway"))
