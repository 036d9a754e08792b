"""What the doctor finds in a home folder: secrets, packages, and whatever says what is wrong with itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from anonymizer import ProfileError, check_text_search
from containers import ContainersError
from ror.app import App
from ror.cli.common import folded, moment
from ror.errors import ConfigurationError, NotFound, RorError
from ror.gateway import PendingCommitments, peer_for
from ror.wording import counted
from select_lang.classification import RulesError

__all__ = [
    "Finding",
    "Look",
    "commitments",
    "of_error",
    "packages",
    "profiles",
    "secrets",
    "survived",
]

_OTHERS = 0o077
_LONG_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `mend` says what to do when it is not well."""

    what: str
    well: bool
    told: str
    mend: str = ""
    needed: bool = True


Look = Callable[[App], Iterator[Finding]]


def survived(what: str, look: Look, app: App) -> Iterator[Finding]:
    """What was found until something broke, and what that was; the doctor looks on."""
    try:
        yield from look(app)
    except RorError as error:
        yield of_error(what, error)
    except OSError as error:
        yield Finding(what, False, f"{error.filename}: {error.strerror}", "run this as the user of ror")


def of_error(what: str, error: RorError) -> Finding:
    """An error as a finding: all its faults, and its advice."""
    faults = "; ".join(error.faults) if isinstance(error, ConfigurationError) else ""
    return Finding(what, False, folded(f"{error.what} {faults}"), folded(error.advice))


def secrets(app: App) -> Iterator[Finding]:
    """Every project's secret can be read, and by its owner only."""
    for project in app.projects.list():
        try:
            app.projects.key(project.name)
        except ConfigurationError as error:
            yield of_error(f"secret {project.name}", error)
    folder = app.home.secrets
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    is_open = [path for path in (folder, *files) if path.exists() and path.stat().st_mode & _OTHERS]
    told = counted(len(files), "file")
    yield Finding(
        "secrets",
        not is_open,
        f"others may read {', '.join(map(str, is_open))}" if is_open else f"{told}, for their owner only",
        f"chmod -R go= {folder}, and ask who has read them",
    )


def packages(app: App) -> Iterator[Finding]:
    """Every enabled workflow's package is there, as it was installed."""
    enabled = app.workflows.list(enabled_only=True)
    for one in enabled:
        what, again = (
            f"package {one.name}",
            f"install it again: ror workflow add FOLDER --project {one.project}",
        )
        try:
            is_changed = app.workflows.package(one.name, one.digest).digest != one.digest
        except (NotFound, ContainersError) as error:
            yield Finding(what, False, folded(str(error)), again)
            continue
        if is_changed:
            yield Finding(what, False, f"{one.digest[:12]} was changed after it was installed", again)
    yield Finding("packages", True, f"{counted(len(enabled), 'enabled workflow')} looked at")


def profiles(app: App) -> Iterator[Finding]:
    """Every project's profile and rules can be used, and what they want is installed."""
    wanting = []
    for project in app.projects.list():
        how = f"ror project change {project.name}"
        try:
            wanting += [project.name] if project.profile().find_text else []
        except ProfileError as error:
            mend = f"nothing of the project is taken in until it is corrected: {how} --help"
            yield Finding(f"profile {project.name}", False, folded(str(error)), mend)
        try:
            project.classifier()
        except RulesError as error:
            told = folded("; ".join(map(str, error.faults)))
            yield Finding(f"classification {project.name}", False, told, f"{how} --classification FILE")
    if wanting:
        yield _text_search(wanting)


def _text_search(wanting: list[str]) -> Finding:
    try:
        check_text_search()
    except ProfileError as error:
        told = f"{error.text}, but project {', '.join(wanting)} wants it: images that need it are refused"
        return Finding("search for text", False, told, error.advice)
    return Finding("search for text", True, f"installed, for {counted(len(wanting), 'project')}")


def commitments(app: App) -> Iterator[Finding]:
    """Whoever waits for results of storage commitment can be told, and takes them."""
    waiting = PendingCommitments(app.home.quarantine).waiting()
    if not waiting:
        return
    what, oldest = "storage commitment", waiting[0]
    unknown = sorted(
        {str(one.sender.calling_ae) for one in waiting if not peer_for(one.sender, app.settings.pacs)}
    )
    results, since = counted(len(waiting), "result"), moment(oldest.asked_at)
    late = f"{results} not taken yet, the oldest since {since}"
    if unknown:
        mend = f"add a [pacs.NAME] with host, port and ae_title to ror.toml for each of {', '.join(unknown)}"
        yield Finding(what, False, late, mend)
    elif time.time() - oldest.asked_at < _LONG_SECONDS:
        yield Finding(what, True, f"{results} on the way to who asked, the oldest since {since}")
    else:
        mend = f"see log/ror.log why {oldest.sender.calling_ae} does not take its result"
        yield Finding(what, False, late, mend)
