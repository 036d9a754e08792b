"""The proposed statement parses, gives a job, and splits the catalogue."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from select_lang import Level, Series, evaluate, read, suggest
from tests.select_lang.builders import by_name, series
from tests.select_lang.trees import catalogues


def brains(number: int, *, of_them_without_flair: int = 0) -> list[Series]:
    """Studies of seven series each: localizer, T1, FLAIR, three of diffusion and a T1 with contrast."""
    kinds = [
        ("LOCALIZER", "loc", "3"),
        ("T1", "t1 mprage", "176"),
        ("FLAIR", "t2 flair", "30"),
        *[("DIFFUSION", "ep2d diff", "60")] * 3,
        ("T1\\CONTRAST", "t1 mprage post", "176"),
    ]
    return [
        series(
            f"{study}.{place}",
            f"{study}",
            f"P{study}",
            Modality="MR",
            ClassifyTypes=types,
            SeriesDescription=description,
            NumImages=images,
        )
        for study in range(number)
        for place, (types, description, images) in enumerate(kinds)
        if types != "FLAIR" or study >= of_them_without_flair
    ]


def test_series_that_occur_together_become_the_names_of_one_job():
    proposed = suggest(brains(10))
    assert proposed.statement.level is Level.STUDY
    assert len(proposed.statement.names) == 3
    assert len(proposed.jobs) == 10
    assert all(len(job.series) == 3 for job in proposed.jobs)


def test_the_score_is_balance_times_coverage_times_clarity_less_the_rules():
    proposed = suggest(brains(10))
    # 30 of 70 series are in 10 jobs of 10 studies, one for each of 3 names, with one rule each.
    assert proposed.text.count("containing") == 3
    assert proposed.score == pytest.approx(4 * 3 / 7 * 4 / 7 - 0.15, abs=1e-4)


def test_it_does_not_build_on_series_that_many_studies_lack():
    proposed = suggest(brains(10, of_them_without_flair=8))
    assert "FLAIR" not in proposed.text
    assert len(proposed.jobs) == 10


def test_the_modality_parts_a_mixed_archive():
    mixed = [series(f"{n}", f"{n}", Modality="CT" if n % 2 else "MR") for n in range(10)]
    proposed = suggest(mixed)
    assert proposed.text == 'select study\n  where series named "CT" has Modality = "CT"'
    # Half of the series, in half of the studies, one each.
    assert (proposed.score, len(proposed.jobs)) == (0.45, 5)


def test_numbers_are_cut_at_a_round_number_between_two_of_them():
    images = [
        series(f"{study}.{n}", f"{study}", NumImages=str(number))
        for study in range(4)
        for n, number in enumerate((3, 133))
    ]
    assert suggest(images).text == 'select study\n  where series named "IMAGES" has NumImages > 70'


@pytest.mark.parametrize(
    "catalogue",
    [
        [series("1.1", Modality="CT")],
        [series("1.1", Modality="CT"), series("1.2", Modality="CT")],
        [series("1.1")],
        [series("1.1", ClassifyTypes='say "x"'), series("1.2", ClassifyTypes="back\\slash")],
    ],
)
def test_where_nothing_is_worth_a_rule_it_still_gives_a_job(catalogue):
    proposed = suggest(catalogue)
    assert evaluate(read(proposed.text), catalogue) == proposed.jobs != ()


def test_series_without_differences_are_all_taken():
    same = [series(f"1.{n}", Modality="CT") for n in range(3)]
    proposed = suggest(same)
    assert (proposed.text, proposed.score) == ("select study\n  where series has everything", 0.0)
    assert by_name(proposed.jobs) == {"1": {"series": ["1.0", "1.1", "1.2"]}}


def test_an_empty_catalogue_is_told():
    with pytest.raises(ValueError, match="no series"):
        suggest([])


@settings(deadline=None, max_examples=60)
@given(catalogues(), st.randoms())
def test_any_catalogue_gets_a_statement_with_a_job_whatever_its_order(catalogue, random):
    if not catalogue:
        return
    proposed = suggest(catalogue)
    assert read(proposed.text) == proposed.statement
    assert evaluate(proposed.statement, catalogue) == proposed.jobs != ()
    assert 0 <= proposed.score <= 1
    shuffled = list(catalogue)
    random.shuffle(shuffled)
    assert suggest(shuffled) == proposed


def test_a_large_catalogue_is_searched_by_a_part_and_scored_whole():
    proposed = suggest(brains(1000))
    assert len(proposed.jobs) == 1000
    assert proposed == suggest(reversed(brains(1000)))
