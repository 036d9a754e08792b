"""Which of the series that fit a name make the job, and what a job needs."""

import pytest

from select_lang import SelectError, explain, read
from tests.select_lang.builders import jobs, series

T1 = "where series named T1 has SeriesDescription containing T1"
DWI = "where series named DWI has SeriesDescription containing DWI"


def mr(uid: str, description: str, study: str = "1", patient: str = "P1", **attributes: str):
    return series(uid, study, patient, Modality="MR", SeriesDescription=description, **attributes)


# -- how many ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "held", "wanted"),
    [
        ("exactly 1", 1, True),
        ("exactly 1", 2, False),
        ("at least 2", 1, False),
        ("at least 2", 3, True),
        ("exactly 0", 1, False),
        ("exactly 0", 0, True),
    ],
)
def test_a_name_may_say_how_many_there_must_be(count, held, wanted):
    catalogue = [mr(f"1.{number}", "T1w") for number in range(held)]
    found = jobs(
        f"select study where named OTHER has Modality = OT also {T1} {count}",
        series("9", Modality="OT"),
        *catalogue,
    )
    assert bool(found) is wanted


def test_an_optional_name_may_stay_empty():
    text = f"select study {T1} also where named FLAIR has SeriesDescription containing FLAIR optional"
    assert jobs(text, mr("1", "T1w")) == {"1": {"T1": ["1"]}}
    assert jobs(text, mr("1", "T1w"), mr("2", "FLAIR")) == {"1": {"T1": ["1"], "FLAIR": ["2"]}}
    assert jobs(text, mr("2", "FLAIR")) == {}


def test_a_wrong_number_of_an_optional_name_is_none_of_it():
    text = f"select study where named ANY has Modality = OT also {T1} exactly 1 optional"
    assert jobs(text, series("9", Modality="OT"), mr("1", "T1w"), mr("2", "T1w")) == {"1": {"ANY": ["9"]}}


# -- which ------------------------------------------------------------------------------------------------------------

CANDIDATES = (
    mr(
        "a",
        "T1w",
        SeriesNumber="1",
        NumImages="100",
        SliceThickness="1.0",
        AcquisitionDateTime="20240101100000",
    ),
    mr(
        "b",
        "T1w",
        SeriesNumber="2",
        NumImages="200",
        SliceThickness="0.9",
        AcquisitionDateTime="20240101090000",
    ),
    mr("c", "T1w", SeriesNumber="3", NumImages="200", AcquisitionDateTime="20240101110000"),
    mr("d", "T1w", SeriesNumber="4"),
)


@pytest.mark.parametrize(
    ("pick", "picked"),
    [
        ("pick newest by AcquisitionDateTime", "c"),
        ("pick oldest by AcquisitionDateTime", "b"),
        ("pick newest", "d"),
        ("pick oldest", "a"),
        ("pick largest", "b"),  # of equal ones the first
        ("pick smallest", "a"),
        ("pick smallest by SliceThickness", "b"),
        ("pick largest by SliceThickness", "a"),
        ("pick first", "a"),
        ("pick first by SliceThickness", "b"),
        ("pick newest by StudyDate", "d"),  # nobody has one: the last of the usual order
    ],
)
def test_one_is_picked(pick, picked):
    assert jobs(f"select study {T1} {pick}", *CANDIDATES) == {"1": {"T1": [picked]}}


def test_the_number_is_counted_before_one_is_picked():
    assert jobs(f"select study {T1} at least 4 pick first", *CANDIDATES) == {"1": {"T1": ["a"]}}
    assert jobs(f"select study {T1} exactly 1 pick first", *CANDIDATES) == {}


def test_what_is_picked_still_satisfies_the_checks():
    catalogue = [
        mr("1", "T1w", NumImages="200", FrameOfReferenceUID="1.1"),
        mr("2", "T1w", NumImages="100", FrameOfReferenceUID="1.2"),
        mr("3", "DWI", NumImages="300", FrameOfReferenceUID="1.2"),
        mr("4", "DWI", NumImages="100", FrameOfReferenceUID="1.1"),
    ]
    largest = f"select study {T1} pick largest also {DWI} pick largest"
    text = f"{largest} check T1@FrameOfReferenceUID = DWI@FrameOfReferenceUID"
    assert jobs(text, *catalogue) == {"1": {"T1": ["1"], "DWI": ["4"]}}


