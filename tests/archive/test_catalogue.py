"""Statements over the whole archive: the database finds what the plain evaluator finds, on SQLite and PostgreSQL."""

from collections.abc import Iterable

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from ror.archive import Catalogue
from ror.db import Database, tables
from ror.model import StudyState
from select_lang import Series, evaluate, read
from select_lang.check import check
from select_lang.classification import Classifier
from tests.select_lang.builders import series
from tests.select_lang.trees import catalogues, selects
from tests.support.postgres import PostgresServer

RULES = Classifier.read("[]")


@pytest.fixture
def catalogue(database: Database) -> Catalogue:
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name="p", settings={}, created_at=0.0))
        connection.execute(tables.projects.insert().values(name="q", settings={}, created_at=0.0))
    return Catalogue(database, lambda _project: RULES)


def hold(database: Database, project: str, some: Iterable[Series]) -> None:
    """Index series as the archive would, in place of all others."""
    with database.write() as connection:
        for table in (tables.catalogue, tables.instances, tables.series, tables.studies):
            connection.execute(table.delete())
        for study_uid, patient_id in sorted({(one.study_uid, one.patient_id) for one in some}):
            connection.execute(
                tables.studies.insert().values(
                    study_uid=study_uid,
                    project=project,
                    patient_id=patient_id,
                    state=StudyState.MATCHED,
                    first_received_at=0.0,
                    last_received_at=0.0,
                    settled_at=1.0,
                )
            )
        for one in some:
            connection.execute(
                tables.series.insert().values(
                    series_uid=one.uid,
                    study_uid=one.study_uid,
                    attributes_of="",
                    attributes={keyword: list(values) for keyword, values in one.attributes.items()},
                )
            )


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(select=selects(), some=catalogues())
def test_a_database_finds_what_the_evaluator_finds(
    database: Database, catalogue: Catalogue, select, some
) -> None:
    statement = check(select)
    hold(database, "p", some)
    catalogue.put("p", some)
    assert tuple(catalogue.search(statement, "p")) == evaluate(statement, some)


MR = [
    series("1.1", "1", "P1", Modality="MR", SeriesDescription="T1w", EchoTime="2.9", AccessionNumber="a"),
    series("1.2", "1", "P1", Modality="MR", SeriesDescription="FLAIR", EchoTime="90", StudyDate="20240102"),
    series("2.1", "2", "P1", Modality="MR", SeriesDescription="T1w", EchoTime="3.10", StudyDate="20240101"),
    series("3.1", "3", "É2", Modality="CT\\MR", SeriesDescription="", StudyDate="20240101"),
    series("4.1", "4", "a3", Modality="CT", SeriesDescription="Thorax"),
]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "select series where everything",
        "select series where not everything",
        "select series where SeriesDescription missing",
        "select study where not SeriesDescription = T1w",
        "select study where EchoTime < 3 or EchoTime = 3.1",
        "select series where SamplesPerPixel exists or not AccessionNumber = a",  # of the attributes that are no terms
        "select series where AccessionNumber = a and Modality = MR",
        "select series where StudyInstanceUID in (1, 3) or PatientID = a3",
        "select series where Path containing '/1/'",
        "SeriesDescription: T1w, NumImages: .*",
        "select patient from latest study by StudyDate where named T1 has SeriesDescription = T1w optional "
        "also where named ANY has Modality = MR shared",
        "select project where named CT has Modality = CT",
        "select study where named T1 has SeriesDescription = T1w also where named FLAIR has EchoTime > 80 exactly 0",
    ],
)
def test_statements_of_every_kind(database: Database, catalogue: Catalogue, text: str) -> None:
    hold(database, "p", MR)
    catalogue.put("p", MR)
    with_path = [
        Series(
            one.uid,
            one.study_uid,
            one.patient_id,
            {**one.attributes, "Path": (f"p/{one.study_uid}/{one.uid}",)},
        )
        for one in MR
    ]
    catalogue.put("p", with_path)
    statement = read(text)
    assert tuple(catalogue.search(statement, "p")) == evaluate(statement, with_path)
    assert tuple(catalogue.search(statement, "q")) == ()


TIMED = [
    series("1.1", "1", "P", Modality="MR", FrameOfReferenceUID="9", AcquisitionDate="20240101", AcquisitionTime="1000"),
    series("1.2", "1", "P", Modality="CT", FrameOfReferenceUID="9", NumImages="30", StudyTime="0900", KVP="100"),
    series("1.3", "1", "P", Modality="CT", FrameOfReferenceUID="8", NumImages="200", AcquisitionDateTime="2024010123"),
    series("2.1", "2", "P", Modality="CT", FrameOfReferenceUID="9", NumImages="40", AcquisitionDate="20240101",
           AcquisitionTime="1100", ContentDate="20240102", KVP="90"),
]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "select study where named A has Modality = MR also where named B has Modality = CT "
        "check A@FrameOfReferenceUID = B@FrameOfReferenceUID",
        "select study where named A has Modality = MR "
        "also where named B has Modality = CT closest to A by AcquisitionDateTime",
        "select patient where Modality = CT pick largest",
        "select patient where Modality = CT pick first by KVP",
        "select patient from earliest study by ContentDate where Modality = CT",
        "select patient where Modality = CT",
    ],
)
def test_what_checks_and_choices_and_the_order_look_at_is_read(
    database: Database, catalogue: Catalogue, text: str
) -> None:
    hold(database, "p", TIMED)
    catalogue.put("p", TIMED)
    found = tuple(catalogue.search(read(text), "p"))
    assert found
    assert found == evaluate(read(text), TIMED)


