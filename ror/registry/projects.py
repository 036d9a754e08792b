"""Projects: what is taken out of their studies, where their results go, and the secret behind their pseudonyms."""

from __future__ import annotations

import os
import re
import secrets
import time
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache, partial
from pathlib import Path

import sqlalchemy as sa

from anonymizer import (
    Changes,
    NamedProfile,
    Option,
    Profile,
    ProfileError,
    ProjectKey,
    WeakKey,
    check_text_search,
    extended,
    read_profile,
)
from ror.db import Database, tables
from ror.errors import AlreadyExists, ConfigurationError, NotFound
from ror.registry.audit import add_record
from ror.registry.redcap import (
    redcap_event_fault,
    redcap_instrument_fault,
    redcap_token_variable,
    redcap_url_fault,
)
from ror.registry.sending import Sending
from select_lang.classification import Classifier, RulesError

__all__ = ["Project", "ProjectStore"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_SECRET_BYTES = 32
# Each step of a job asks for its project; made anew, this would take longer than its answer.
_OF_NAME = sa.select(tables.projects).where(tables.projects.c.name == sa.bindparam("of_name"))


@dataclass(frozen=True, slots=True)
class Project:
    """A research project.

    `pacs` names sections of ``ror.toml``. `options` (`anonymizer.Option`) are switched on in its de-identification
    profile; `cleaned`, `keep` and `remove` are attribute keywords for it, `cleaned` None for the profile's own list.
    `classification` is the JSON text of its own rules for the types of series, which come after the shipped ones.
    `redcap_repeat_instrument` is the instrument of its REDCap whose instances measurements are written to, empty where
    they go into the record itself. `pixel_rules` is the TOML text of its own rules for text in pixels, `find_text` says
    whether such text is searched for besides, None as the profile says; both are for the option ``clean-pixel-data``.
    `profile_toml` is the whole text of a profile (`anonymizer.write_profile`), on top of which all these come; empty
    for the default. `redcap_event` is the event of its REDCap that measurements of studies without one go to.
    `original_identity` says whether its results may go to a clinical PACS under the patient's own identity.
    `sending` says which further objects it sends, whatever its workflows want.
    With `review` results wait until somebody accepts them, and are shown at `review_pacs`, a `[pacs.NAME]`, before.
    """

    name: str
    pacs: tuple[str, ...] = ()
    redcap_url: str = ""
    cleaned: tuple[str, ...] | None = None
    keep: tuple[str, ...] = field(default=())
    remove: tuple[str, ...] = field(default=())
    redcap_repeat_instrument: str = ""
    classification: str = ""
    options: tuple[str, ...] = ()
    pixel_rules: str = ""
    find_text: bool | None = None
    profile_toml: str = ""
    redcap_event: str = ""
    original_identity: bool = False
    review: bool = False
    review_pacs: str = ""
    sending: Sending = field(default=Sending())

    def profile(self) -> Profile:
        """The de-identification profile of the project's studies."""
        if self.profile_toml:
            return extended(_stored(self.profile_toml).profile, self._changes())
        made = partial(
            Profile.of,
            options=self.options,
            keep=self.keep,
            remove=self.remove,
            pixel_rules=self.pixel_rules,
            find_text=bool(self.find_text),
        )
        return made() if self.cleaned is None else made(cleaned=self.cleaned)

    @property
    def profile_name(self) -> str:
        """What the profile is called that all settings come on top of; empty for the default."""
        return _stored(self.profile_toml).name if self.profile_toml else ""

    def _changes(self) -> Changes:
        return Changes(
            options=frozenset(Option(word) for word in self.options),
            cleaned=frozenset(self.cleaned or ()),
            keep=frozenset(self.keep),
            remove=frozenset(self.remove),
            pixel_rules=self.pixel_rules,
            find_text=self.find_text,
        )

    def classifier(self) -> Classifier:
        """The rules by which the types of its series are told."""
        return _classifier(self.classification)


@lru_cache(maxsize=64)
def _classifier(own: str) -> Classifier:
    return Classifier.shipped(own) if own else Classifier.shipped()


@lru_cache(maxsize=64)  # asked for with every object
def _stored(text: str) -> NamedProfile:
    return read_profile(text)


class ProjectStore:
    """Projects in the database, their secrets in files of mode 0600 that only the gateway reads."""

    def __init__(self, database: Database, secrets_folder: Path) -> None:
        self._database = database
        self._secrets = secrets_folder

    def add(self, project: Project) -> None:
        """Create a project and its secret, on record.

        Raises
        ------
        ConfigurationError
            The name, the profile or the address of the REDCap is not acceptable.
        AlreadyExists
            There is a project of that name, or one whose REDCap token is in the same variable.
        """
        if not _NAME.fullmatch(project.name):
            raise ConfigurationError(
                f"{project.name!r} is no project name",
                advice="use letters, digits, - and _, beginning with a letter",
            )
        _check(project)
        with self._database.write() as connection:
            _require_own_variable(connection, project.name)
            added = connection.execute(
                self._database.insert(tables.projects)
                .values(name=project.name, settings=_settings(project), created_at=time.time())
                .on_conflict_do_nothing()
            )
            if not added.rowcount:
                raise AlreadyExists(f"there is a project {project.name} already", "choose another name")
            self._make_secret(project.name)
            add_record(connection, "add project", project.name)

    def change(self, project: Project) -> None:
        """Replace the settings of a project, on record; what has been taken in stays as it is.

        Raises
        ------
        NotFound
            There is no such project.
        ConfigurationError
            A setting is not acceptable, or would give studies of patients that are held other UIDs, or dates that
            moved by another number of days.
        """
        _check(project)
        table = tables.projects
        with self._database.write() as connection:
            query = sa.select(table).where(table.c.name == project.name).with_for_update()
            row = connection.execute(query).first()
            if row is None:
                raise _no_project(project.name)
            before = _project(row)
            _require_same_identity(connection, before, project)
            update = table.update().where(table.c.name == project.name).values(settings=_settings(project))
            connection.execute(update)
            if before != project:
                add_record(connection, "change project", project.name, detail=_difference(before, project))

    def list(self) -> list[Project]:
        """All projects, by name."""
        query = sa.select(tables.projects).order_by(tables.projects.c.name)
        with self._database.read() as connection:
            return [_project(row) for row in connection.execute(query)]

    def get(self, name: str) -> Project:
        """The project of that name, or `NotFound`."""
        with self._database.read() as connection:
            row = connection.execute(_OF_NAME, {"of_name": name}).first()
        if row is None:
            raise _no_project(name)
        return _project(row)

    def key(self, name: str) -> ProjectKey:
        """The key that UIDs, pseudonyms and date shifts of the project derive from."""
        file = self._secret_file(name)
        try:
            return ProjectKey(bytes.fromhex(file.read_text(encoding="ascii")))
        except (OSError, ValueError, WeakKey) as error:
            raise ConfigurationError(
                f"the secret of project {name} cannot be read: {type(error).__name__}",
                advice=f"restore {file} from a backup; without it new studies would get other pseudonyms",
            ) from error

    def _secret_file(self, name: str) -> Path:
        return self._secrets / f"{name}.key"

    def _make_secret(self, name: str) -> None:
        self._secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(self._secret_file(name), flags, 0o600)
        except FileExistsError:
            return  # A secret without its project: the project is being restored, and must keep its pseudonyms.
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())


