"""``ror doctor``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click

import orthanc
from ror.app import App
from ror.cli.common import home_and_json, opened
from ror.errors import JobFailed, ServiceUnavailable
from ror.registry import Project, redcap_token_variable
from ror.results import RedcapRefused, ask_version, redcap_target

__all__ = ["command"]

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `mend` says what to do when it is not well."""

    what: str
    well: bool
    told: str
    mend: str = ""
    needed: bool = True


@click.command()
@home_and_json
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check the installation, and say how to mend what is wrong; exit code 1 if something is.

    Example: ror --home /srv/ror doctor
    """
    with opened(context) as app:
        findings = list(examine(app))
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
    if not one.needed:
        return f"off   {one.what}: {one.told}"
    return f"FAIL  {one.what}: {one.told}" + (f"\n      → {one.mend}" if one.mend else "")


def examine(app: App) -> Iterator[Finding]:
    """Look at everything that a study needs on its way."""
    yield _settings(app)
    yield Finding("database", True, app.database.shown)
    yield _disk(app)
    yield from _runtimes(app)
    yield _projects(app)
    yield from _pacs(app)
    for project in app.projects.list():
        if project.redcap_url:
            yield _redcap(project)


def _settings(app: App) -> Finding:
    file = app.home.root / "ror.toml"
    return Finding("settings", True, str(file) if file.exists() else f"no {file}, so all have their defaults")


def _disk(app: App) -> Finding:
    free = shutil.disk_usage(app.home.root).free // _MIB
    reserve = app.settings.listener.reserve_mib
    return Finding(
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
        yield Finding(
            f"runtime {name}",
            available.ok and not available.lacks,
            (available.lacks or available.reason).replace("\n", " ") or "ready",
            "get it, or set engine.base_image" if available.lacks else "start it, or set engine.runtime",
            chosen in (name, "auto"),
        )


def _projects(app: App) -> Finding:
    projects, routes = app.projects.list(), app.routes.list()
    for project in projects:
        app.projects.key(project.name)
    enabled = app.workflows.list(enabled_only=True)
    return Finding(
        "projects",
        bool(projects and routes),
        f"{len(projects)} projects, {len(routes)} routes, {len(enabled)} enabled workflows",
        "ror project add NAME; ror route add NAME; ror workflow add FOLDER --project NAME",
    )


def _pacs(app: App) -> Iterator[Finding]:
    for name, pacs in app.settings.pacs.items():
        peer = orthanc.Peer(pacs.ae_title, pacs.host, pacs.port, app.settings.listener.ae_title)
        where = f"{pacs.ae_title} at {pacs.host}:{pacs.port}"
        try:
            orthanc.echo(peer)
        except orthanc.PeerError as error:
            yield Finding(
                f"PACS {name}", False, f"{where}: {error}", "check that it runs and knows our AE title"
            )
        else:
            yield Finding(f"PACS {name}", True, f"{where} answers")


def _redcap(project: Project) -> Finding:
    what, variable = f"REDCap {project.name}", redcap_token_variable(project.name)
    if not os.environ.get(variable):
        mend = "set it here and where ror serves to the token that REDCap shows under API"
        return Finding(what, False, f"{variable} is not set", mend)
    mend = f"check {variable}, the rights of its user, and --redcap-url of project {project.name}"
    try:
        version = ask_version(redcap_target(project))
    except RedcapRefused as error:
        return Finding(what, False, f"refuses: {'; '.join(map(str, error.faults))}", mend)
    except JobFailed as error:
        return Finding(what, False, str(error), mend)
    except ServiceUnavailable as error:
        mend = f"check --redcap-url of project {project.name}, the network, and whether REDCap is up"
        return Finding(what, False, str(error), mend)
    return Finding(what, True, f"{project.redcap_url} answers (REDCap {version})")
