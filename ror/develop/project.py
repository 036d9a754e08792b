"""The folder that a developer works in: a workflow package, and ``.ror/`` with what is known of data to try it on."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

import select_lang
from containers import MANIFESTS, Package, read_manifest
from ror.develop.manifest_text import CannotChange, with_value
from ror.develop.own_folder import OWN, make_own_folder
from ror.develop.rewriting import how_to_write_in, rewrite
from ror.develop.settings import DeveloperSettings, read_settings, write_settings
from ror.errors import ConfigurationError, NotAllowed, NotFound
from select_lang import Statement

__all__ = ["DeveloperProject"]

_AS_IT_CAN_BE = (
    "a server is http(s)://HOST:PORT, without user and password, since --token says who asks; "
    "a token is a word of ror token add"
)


@dataclass(frozen=True, slots=True)
class DeveloperProject:
    """A folder with a ``workflow.toml``, or an older ``select.statement``."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> DeveloperProject:
        """The project of a folder.

        Raises
        ------
        NotFound
            There is none.
        """
        project = cls(folder.resolve())
        if not any((project.folder / name).is_file() for name in MANIFESTS):
            raise NotFound(
                f"there is no workflow in {project.folder}: it has no workflow.toml",
                "make one: ror init NAME, or name its folder: --working_directory DIR",
            )
        return project

    @property
    def own(self) -> Path:
        """The folder in it of all that is no part of the package."""
        return self.folder / OWN

    @property
    def data_index(self) -> Path:
        """What is known of the data; names patients, so it is no part of the package."""
        return self.own / "data.sqlite"

    @property
    def runs(self) -> Path:
        """Job folders of `ror trigger`: where it was set, or with all else that is known of data."""
        elsewhere = self.settings().temp_directory
        return Path(elsewhere) if elsewhere else self.own / "runs"

    def make_runs(self) -> Path:
        """Make the folder of all job folders (`ConfigurationError` where that cannot be)."""
        runs = self.runs
        try:
            runs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"job folders cannot be laid out in {runs}: {error.strerror}",
                advice="name a folder of your own: ror config --temp_directory DIR",
            ) from error
        return runs

    def make_own(self) -> None:
        """Make the folder of all that is no part of the package (`ConfigurationError` where that cannot be)."""
        try:
            make_own_folder(self.own)
        except OSError as error:
            raise ConfigurationError(
                f"{self.own} cannot be made: {error.strerror}",
                advice=how_to_write_in(self.folder, error.errno),
            ) from error

    @property
    def last_run(self) -> Path:
        """Which job folder was kept last."""
        return self.own / "last.json"

    def remember_run(self, data: Path, series: Iterable[tuple[str, str]]) -> None:
        """Note that a job folder was kept, with the names and UIDs of its series (`ConfigurationError`)."""
        self.make_own()
        rewrite(self.last_run, json.dumps({"data": str(data), "series": list(series)}), 0o600)

    @property
    def of_the_ancestor(self) -> Path:
        """Where its ancestor keeps its list of data, in a form that nobody else reads."""
        return self.own / "config"

    def settings(self, **instead: str) -> DeveloperSettings:
        """What is set for this project beside its package, with other values for some of it.

        Raises
        ------
        ConfigurationError
            It cannot be read, or can have no such value.
        """
        settings = read_settings(self._settings)
        try:
            return DeveloperSettings.model_validate(settings.model_dump() | instead)
        except ValidationError as error:
            named = ", ".join(f"--{one['loc'][0]}" for one in error.errors())
            raise ConfigurationError(f"{named} cannot be so", advice=_AS_IT_CAN_BE) from error

    def set(self, **changed: str) -> DeveloperSettings:
        """Set something; what is empty is set no more.

        Raises
        ------
        ConfigurationError
            It can have no such value.
        NotAllowed
            Job folders would lie in the folder of the workflow, and data of patients become part of its image.
        """
        if folder := changed.get("temp_directory"):
            changed["temp_directory"] = str(Path(folder).resolve())
            self.require_apart([Path(changed["temp_directory"])])
            _require_folder(Path(changed["temp_directory"]))
        settings = self.settings(**changed)
        self.make_own()
        write_settings(self._settings, settings)
        return settings

    @property
    def _settings(self) -> Path:
        return self.own / "settings.json"

    def require_apart(self, sources: Iterable[Path]) -> None:
        """Refuse data in the folder of the workflow: images of patients would become a part of its image."""
        for source in sources:
            if source == self.folder or self.folder in source.parents:
                raise NotAllowed(
                    f"{source} is in the folder of the workflow, and would be a part of its package and its image",
                    "keep data elsewhere, such as beside that folder",
                )

    def package(self) -> Package:
        """The package, as `ror workflow add` reads it (`ManifestError` with all faults)."""
        return Package.load(self.folder)

    def statement(self) -> Statement:
        """The select statement of the package.

        Raises
        ------
        ManifestError, SelectError
            With all faults.
        """
        return select_lang.read(self.package().manifest.select)

    def set_select(self, text: str) -> Statement:
        """Let the workflow select by another statement, which is checked first (`SelectError` with all faults)."""
        statement = select_lang.read(text)
        self._change("select", text if text.endswith("\n") or "\n" not in text else f"{text}\n")
        return statement

    def set_command(self, call: str) -> tuple[str, ...]:
        """Let the program be started by other words, which a shell would read."""
        try:
            words = tuple(shlex.split(call))
        except ValueError as error:
            raise ConfigurationError(
                f"--call cannot be read: {error}", advice="quote it as for a shell"
            ) from error
        if not words:
            raise ConfigurationError(
                "--call is empty", advice='say what starts the program: "python main.py"'
            )
        self._change("command", words)
        return words

    def _change(self, key: str, value: str | tuple[str, ...]) -> None:
        manifest = self.folder / "workflow.toml"
        if not manifest.is_file():
            raise ConfigurationError(
                f"{self.folder} has a select.statement, which is not written here",
                advice="edit it, or complete the folder by `ror init`, which adds a workflow.toml",
            )
        try:
            text = with_value(manifest.read_text(encoding="utf-8"), key, value)
        except CannotChange as error:
            raise ConfigurationError(
                f"{manifest} cannot be changed: {error}", advice=f"write `{key} = …` into it by hand"
            ) from error
        read_manifest(text, str(manifest))
        rewrite(manifest, text)


def _require_folder(place: Path) -> None:
    """Refuse what is no folder and can be none, since something else is there or above it."""
    there = next(one for one in (place, *place.parents) if one.exists())
    if not there.is_dir():
        raise ConfigurationError(
            f"--temp_directory {place}: {there} is no folder", advice="name a folder, which need not be there"
        )