def test_a_shared_name_takes_what_another_has_taken():
    text = "select study {} also where named ANY has Modality = MR {}"
    catalogue = [mr("1", "T1w"), mr("2", "FLAIR")]
    assert jobs(text.format(T1, ""), *catalogue) == {"1": {"T1": ["1"], "ANY": ["2"]}}
    assert jobs(text.format(T1, "shared"), *catalogue) == {"1": {"T1": ["1"], "ANY": ["1", "2"]}}
    first = "select study where named ANY has Modality = MR shared also " + T1
    assert jobs(first, *catalogue) == {"1": {"ANY": ["1", "2"], "T1": ["1"]}}


# -- close in time ----------------------------------------------------------------------------------------------------

OVER_YEARS = (
    mr("d1", "DWI", study="1", StudyDate="20200101"),
    mr("t1", "T1w", study="2", StudyDate="20200110"),
    mr("t2", "T1w", study="3", StudyDate="20210101"),
    mr("d2", "DWI", study="4", StudyDate="20210301"),
    mr("d3", "DWI", study="5", patient="P2", StudyDate="20200101"),
    mr("t0", "T1w", study="6"),
)


def test_each_series_of_one_name_gets_the_closest_of_another():
    text = f"select series {DWI} also {T1} closest to DWI by StudyDate"
    assert jobs(text, *OVER_YEARS) == {
        "d1": {"DWI": ["d1"], "T1": ["t1"]},
        "d2": {"DWI": ["d2"], "T1": ["t2"]},
    }
    assert jobs(f"{text} optional", *OVER_YEARS)["d3"] == {"DWI": ["d3"]}


def test_a_patient_gets_the_closest_to_any():
    text = f"select patient {DWI} also {T1} closest to DWI by StudyDate"
    assert jobs(text, *OVER_YEARS) == {"P1": {"DWI": ["d1", "d2"], "T1": ["t1", "t2"]}}
    assert jobs(f"select patient {DWI} pick oldest also {T1} closest to DWI by StudyDate", *OVER_YEARS) == {
        "P1": {"DWI": ["d1"], "T1": ["t1"]}
    }


def test_a_study_gets_the_closest_from_wherever_in_the_patient_it_is():
    text = f"select study {DWI} also {T1} closest to DWI by StudyDate"
    assert jobs(text, *OVER_YEARS) == {"1": {"DWI": ["d1"], "T1": ["t1"]}, "4": {"DWI": ["d2"], "T1": ["t2"]}}
    own = mr("t4", "T1w", study="4", StudyDate="20210301")
    assert jobs(text, *OVER_YEARS, own)["4"] == {"DWI": ["d2"], "T1": ["t4"]}


def test_the_closest_is_sought_after_its_name_has_chosen_wherever_it_stands_in_the_text():
    text = f"select patient {T1} closest to DWI by StudyDate also {DWI} pick newest"
    assert jobs(text, *OVER_YEARS) == {"P1": {"T1": ["t2"], "DWI": ["d2"]}}


def test_of_two_equally_close_the_one_of_the_same_study_is_taken():
    catalogue = [
        mr("t9", "T1w", study="9", StudyDate="20200101", SeriesNumber="1"),
        mr("t1", "T1w", study="1", StudyDate="20200101", SeriesNumber="5"),
        mr("d1", "DWI", study="1", StudyDate="20200101"),
    ]
    assert jobs(f"select series {DWI} also {T1} closest to DWI by StudyDate", *catalogue)["d1"]["T1"] == [
        "t1"
    ]


def test_date_and_time_of_acquisition_are_put_together_where_the_scanner_did_not():
    catalogue = [
        mr("d", "DWI", AcquisitionDate="20200101", AcquisitionTime="120000"),
        mr("early", "T1w", AcquisitionDateTime="20200101080000"),
        mr("near", "T1w", AcquisitionDate="20200101", AcquisitionTime="1230"),
    ]
    text = f"select study {DWI} also {T1} closest to DWI by AcquisitionDateTime"
    assert jobs(text, *catalogue) == {"1": {"DWI": ["d"], "T1": ["near"]}}
    within = (
        f"select study {DWI} also {T1} check T1@AcquisitionDateTime within 5 hours of DWI@AcquisitionDateTime"
    )
    assert jobs(within, *catalogue) == {"1": {"DWI": ["d"], "T1": ["early", "near"]}}
    assert jobs(within.replace("5 hours", "31 minutes"), *catalogue) == {"1": {"DWI": ["d"], "T1": ["near"]}}