@pytest.mark.postgres
def test_patients_come_in_the_same_order_from_a_database_of_any_language(
    postgres_server: PostgresServer,
) -> None:
    admin = sa.create_engine(postgres_server.url("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(
            sa.text("CREATE DATABASE english TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'")
        )
    admin.dispose()
    english = Database(postgres_server.url("english"))
    english.migrate()
    with english.write() as connection:
        connection.execute(tables.projects.insert().values(name="p", settings={}, created_at=0.0))
    hold(english, "p", MR)
    catalogue = Catalogue(english, lambda _project: RULES)
    catalogue.put("p", MR)
    everything = read("select series where everything")
    assert tuple(catalogue.search(everything, "p")) == evaluate(everything, MR)
    english.close()
    postgres_server.drop(postgres_server.url("english"))


def test_what_has_not_settled_is_not_found(database: Database, catalogue: Catalogue) -> None:
    hold(database, "p", MR)
    everything = read("select series where everything")
    assert list(catalogue.search(everything, "p")) == []
    catalogue.write("p", "1")
    assert [match.key for match in catalogue.search(everything, "p")] == ["1.2", "1.1"]


def test_a_study_written_again_is_what_it_is_now(database: Database, catalogue: Catalogue) -> None:
    hold(database, "p", MR)
    catalogue.write("p", "1")
    with database.write() as connection:
        connection.execute(
            tables.series.update()
            .where(tables.series.c.series_uid == "1.2")
            .values(attributes={"Modality": ["PT"]})
        )
    catalogue.write("p", "1")
    catalogue.write("p", "1")
    assert [match.key for match in catalogue.search(read("select series where Modality = PT"), "p")] == [
        "1.2"
    ]
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.catalogue)).scalar() == 2


def test_what_no_series_says_any_more_is_forgotten(database: Database, catalogue: Catalogue) -> None:
    hold(database, "p", MR)
    catalogue.put("p", MR)
    with database.write() as connection:
        connection.execute(tables.catalogue.delete().where(tables.catalogue.c.series_uid != "4.1"))
    catalogue.forget_unused_terms()
    with database.read() as connection:
        terms = {row.attribute: row.text for row in connection.execute(sa.select(tables.terms))}
    said = {"PatientID": "a3", "StudyInstanceUID": "4", "Modality": "CT", "SeriesDescription": "Thorax"}
    assert terms == said
    assert next(catalogue.search(read("select series where Modality = CT"), "p")).key == "4.1"


def test_types_are_kept_until_the_rules_or_the_series_change(database: Database) -> None:
    def of_mr(types: str) -> Classifier:
        return Classifier.read(
            f'[{{"type": "{types}", "id": "1", "description": "", "rules": [{{"tag": ["Modality"], "value": "MR"}}]}}]'
        )

    rules = [of_mr("SPIN")]
    catalogue = Catalogue(database, lambda _project: rules[0])
    with database.write() as connection:
        connection.execute(tables.projects.insert().values(name="p", settings={}, created_at=0.0))
    hold(database, "p", MR)
    assert catalogue.outdated(["p"]) == [("p", uid) for uid in "1234"]
    for project, study in catalogue.outdated(["p"]):
        catalogue.write(project, study)
    assert catalogue.outdated(["p"]) == []
    spin = read("select study where ClassifyTypes containing SPIN")
    assert [match.key for match in catalogue.search(spin, "p")] == ["2", "1", "3"]
    rules[0] = of_mr("MAGNETIC")
    assert [one.values("ClassifyTypes") for one in catalogue.series("p", study_uid="2")] == [("MAGNETIC",)]
    assert catalogue.outdated(["p"]) == [("p", uid) for uid in "1234"]


def test_a_very_long_value_is_a_term_like_any_other(database: Database, catalogue: Catalogue) -> None:
    long = [series("1.1", "1", "P1", ImageType="\\".join(["ORIGINAL" * 100] * 20))]
    hold(database, "p", long)
    catalogue.put("p", long)
    statement = read("select series where ImageType starts with ORIGINALORIGINAL")
    assert tuple(catalogue.search(statement, "p")) == evaluate(statement, long)