def _no_project(name: str) -> NotFound:
    return NotFound(
        f"there is no project {name}", "see `ror project list`, or make it with `ror project add`"
    )


def _difference(before: Project, after: Project) -> str:
    """Which settings differ, and by which profiles objects are treated; no values."""
    names = [one.name for one in fields(Project) if getattr(before, one.name) != getattr(after, one.name)]
    try:
        was = before.profile().digest
    except ProfileError:  # of an earlier release, which let through what is refused now
        was = "none"
    return f"{', '.join(names)}; profile {was}, now {after.profile().digest}"


def _check(project: Project) -> None:
    """Refuse settings with which no study could be taken in, or no measurement be recorded."""
    if project.profile().find_text:
        check_text_search()
    try:
        project.classifier()
    except RulesError as error:
        raise ConfigurationError(
            "--classification:",
            tuple(str(replace(fault, text=0)) for fault in error.faults),
            "correct the file",
        ) from error
    if project.redcap_url and (fault := redcap_url_fault(project.redcap_url)):
        raise ConfigurationError(
            f"--redcap-url: {fault}", advice="give the address of its API: https://redcap.example.org/api/"
        )
    if project.redcap_repeat_instrument and (
        fault := redcap_instrument_fault(project.redcap_repeat_instrument)
    ):
        raise ConfigurationError(
            f"--redcap-repeat-instrument: {fault}",
            advice="give its form_name of the data dictionary: lower case letters, digits and _",
        )
    if project.redcap_event and (fault := redcap_event_fault(project.redcap_event)):
        raise ConfigurationError(
            f"--redcap-event: {fault}",
            advice="give the unique event name that REDCap shows under Define My Events",
        )