# -- which studies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        ("earliest study by StudyDate", ["a"]),
        ("earliest study", ["a"]),
        ("latest study", ["c"]),
        ("first 2 studies", ["a", "b"]),
        ("last 2 studies by StudyDate", ["b", "c"]),
        ("first 9 studies", ["a", "b", "c"]),  # never the one without a date
        ("study", ["a", "b", "c", "n"]),
    ],
)
def test_each_patients_studies_may_be_limited_before_they_are_matched(limit, left):
    catalogue = [
        mr("b", "T1w", study="2", StudyDate="20200201"),
        mr("a", "T1w", study="1", StudyDate="20200101"),
        mr("c", "T1w", study="3", StudyDate="20200301"),
        mr("n", "T1w", study="4"),
        mr("z", "T1w", study="9", patient="P2", StudyDate="19990101"),
    ]
    assert jobs(f"select patient from {limit} {T1}", *catalogue)["P1"] == {"T1": left}
    of_studies = jobs(f"select study from {limit} {T1}", *catalogue)
    assert [uid for job in of_studies.values() for uid in job["T1"] if uid != "z"] == left


def test_a_first_study_without_the_name_gives_no_job_and_says_so():
    catalogue = [
        mr("a", "DWI", study="1", StudyDate="20200101"),
        mr("b", "T1w", study="2", StudyDate="20200201"),
    ]
    statement = read(f"select patient from earliest study by StudyDate {T1}")
    assert explain(statement, catalogue).sentence == (
        'no series is a T1: SeriesDescription containing "T1" found nothing in 1 series (seen: DWI) '
        "(the study is left out by `from earliest study by StudyDate`)"
    )


# -- optional names and checks  ---------------------------------------------------------------------------------------


def test_an_optional_name_that_the_checks_refuse_stays_empty():
    text = f"select study {T1} also {DWI} optional check T1@EchoTime = DWI@EchoTime"
    same, other = mr("2", "DWI", EchoTime="5"), mr("3", "DWI", EchoTime="6")
    assert jobs(text, mr("1", "T1w", EchoTime="5"), same, other) == {"1": {"T1": ["1"], "DWI": ["2"]}}
    assert jobs(text, mr("1", "T1w", EchoTime="5"), other) == {"1": {"T1": ["1"]}}
    assert jobs(text.replace(" optional", ""), mr("1", "T1w", EchoTime="5"), other) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"select study {T1} exactly 2", "T1: exactly 2 must fit, and 1 does"),
        (f"select study {T1} also {DWI} closest to T1 by StudyDate", "DWI: none can be told to be closest to T1 by"),
        (f"select series {T1} exactly 2", "T1: exactly 2 must fit, and 1 does"),
        (f"select series {T1} also {DWI} closest to T1 by StudyDate", "no series is close to one of the name"),
    ],
)  # fmt: skip
def test_the_reason_names_the_choice_that_could_not_be_made(text, told):
    assert told in explain(read(text), [mr("1", "T1w", StudyDate="20200101"), mr("2", "DWI")]).sentence


def test_an_optional_name_that_found_nothing_takes_its_comparisons_out_of_an_or():
    names = f"{T1} also {DWI} also where named PT has Modality = PT optional"
    either = "check T1@EchoTime = DWI@EchoTime or T1@EchoTime = PT@EchoTime"
    neither = "check not (T1@EchoTime != DWI@EchoTime and T1@EchoTime != PT@EchoTime)"
    t1, other, same = mr("1", "T1w", EchoTime="5"), mr("2", "DWI", EchoTime="6"), mr("3", "DWI", EchoTime="5")
    for check in (either, neither):
        assert jobs(f"select study {names} {check}", t1, other) == {}
        assert jobs(f"select study {names} {check}", t1, other, same) == {"1": {"T1": ["1"], "DWI": ["3"]}}
        pet = series("4", Modality="PT", EchoTime="5")
        assert jobs(f"select study {names} {check}", t1, other, pet)["1"]["PT"] == ["4"]


def test_numbers_still_hold_after_a_later_name_has_chosen():
    catalogue = [
        mr("a1", "T1w", SeriesTime="10"),
        mr("a2", "T1w", SeriesTime="11"),
        mr("b1", "DWI", SeriesTime="10"),
        mr("b2", "DWI", SeriesTime="11"),
    ]
    text = "select study {} {} also {} pick newest by SeriesTime check T1@SeriesTime = DWI@SeriesTime"
    assert jobs(text.format(T1, "exactly 2", DWI), *catalogue) == {}
    assert jobs(text.format(T1, "at least 2", DWI), *catalogue) == {}
    assert jobs(text.format(T1, "at least 1", DWI), *catalogue) == {"1": {"T1": ["a2"], "DWI": ["b2"]}}
    assert jobs(text.format(T1, "exactly 2 optional", DWI), *catalogue) == {"1": {"DWI": ["b2"]}}


