"""Why there is a job, or none."""

import pytest
from hypothesis import given, settings

from select_lang import Outcome, evaluate, explain, read
from select_lang.check import check
from tests.select_lang.builders import series
from tests.select_lang.trees import catalogues, selects

BRAIN = (
    "select study where named T1 has SeriesDescription = T1w also where named FLAIR has SeriesDescription {}"
)


def brain(*descriptions: str, study: str = "1", patient: str = "P1", **more: str) -> list:
    return [
        series(f"{study}.{n}", study, patient, SeriesDescription=description, **more)
        for n, description in enumerate(descriptions)
    ]


SENTENCES = [
    (
        BRAIN.format('containing "FLAIR"'),
        brain("T1w", "T2w", "T1wCE"),
        'no series is a FLAIR: SeriesDescription containing "FLAIR" found nothing in 3 series (seen: T1w, T2w, T1wCE)',
    ),
    (
        BRAIN.format("= FLAIR"),
        brain("T1w", "FLAIR", "FLAIR"),
        "matched: 1 T1, 2 FLAIR",
    ),
    (
        "select study where Modality = CT",
        brain("a", "b"),
        'no series fits: Modality = "CT" found nothing in 2 series (absent)',
    ),
    (
        "select study where Modality = CT",
        [*brain("a", "b"), series("m", Modality="MR")],
        'no series fits: Modality = "CT" found nothing in 3 series (seen: MR, absent in 2)',
    ),
    (
        "select study where SeriesDescription = x",
        brain(*"abcdefgh"),
        'no series fits: SeriesDescription = "x" found nothing in 8 series (seen: a, b, c, d, e, 3 more)',
    ),
    (
        "select study where named CT has Modality = CT and NumImages > 20",
        [series("a", Modality="CT", NumImages="3"), series("b", Modality="MR", NumImages="30")],
        'no series is a CT: of 2 series none has all together (Modality = "CT" in 1, NumImages > 20 in 1)',
    ),
    (
        "select study where (Modality = CT or NumImages > 20) and everything",
        [series("a", Modality="MR", NumImages="3")],
        'no series fits: Modality = "CT" or NumImages > 20 found nothing in 1 series '
        "(Modality seen: MR; NumImages seen: 3)",
    ),
    (
        "select study where not everything",
        brain("a"),
        "no series fits: not everything found nothing in 1 series (it refuses everything)",
    ),
    (
        "select study where named A has Modality = CT also where named B has NumImages > 1",
        [series("a", Modality="CT", NumImages="3")],
        "no series is a B: those that fit went to a name that comes before",
    ),
    (
        BRAIN.format("= FLAIR") + " check T1@EchoTime = FLAIR@EchoTime",
        [*brain("T1w", EchoTime="3"), series("f", SeriesDescription="FLAIR", EchoTime="4")],
        "check T1@EchoTime = FLAIR@EchoTime holds for no combination of series "
        "(T1@EchoTime seen: 3; FLAIR@EchoTime seen: 4)",
    ),
    (
        BRAIN.format("= FLAIR") + " check T1@EchoTime = FLAIR@EchoTime and T1@NumImages = FLAIR@NumImages",
        [
            *brain("T1w", EchoTime="3", NumImages="4"),
            series("f", SeriesDescription="FLAIR", EchoTime="3"),
            series("g", SeriesDescription="FLAIR", NumImages="4"),
        ],
        "check T1@EchoTime = FLAIR@EchoTime and T1@NumImages = FLAIR@NumImages holds for no combination of series, "
        "though each part of it does for one",
    ),
    ("select study where everything", [], "there is no series to look at"),
    (
        BRAIN.format("= FLAIR"),
        [*brain("T1w", "FLAIR"), *brain("T1w", study="2"), *brain("T1w", study="3")],
        '1 job of 3 studies; 2: no series is a FLAIR: SeriesDescription = "FLAIR" found nothing in 1 series '
        "(seen: T1w); and 1 more without a job",
    ),
    (
        "select patient where everything",
        [*brain("a"), *brain("a", study="2", patient="P2")],
        "2 jobs of 2 patients",
    ),
]


@pytest.mark.parametrize(("text", "catalogue", "sentence"), SENTENCES)
def test_one_sentence_says_why(text, catalogue, sentence):
    assert explain(read(text), catalogue).sentence == sentence


def test_every_rule_says_what_became_of_it_for_every_series():
    text = "select study where named CT has Modality = CT and not NumImages > 20 and EchoTime < 5"
    catalogue = [
        series("a", Modality="CT", NumImages="3", EchoTime="many"),
        series("b", Modality="MR", NumImages="30"),
    ]
    (name,) = explain(read(text), catalogue).groups[0].names
    outcomes = {one.series_uid: [rule.outcome for rule in one.rules] for one in name.series}
    assert outcomes == {
        "a": [Outcome.HELD, Outcome.HELD, Outcome.UNREADABLE],
        "b": [Outcome.NOT_HELD, Outcome.NOT_HELD, Outcome.ABSENT],
    }
    assert [str(rule) for rule in name.series[1].rules] == [
        'Modality = "CT": did not hold (Modality: MR)',
        "not NumImages > 20: did not hold (NumImages: 30)",
        "EchoTime < 5: attribute absent (EchoTime: absent)",
    ]


def test_a_series_that_fits_two_names_says_where_it_went():
    text = "select study where named A has Modality = CT also where named B has Modality = CT"
    first, second = explain(read(text), [series("a", Modality="CT")]).groups[0].names
    assert (first.found, second.found) == (("a",), ())
    assert (second.series[0].held, second.series[0].went_to) == (True, ("A",))


@settings(deadline=None)
@given(selects(), catalogues())
def test_explaining_tells_of_the_same_jobs_as_evaluating(select, catalogue):
    statement = check(select)
    explanation = explain(statement, catalogue)
    assert explanation.matches == evaluate(statement, catalogue)
    assert explanation.sentence
    assert any(group.matched for group in explanation.groups) == bool(explanation.matches)


def test_a_check_that_fails_beside_an_optional_name_that_is_not_there_is_explained():
    text = """select study where named A has Modality = MR also where named B has Modality = CT
      also where named C has Modality = PT optional check A@EchoTime = B@EchoTime and not A@EchoTime = C@EchoTime"""
    catalogue = [series("1", Modality="MR", EchoTime="1"), series("2", Modality="CT", EchoTime="2")]
    either = text.replace("and not A@EchoTime = C@EchoTime", "or A@EchoTime = C@EchoTime")
    for statement in (text, either):
        assert "holds for no combination of series" in explain(read(statement), catalogue).sentence
