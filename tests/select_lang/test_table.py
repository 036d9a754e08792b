"""A CSV of series is read, or everything that is wrong with it is told by row and column."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from select_lang import Table, TableError, read_table

HEADER = "SeriesInstanceUID,StudyInstanceUID,PatientID"


def table(folder: Path, content: str | bytes) -> Table:
    file = folder / "series.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(file)


def faults(folder: Path, content: str | bytes) -> list[str]:
    with pytest.raises(TableError) as caught:
        table(folder, content)
    return [str(fault) for fault in caught.value.faults]


def test_a_row_is_a_series(tmp_path):
    (series,) = table(tmp_path, f"Modality,{HEADER},NumImages\nCT,1.1,1,P1,133\n").series
    assert (series.uid, series.study_uid, series.patient_id) == ("1.1", "1", "P1")
    assert (series.values("Modality"), series.values("NumImages")) == (("CT",), ("133",))
    assert series.values("SeriesInstanceUID") == ("1.1",)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no BOM", "BOM"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_with_or_without_byte_order_mark_and_with_either_line_end(tmp_path, mark, end):
    text = f"{HEADER},SeriesDescription\n1.1,1,P1,Schädel\n".encode().replace(b"\n", end)
    (series,) = table(tmp_path, mark + text).series
    assert (series.uid, series.values("SeriesDescription")) == ("1.1", ("Schädel",))


def test_a_backslash_parts_values_where_there_may_be_several(tmp_path):
    text = f"{HEADER},ImageType,ClassifyTypes,ImageComments,Path\n1.1,1,P1,ORIGINAL\\PRIMARY,T1\\axial,a\\b,c\\d\n"
    (series,) = table(tmp_path, text).series
    assert series.values("ImageType") == ("ORIGINAL", "PRIMARY")
    assert series.values("ClassifyTypes") == ("T1", "axial")
    assert (series.values("ImageComments"), series.values("Path")) == (("a\\b",), ("c\\d",))


def test_an_empty_cell_is_an_absent_attribute_and_an_empty_row_is_none(tmp_path):
    (series,) = table(tmp_path, f"{HEADER},Modality,ClassifyTypes\n\n1.1,1,P1, ,\n,,,,\n").series
    assert dict(series.attributes) == {}


def test_quotes_hold_commas_quotes_and_line_ends(tmp_path):
    (series,) = table(tmp_path, f'{HEADER},SeriesDescription\n1.1,1,P1,"a, ""b""\nc"\n').series
    assert series.values("SeriesDescription") == ('a, "b"\nc',)


def test_attributes_may_be_tags_and_older_names(tmp_path):
    (series,) = table(tmp_path, f'{HEADER},"(0008,0060)",ClassifyType\n1.1,1,P1,CT,T1\n').series
    assert dict(series.attributes) == {"Modality": ("CT",), "ClassifyTypes": ("T1",)}


def test_a_column_that_is_no_attribute_is_left_out_and_said_to_be(tmp_path):
    read = table(tmp_path, f",{HEADER},Rated by,RequestAttributesSequence\n0,1.1,1,P1,me,x\n")
    assert dict(read.series[0].attributes) == {}
    assert read.left_out == (
        "column 1 is left out: it has no name",
        "column 5 is left out: 'Rated by' is no DICOM attribute",
        "column 6 is left out: RequestAttributesSequence holds a sequence (SQ), which a rule cannot look into",
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", ["it is empty; its first row names the columns"]),
        ("Modality\nCT\n", ["row 1: there is no column SeriesInstanceUID, StudyInstanceUID, PatientID"]),
        (
            "SeriesInstanceUID;StudyInstanceUID;PatientID\n1;2;3\n",
            [
                "row 1: there is no column SeriesInstanceUID, StudyInstanceUID, PatientID; "
                "the columns are parted by ';', and should be by commas"
            ],
        ),
        (
            f"{HEADER},Modalty,modality\n",
            [
                "row 1, column 'Modalty': this is no attribute. Did you mean Modality?",
                "row 1, column 'modality': this is no attribute. Did you mean Modality? "
                "Attribute names keep their capitals.",
            ],
        ),
        (
            f"{HEADER},ClassifyTypes,ClassifyType\n",
            ["row 1, column 'ClassifyType': ClassifyTypes is a column already"],
        ),
        (
            f"{HEADER}\n1.1,1\n1.2,1,P1\n1.3,1,P1,x\n",
            [
                "row 2: 2 cells, where the header has 3 columns",
                "row 4: 4 cells, where the header has 3 columns",
            ],
        ),
        (
            f"{HEADER}\n1.1,,P1\n1.2,1,\n",
            [
                "row 2, column StudyInstanceUID: there must be a value",
                "row 3, column PatientID: there must be a value",
            ],
        ),
        (
            f"{HEADER}\n1.1,1,P1\n1.1,1,P1\n",
            ["row 3, column SeriesInstanceUID: the same series as in row 2; each has one row"],
        ),
        (
            f"{HEADER}\n1.1,1,P1\n1.2,1,P2\n",
            ["row 3, column PatientID: another patient than in row 2, which is of the same study"],
        ),
        (f'{HEADER}\n1.1,1,"P1\n', ["row 2: this is not CSV: unexpected end of data"]),
        (
            f"{HEADER},SeriesDescription\n1.1,1,P1,Sch\xe4del\n".encode("latin-1"),
            ["row 2: this is not UTF-8; save the table as CSV UTF-8"],
        ),
    ],
)
def test_what_is_wrong_is_told_by_row_and_column(tmp_path, content, told):
    assert faults(tmp_path, content) == told


def test_of_very_many_faults_the_first_are_shown(tmp_path):
    with pytest.raises(TableError) as caught:
        table(tmp_path, f"{HEADER}\n" + "1.1\n" * 50)
    assert len(caught.value.faults) == 50
    *shown, more = str(caught.value).splitlines()
    assert (len(shown), more) == (20, "and 30 more")


def test_no_value_of_the_table_is_told(tmp_path):
    told = faults(tmp_path, f"{HEADER}\n1.1,1,Doe^Jane\n1.1,1,Roe^Jane\n")
    assert "Jane" not in " ".join(told)


@given(st.binary(max_size=200))
def test_no_content_raises_anything_else(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(content)
    try:
        read_table(file)
    except TableError as error:
        assert error.faults