def test_the_newest_has_a_date_if_any_has():
    catalogue = [mr("dated", "T1w", StudyDate="20240101"), mr("undated", "T1w", study="2")]
    assert jobs(f"select patient {T1} pick newest", *catalogue) == {"P1": {"T1": ["dated"]}}


def test_a_series_is_not_closest_to_itself():
    near = "also where named B has everything shared closest to A by EchoTime"
    text = f"select study where named A has SeriesNumber = 1 {near}"
    catalogue = [
        mr("1", "T1w", SeriesNumber="1", EchoTime="5"),
        mr("2", "T1w", SeriesNumber="2", EchoTime="9"),
    ]
    assert jobs(text, *catalogue) == {"1": {"A": ["1"], "B": ["2"]}}


def test_unnamed_wheres_that_share_have_each_series_once():
    assert jobs(
        "select study where Modality = MR also where everything shared", mr("1", "T1w"), mr("2", "DWI")
    ) == {"1": {"series": ["1", "2"]}}


@pytest.mark.parametrize("date", ["2024.01.01", "2024-01-01", "20240101"])
def test_date_and_time_are_put_together_however_they_are_written(date):
    catalogue = [
        mr("1", "T1w", AcquisitionDate=date, AcquisitionTime="10:00:00"),
        mr("2", "DWI", AcquisitionDate="20240101", AcquisitionTime="100100"),
    ]
    check = "check T1@AcquisitionDateTime within {} minutes of DWI@AcquisitionDateTime"
    assert jobs(f"select study {T1} also {DWI} {check.format(5)}", *catalogue)
    told = explain(read(f"select study {T1} also {DWI} {check.format(0)}"), catalogue).sentence
    assert "seen: 2024-01-01 10:00:00" in told


def test_ages_may_be_some_days_apart():
    catalogue = [mr("1", "T1w", PatientAge="010Y"), mr("2", "DWI", PatientAge="011Y")]
    check = "check T1@PatientAge within {} of DWI@PatientAge"
    assert not jobs(f"select study {T1} also {DWI} {check.format('300 days')}", *catalogue)
    assert jobs(f"select study {T1} also {DWI} {check.format('53 weeks')}", *catalogue)


# -- what makes no sense ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"select study {T1} closest to T1 by StudyDate", "T1 is to be closest to itself"),
        (f"select study {T1} closest to DWI by StudyDate also {DWI} closest to T1 by StudyDate", "by way of"),
        (f"select study {T1} closest to FLAIR by StudyDate", "no where is named 'FLAIR'"),
        (f"select study {T1} also {DWI} closest to T1 by Modality", "texts are at no distance"),
        (f"select study {T1} pick newest by EchoTime", "Use largest, smallest or first"),
        (f"select study {T1} pick largest by StudyDate", "Use newest, oldest or first"),
        (f"select study {T1} pick largest by Fooo", "no DICOM attribute"),
        (f"select study {T1} pick newest pick oldest", "pick is said twice"),
        (f"select study {T1} exactly 1 at least 2", "how many there must be is said twice"),
        (f"select study {T1} at least 0", "Write optional"),
        (f"select study {T1} exactly 0 optional", "Leave one of them out"),
        (f"select series {T1} optional", "each name is optional already"),
        (f"select series {T1} shared", "nothing to share"),
        (f"select series {T1} also {DWI} closest to T1 by StudyDate pick newest", "nothing to count or pick"),
        (f"select patient from first 0 studies {T1}", "no study is left"),
        (f"select patient from earliest study by Nothing {T1}", "no DICOM attribute"),
        (f"select study {T1} also {DWI} check T1@StudyDate within 3 hours of DWI@StudyDate", "told in: days"),
        (
            f"select study {T1} also {DWI} check T1@StudyTime within 3 days of DWI@StudyTime",
            "hours, minutes, seconds",
        ),
        (f"select study {T1} also {DWI} check T1@Modality within 3 days of DWI@Modality", "Write =."),
        (
            f"select study {T1} also {DWI} check T1@StudyDate < DWI@StudyDate within 3 days",
            "goes with = only",
        ),
        ("select study where ImageType < (A, B)", "compares one value, not a list"),
        ("select study where ImageType approx (A, B)", "approx compares numbers"),
    ],
)
def test_what_makes_no_sense_is_refused(text, told):
    with pytest.raises(SelectError) as caught:
        read(text)
    assert told in str(caught.value)
