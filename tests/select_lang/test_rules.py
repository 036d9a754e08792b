"""What each operator means for each kind of value."""

import pytest

from select_lang import SelectSyntaxError, evaluate, read, write
from select_lang.rules import rules_truth
from tests.select_lang.builders import series

HELD = {
    "Modality": "MR",
    "SeriesDescription": "T1w MPRAGE",
    "ImageType": "ORIGINAL\\PRIMARY\\M",
    "ClassifyTypes": "T1\\axial",
    "NumImages": "192",
    "EchoTime": "2.90\\5",
    "SeriesDate": "20240131",
    "SeriesTime": "134500.250",
    "AcquisitionDateTime": "20240131134500+0100",
    "PatientAge": "024M",
    "SequenceName": "   ",
    "InversionTime": "unknown",
    "ReceiveCoilName": " Head_32 ",
}


def truth(rules: str) -> bool | None:
    return rules_truth(read(f"select series where {rules}").select.wheres[0].rules, series("1.2.3", **HELD))


TRUE = """
Modality = MR
Modality == "MR"
Modality != CT
Modality in (CT, MR)
not Modality in (CT, PT)
SeriesDescription containing MPRAGE
SeriesDescription contains "w M"
SeriesDescription starts with T1
SeriesDescription regexp "^T[12]w"
SeriesDescription REGEXP "(?i)mprage$"
ImageType = PRIMARY
ImageType containing PRIM
ImageType != DERIVED
ClassifyTypes containing T1
ClassifyType containing axial
ClassifyTypes = T1
NumImages > 191.5
NumImages >= 192
NumImages containing 192
NumImages between 192 and 192
NumImages in (1, 192.0)
NumImages starts with 19
EchoTime = 2.9
EchoTime > 4
EchoTime < 3
SeriesDate = 2024-01-31
SeriesDate between 20240101 and 20241231
SeriesDate starts with 2024
SeriesTime > 13:45
SeriesTime < 134500.3
SeriesTime <= 13:45:00.25
AcquisitionDateTime = 20240131124500+0000
AcquisitionDateTime > 2024
PatientAge = 002Y
PatientAge < 003Y
ReceiveCoilName = Head_32
SequenceName missing
FlipAngle missing
EchoTime exists
InversionTime exists
SeriesInstanceUID = 1.2.3
StudyInstanceUID = 1
PatientID = P1
everything
not Modality = CT
Modality = CT or EchoTime exists
FlipAngle > 3 or everything
"""
FALSE = """
Modality = mr
Modality = M
Modality != MR
SeriesDescription = T1w
SeriesDescription containing mprage
SeriesDescription starts with MPRAGE
ImageType != PRIMARY
ClassifyTypes containing T
ClassifyTypes containing ax
NumImages containing 19
NumImages > 192
EchoTime > 5
SeriesDate < 20240131
SequenceName exists
EchoTime missing
not everything
FlipAngle > 3 and not everything
"""
UNKNOWN = """
FlipAngle > 3
not FlipAngle > 3
FlipAngle != 3
FlipAngle in (3, 4)
FlipAngle between 3 and 4
ProtocolName containing x
ProtocolName regexp "."
ProtocolName starts with x
SequenceName = x
InversionTime > 3
not InversionTime > 3
InversionTime = 3
InversionTime between 1 and 2
FlipAngle > 3 and everything
FlipAngle > 3 or Modality = CT
"""


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (rules, known)
        for table, known in ((TRUE, True), (FALSE, False), (UNKNOWN, None))
        for rules in table.strip().split("\n")
    ],
)
def test_a_rule_is(rules, expected):
    assert truth(rules) is expected


def test_of_several_values_one_that_holds_outweighs_one_that_cannot_be_read():
    assert (
        rules_truth(read("select where EchoTime > 1").select.wheres[0].rules, series("a", EchoTime="x\\2"))
        is True
    )
    assert (
        rules_truth(read("select where EchoTime > 1").select.wheres[0].rules, series("a", EchoTime="x\\1"))
        is None
    )


def test_a_bare_string_is_refused_as_the_values_of_an_attribute():
    from select_lang import Series

    with pytest.raises(TypeError, match="Modality must be a tuple"):
        Series("a", "1", "P", {"Modality": "CT"})  # type: ignore[dict-item]


# -- every value, lists, and capitals  --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "value", "known"),
    [
        ("ImageType all = ORIGINAL", "ORIGINAL\\PRIMARY", False),
        ("ImageType all = ORIGINAL", "ORIGINAL\\ORIGINAL", True),
        ("ImageType all != DERIVED", "ORIGINAL\\PRIMARY", True),
        ("ImageType all in (ORIGINAL, PRIMARY)", "ORIGINAL\\PRIMARY", True),
        ("ImageType all regexp I", "ORIGINAL\\PRIMARY\\M", False),
        ("ImageType = (ORIGINAL, PRIMARY)", "ORIGINAL\\PRIMARY", True),
        ("ImageType = (ORIGINAL, PRIMARY)", "PRIMARY\\ORIGINAL", False),
        ("ImageType = (ORIGINAL, PRIMARY)", "ORIGINAL\\PRIMARY\\M", False),
        ("ImageType != (ORIGINAL, PRIMARY)", "ORIGINAL", True),
        ("ImageType iregexp original", "ORIGINAL\\PRIMARY", True),
        ("ImageType =~ '(?i)^prim'", "ORIGINAL\\PRIMARY", True),
        ("PixelSpacing all between 0.4 and 0.6", "0.5\\0.7", False),
        ("PixelSpacing approx (0.5, 0.50005)", "0.5\\0.5", True),
        ("PixelSpacing approx (0.5, 0.5002)", "0.5\\0.5", False),
        ("PixelSpacing approx 0.5", "0.5\\0.5", False),
        ("PixelSpacing approx (0.5, 0.5)", "0.5\\wide", None),
        ("PixelSpacing = (0.5, 0.7)", "0.6\\wide", False),
        ("PixelSpacing all > 0", "", None),
        ("PixelSpacing = (1, 2)", "", None),
    ],
)
def test_all_values_may_be_asked(rule, value, known):
    (where,) = read(f"select series where {rule}").select.wheres
    attribute = rule.split()[0]
    one = series("1", **({attribute: value} if value else {}))
    assert rules_truth(where.rules, one) is known


# -- the older filter -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("ClassifyType: .*DIFFUSION", True),
        ("Modality: MR.*ClassifyType: axial,DIFFUSION$", True),
        ("SeriesDescription: T1", False),
        (r"NumImages: \d{2},", True),
        (".*", True),
    ],
)
def test_a_line_filter_of_ror_is_read_as_one(text, fits):
    statement = read(text)
    assert write(statement) == text and read(write(statement)) == statement
    one = series(
        "1", Modality="MR", NumImages="64", ClassifyTypes="axial\\DIFFUSION", SeriesDescription="ep2d"
    )
    assert bool(evaluate(statement, [one])) is fits


@pytest.mark.parametrize(
    "text", ["Modality = CT", "selct study where Modality = MR", "T1", "where Path regexp .*"]
)
def test_a_statement_with_a_mistake_is_no_line_filter(text):
    with pytest.raises(SelectSyntaxError):
        read(text)
