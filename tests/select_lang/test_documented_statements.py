"""The eight statements that ror documents are read, and mean what its documents say."""

from tests.select_lang.builders import jobs, series

TRAINING = "Select project from study where series has Modality = CT"
PREDICTION = "Select series from study where series has Modality = CT and NumImages > 100"
LONGITUDINAL = """Select patient from study
  where series named "T1" has ClassifyType containing T1
    and SeriesDescription regexp "^A"
  also where series named "DIFF" has ClassifyType containing DIFFUSION
  also where series named "REST" has ClassifyType containing RESTING
    and NumImages > 10 and not(NumImages > 200)"""
SAME_FRAME = """Select study from project
  where series named COR has ClassifyType containing coronal
  also where series named AX has ClassifyType containing axial
Check COR@FrameOfReferenceUID = AX@FrameOfReferenceUID
  AND COR@Modality = AX@Modality"""
SHORT_FORM = """Select study where ClassifyTypes containing T1 and SeriesDescription regexp "^B"
  also where ClassifyType containing DIFFUSION"""
INIT_DEFAULT = """SELECT series FROM study WHERE series named "T1" has Modality regexp "(MR|CT)\""""
FIONA_BOOK = """SELECT study FROM study WHERE series named "everything" has Modality regexp "(NM)\""""
GRAMMAR_DOCUMENT = """SELECT series FROM study WHERE SERIES NAMED "MR" HAS Modality == 'MR'"""


def test_training_makes_one_job_of_everything():
    found = jobs(
        TRAINING,
        series("a", "1", "P1", Modality="CT"),
        series("b", "2", "P2", Modality="CT"),
        series("c", "2", "P2", Modality="MR"),
    )
    assert found == {"project": {"series": ["a", "b"]}}


def test_prediction_makes_one_job_of_each_series():
    found = jobs(
        PREDICTION,
        series("a", Modality="CT", NumImages="101"),
        series("b", Modality="CT", NumImages="100"),
        series("c", Modality="CT", NumImages="500"),
        series("d", Modality="MR", NumImages="500"),
    )
    assert found == {"a": {"series": ["a"]}, "c": {"series": ["c"]}}


def test_longitudinal_finds_its_series_anywhere_in_the_patient():
    complete = [
        series("t1", "1", "P1", ClassifyTypes="T1", SeriesDescription="ABCD-T1", StudyDate="20200101"),
        series("diff", "2", "P1", ClassifyTypes="axial\\DIFFUSION", StudyDate="20210101"),
        series("rest", "3", "P1", ClassifyTypes="RESTING", NumImages="200", StudyDate="20220101"),
        series("long rest", "3", "P1", ClassifyTypes="RESTING", NumImages="201", StudyDate="20220101"),
    ]
    lacking = [series("t1 of another", "4", "P2", ClassifyTypes="T1", SeriesDescription="ABCD-T1")]
    found = jobs(LONGITUDINAL, *complete, *lacking)
    assert found == {"P1": {"T1": ["t1"], "DIFF": ["diff"], "REST": ["rest"]}}


def test_same_frame_keeps_studies_whose_series_share_a_frame_of_reference():
    def study(number: str, cor_frame: str, ax_frame: str) -> list:
        return [
            series(
                f"{number}.cor", number, ClassifyTypes="coronal", FrameOfReferenceUID=cor_frame, Modality="MR"
            ),
            series(
                f"{number}.ax", number, ClassifyTypes="axial", FrameOfReferenceUID=ax_frame, Modality="MR"
            ),
        ]

    found = jobs(SAME_FRAME, *study("1", "1.2", "1.2"), *study("2", "1.2", "1.3"))
    assert found == {"1": {"COR": ["1.cor"], "AX": ["1.ax"]}}


def test_short_form_needs_one_series_of_each_kind():
    found = jobs(
        SHORT_FORM,
        series("t1", "1", ClassifyTypes="T1", SeriesDescription="B0"),
        series("diff", "1", ClassifyTypes="DIFFUSION"),
        series("lonely t1", "2", ClassifyTypes="T1", SeriesDescription="B0"),
    )
    assert found == {"1": {"series": ["t1", "diff"]}}


def test_init_default_takes_every_mr_and_ct_series():
    found = jobs(
        INIT_DEFAULT, series("a", Modality="MR"), series("b", Modality="CT"), series("c", Modality="PT")
    )
    assert found == {"a": {"T1": ["a"]}, "b": {"T1": ["b"]}}


def test_fiona_book_names_its_series_with_a_key_word():
    found = jobs(FIONA_BOOK, series("a", Modality="NM"), series("b", Modality="MR"))
    assert found == {"1": {"everything": ["a"]}}


def test_grammar_document_writes_its_key_words_large():
    assert jobs(GRAMMAR_DOCUMENT, series("a", Modality="MR")) == {"a": {"MR": ["a"]}}