def _require_own_variable(connection: sa.Connection, name: str) -> None:
    """Refuse a project that would use the REDCap token of another one: its numbers would reach foreign records."""
    variable = redcap_token_variable(name)
    for other in connection.execute(sa.select(tables.projects.c.name)).scalars():
        if other != name and redcap_token_variable(other) == variable:
            raise AlreadyExists(
                f"the REDCap token of project {name} would be that of project {other}: {variable}",
                "choose a name that differs in more than case, - and _",
            )


def _require_same_identity(connection: sa.Connection, was: Project, project: Project) -> None:
    """Refuse, once there are studies, what would make two of one that grows, or part it from its patient's others."""
    held = sa.select(tables.studies.c.study_uid).where(tables.studies.c.project == project.name).limit(1)
    if connection.execute(held).first() is None:
        return
    # Of its lists nothing counts here, and an earlier release may have taken what is refused now.
    before = replace(was, keep=(), remove=(), cleaned=None).profile()
    after = project.profile()
    if before.has(Option.RETAIN_UIDS) != after.has(Option.RETAIN_UIDS):
        raise ConfigurationError(
            f"--option {Option.RETAIN_UIDS}: project {project.name} holds studies already",
            advice="add another project for them, so that no study is held under two UIDs",
        )
    if before.weekdays != after.weekdays:
        raise ConfigurationError(
            f"--profile: weekdays: project {project.name} holds studies already",
            advice="add another project, so that the days between a patient's studies stay what they are",
        )


def _settings(project: Project) -> dict[str, object]:
    settings = asdict(project)
    del settings["name"]
    return settings


def _project(row: sa.Row[tuple[object, ...]]) -> Project:
    settings = dict(row.settings)
    return Project(
        name=row.name,
        pacs=tuple(settings["pacs"]),
        redcap_url=settings["redcap_url"],
        cleaned=None if settings["cleaned"] is None else tuple(settings["cleaned"]),
        keep=tuple(settings["keep"]),
        remove=tuple(settings["remove"]),
        redcap_repeat_instrument=settings.get(
            "redcap_repeat_instrument", ""
        ),  # not there before revision 0002
        classification=settings.get("classification", ""),  # not there before revision 0003
        options=tuple(settings.get("options", ())),  # not there before options were
        pixel_rules=settings.get("pixel_rules", ""),  # these two not before pixels were cleaned
        find_text=settings.get("find_text"),
        profile_toml=settings.get("profile_toml", ""),  # not there before profiles were files
        redcap_event=settings.get("redcap_event", ""),  # not there before it could be set
        original_identity=settings.get("original_identity", False),  # not there before results could go back
        review=settings.get("review", False),  # these two not before results were reviewed
        review_pacs=settings.get("review_pacs", ""),
        sending=Sending(**settings.get("sending", {})),  # not there before projects could choose
    )
