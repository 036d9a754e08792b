"""What is known of the DICOM files to try a workflow on: one SQLite file in the project's own folder."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from ror.develop.own_folder import make_own_folder
from ror.develop.rewriting import how_to_write_in
from ror.errors import ConfigurationError
from ror.model import series_content
from select_lang import Series, Tuples

__all__ = ["DataIndex", "FileState", "Instance", "Seen", "SeriesFound"]

_TABLES = """
create table if not exists files (
    path text primary key, size integer not null, mtime_ns integer not null,
    series_uid text, sop_uid text, unused text not null);
create index if not exists files_of_series on files (series_uid, sop_uid, path);
create table if not exists series (
    uid text primary key, study_uid text not null, patient_id text not null,
    attributes_of text not null, terms text not null, types text, classified_by text);
create table if not exists terms (
    id integer primary key, attribute text not null, held text not null, unique (attribute, held));
create table if not exists tags (
    series_uid text not null, term text not null, primary key (series_uid, term));
pragma user_version = 1;
"""
_VERSION = 1
_ROWS_AT_ONCE = 500
_BETWEEN = "\x1f"  # two values of an attribute; none holds a control character (PS3.5 6.2)
ELSEWHERE = "of a series that is held of another study or patient"
TWICE = "object that is there in another file, too"


@dataclass(frozen=True, slots=True)
class FileState:
    """What is known of a file without opening it: bytes, and the time of its last change (ns)."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: str) -> FileState:
        """That of a file now (`OSError` if it is gone)."""
        stat = Path(path).stat()
        return cls(stat.st_size, stat.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Seen:
    """A file that was looked at: an instance of a series, or `unused`, and why. `place` is study and patient."""

    path: str
    state: FileState
    series_uid: str | None = None
    sop_uid: str | None = None
    place: tuple[str, str] = ("", "")
    unused: str = ""


@dataclass(frozen=True, slots=True)
class SeriesFound:
    """A series as one of its instances tells it."""

    uid: str
    study_uid: str
    patient_id: str
    attributes_of: str
    attributes: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Instance:
    """One object of a series, and the file that it is in."""

    sop_uid: str
    path: str
    state: FileState

    @property
    def unchanged(self) -> bool:
        """Whether the file is as it was when it was looked at."""
        try:
            return FileState.of(self.path) == self.state
        except OSError:
            return False


class DataIndex:
    """Files and series, written a handful at a time: what was looked at is not looked at again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _connection(self) -> sqlite3.Connection:
        again = (
            f"move {self._path} away (tags of `ror annotate` are in it, too), and say ror config --data again"
        )
        try:
            make_own_folder(self._path.parent)
            connection = sqlite3.connect(self._path)
        except (OSError, sqlite3.Error) as error:
            fault = "opened" if self._path.exists() else "made"
            raise ConfigurationError(
                f"{self._path} cannot be {fault}: {error}",
                advice=how_to_write_in(self._path.parent, getattr(error, "errno", None)),
            ) from error
        try:
            (version,) = connection.execute("pragma user_version").fetchone()
            if version not in (0, _VERSION):
                raise ConfigurationError(f"{self._path} is of another release of ror", advice=again)
            connection.executescript(_TABLES)
        except sqlite3.DatabaseError as error:
            connection.close()
            raise self._told(error, again) from error
        except ConfigurationError:
            connection.close()
            raise
        self._path.chmod(0o600)  # it may name patients
        return connection

    def _told(self, error: sqlite3.Error, advice: str) -> ConfigurationError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            advice = how_to_write_in(self._path.parent, errno.EACCES)
        elif code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            advice = how_to_write_in(self._path.parent, errno.ENOSPC)
        elif code == sqlite3.SQLITE_BUSY:
            advice = "another ror works in this folder: say it again when that has ended"
        return ConfigurationError(f"{self._path} cannot be used: {error}", advice=advice)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it, or nothing (`ConfigurationError`)."""
        connection = self._connection
        try:
            with connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise self._told(error, "say the same again") from error

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[DataIndex]:
        """The index in a file, which is made when something is asked, for a block."""
        index = cls(path)
        try:
            yield index
        finally:
            if "_connection" in index.__dict__:
                index._connection.close()

    def known(self) -> dict[str, FileState]:
        """Every file that was looked at."""
        rows = self._connection.execute("select path, size, mtime_ns from files")
        return {path: FileState(size, mtime_ns) for path, size, mtime_ns in rows}

    def add(self, seen: Iterable[Seen], found: Iterable[SeriesFound]) -> None:
        """Write a handful, whole or not at all.

        A series has the attributes of its instance of the least UID, as in the archive. An object whose series is held
        of another study or patient is not used.
        """
        with self._writing() as connection:
            places: dict[str, tuple[str, str]] = {}
            for one in found:
                place = (one.study_uid, one.patient_id)
                if places.setdefault(one.uid, _place(connection, one.uid) or place) == place:
                    _hold(connection, one)
            rows = []
            for file in seen:
                used = file.series_uid is None or places[file.series_uid] == file.place
                state, why = (file.state.size, file.state.mtime_ns), file.unused if used else ELSEWHERE
                uids = (file.series_uid, file.sop_uid) if used else (None, None)
                rows.append((file.path, *state, *uids, why))
            connection.executemany("insert or replace into files values (?, ?, ?, ?, ?, ?)", rows)

    def forget(self, paths: Iterable[str]) -> None:
        """Forget files that are gone, and series that have none left."""
        with self._writing() as connection:
            connection.executemany("delete from files where path = ?", [(path,) for path in paths])
            connection.execute(
                "delete from series where uid not in (select series_uid from files where series_uid is not null)"
            )

    def clear(self) -> None:
        """Forget everything."""
        with self._writing() as connection:
            connection.execute("delete from files")
            connection.execute("delete from series")
            connection.execute("delete from terms")

    def unclassified(self, classified_by: str) -> list[Series]:
        """The series whose types are not those of some rules."""
        return list(self._read("classified_by is not ?", (classified_by,)))

    def classify(self, types: Mapping[str, Sequence[str]], classified_by: str) -> None:
        """Say the types of series by UID."""
        with self._writing() as connection:
            connection.executemany(
                "update series set types = ?, classified_by = ? where uid = ?",
                [(json.dumps(list(some)), classified_by, uid) for uid, some in types.items()],
            )

    def tags(self) -> dict[str, tuple[str, ...]]:
        """What series were tagged with by hand, also those whose files are not known (any more)."""
        rows = self._connection.execute("select series_uid, term from tags order by series_uid, term")
        return {
            uid: tuple(term for _uid, term in some)
            for uid, some in groupby(rows, key=lambda row: str(row[0]))
        }

    def tag(self, series_uid: str, terms: Iterable[str]) -> None:
        """Tag a series with these terms and no others; they are types of it, as those that the rules give."""
        with self._writing() as connection:
            connection.execute("delete from tags where series_uid = ?", (series_uid,))
            connection.executemany("insert into tags values (?, ?)", [(series_uid, one) for one in terms])

    def series(self) -> list[Series]:
        """All series as the select language sees them, in the order of patient, study and UID."""
        return list(self._read("1", ()))

    def types(self, series_uid: str) -> tuple[str, ...]:
        """The types of a series, by the rules and by hand."""
        (types,) = self._connection.execute(
            "select types from series where uid = ?", (series_uid,)
        ).fetchone()
        return _with_tags(tuple(json.loads(types or "[]")), self.tags().get(series_uid, ()))

    def instances(self, series_uid: str) -> list[Instance]:
        """The objects of a series, in the order of their UIDs; of an object in several files, the first file."""
        query = """select sop_uid, min(path), size, mtime_ns from files
                   where series_uid = ? group by sop_uid order by sop_uid"""
        rows = self._connection.execute(query, (series_uid,))
        return [Instance(sop, path, FileState(size, mtime_ns)) for sop, path, size, mtime_ns in rows]

    def content(self, series_uid: str) -> str:
        """What is in a series, without reading it: another one when a file was added or changed."""
        return series_content(
            [(one.sop_uid, f"{one.state.size} {one.state.mtime_ns}") for one in self.instances(series_uid)]
        )

    def patient_id(self, series_uid: str) -> str:
        """Whose series it is."""
        query = "select patient_id from series where uid = ?"
        (patient_id,) = self._connection.execute(query, (series_uid,)).fetchone()
        return str(patient_id)

    def unused(self) -> dict[str, int]:
        """How many files are not used, by reason; objects that are there more than once among them."""
        count = "select unused, count(*) from files where unused <> '' group by unused order by unused"
        reasons = {str(reason): int(files) for reason, files in self._connection.execute(count)}
        objects = "count(*) - count(distinct sop_uid || ' ' || series_uid)"
        query = f"select {objects} from files where series_uid is not null"
        (twice,) = self._connection.execute(query).fetchone()
        return reasons | ({TWICE: twice} if twice else {})

    def unused_files(self) -> list[tuple[str, str]]:
        """The path of each file that is not used, and why; of an object in several files, those but the first."""
        query = """
            select path, unused from files where unused <> ''
            union all
            select path, ? from files as one where series_uid is not null and path <> (
                select min(path) from files as same
                where same.series_uid = one.series_uid and same.sop_uid = one.sop_uid)
            order by path"""
        return [(str(path), str(why)) for path, why in self._connection.execute(query, (TWICE,))]

    def files(self) -> int:
        """How many files were looked at."""
        (count,) = self._connection.execute("select count(*) from files").fetchone()
        return int(count)

    def _read(self, condition: str, values: Sequence[str]) -> Iterator[Series]:
        # Series have most of their attributes in common: each that differs is read once.
        terms = {
            number: (attribute, tuple(held.split(_BETWEEN)))
            for number, attribute, held in self._connection.execute("select id, attribute, held from terms")
        }
        tags = self.tags()
        told_types: dict[str | None, tuple[str, ...]] = {None: ()}  # of few kinds, too
        query = f"""
            select uid, study_uid, patient_id, terms, types, images from series
            join (select series_uid, count(distinct sop_uid) as images from files
                  where series_uid is not null group by series_uid) on series_uid = uid
            where {condition} order by patient_id, study_uid, uid"""
        with closing(self._connection.execute(query, values)) as rows:
            while some := rows.fetchmany(_ROWS_AT_ONCE):
                # One text of many lists is read in half of the time.
                numbers_of = json.loads(f"[{','.join(row[3] for row in some)}]")
                for (uid, study_uid, patient_id, _, types, images), numbers in zip(
                    some, numbers_of, strict=True
                ):
                    told = Tuples(map(terms.__getitem__, numbers))
                    told["NumImages"] = (str(images),)
                    if types not in told_types:
                        told_types[types] = tuple(json.loads(types))
                    told["ClassifyTypes"] = _with_tags(told_types[types], tags.get(uid, ()))
                    told["Path"] = (f"{study_uid}/{uid}",)
                    yield Series(uid, study_uid, patient_id, told)


def _with_tags(types: tuple[str, ...], tags: tuple[str, ...]) -> tuple[str, ...]:
    return (*types, *(one for one in tags if one not in types))


def _place(connection: sqlite3.Connection, series_uid: str) -> tuple[str, str] | None:
    """Study and patient of a series that is held."""
    query = "select study_uid, patient_id from series where uid = ?"
    row = connection.execute(query, (series_uid,)).fetchone()
    return None if row is None else (row[0], row[1])


def _hold(connection: sqlite3.Connection, one: SeriesFound) -> None:
    held = [(attribute, _BETWEEN.join(values)) for attribute, values in one.attributes.items()]
    connection.executemany("insert or ignore into terms (attribute, held) values (?, ?)", held)
    number_of = "select id from terms where attribute = ? and held = ?"
    terms = [connection.execute(number_of, term).fetchone()[0] for term in held]
    connection.execute(
        """insert into series (uid, study_uid, patient_id, attributes_of, terms) values (?, ?, ?, ?, ?)
           on conflict (uid) do update set attributes_of = excluded.attributes_of, terms = excluded.terms,
               types = null, classified_by = null
           where excluded.attributes_of <= attributes_of""",
        (one.uid, one.study_uid, one.patient_id, one.attributes_of, json.dumps(terms)),
    )
