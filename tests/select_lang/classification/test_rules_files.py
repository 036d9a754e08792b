"""Rules files are read as ror's documents describe them, mean what the language means, and tell all their faults."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from select_lang import Series, evaluate, read
from select_lang.classification import Classifier, RulesError, shipped_rules
from tests.select_lang.builders import series


def entry(kind: str, *rules: object, **keys: object) -> dict[str, object]:
    return {"type": kind, "rules": list(rules), **keys}


def classifier(*entries: object) -> Classifier:
    return Classifier.read(json.dumps(entries))


def types(header: Series, *entries: object) -> tuple[str, ...]:
    return classifier(*entries).types(header)


ANCESTOR = Path(__file__).with_name("ancestor.json").read_text(encoding="utf-8")


def test_an_older_file_is_read_as_it_is():
    found = Classifier.read(ANCESTOR).types(
        series(
            "1",
            Manufacturer="ACME MEDICAL",
            SliceThickness="1.5",
            ImageOrientationPatient="1\\0\\0\\0\\0.0003\\-1",
            AcquisitionMatrix="0\\256\\256\\0",
            NumImages="11",
            ScanOptions="FS",
        )
    )
    assert found == ("ACME", "thin", "upright", "square", "thin upright")


def test_what_is_never_known_is_told():
    warnings = Classifier.read(ANCESTOR).warnings
    assert [warning.path for warning in warnings] == [
        "[5].rules[0].tag",
        "[5].rules[1].tag",
        "[5].rules[2].tag",
        "[6].rules[1].tag",
    ]
    assert "0x19, 0x109c is never held" in str(warnings[0])


FROM_TAG = {"tag": ["0018", "0050"], "value": "1", "operator": "<"}


@pytest.mark.parametrize(
    "tag", ["SliceThickness", ["SliceThickness"], ["0018", "0050"], ["0x0018", "0x0050"], ["0x18", "0x50"]]
)
def test_an_attribute_may_be_named_in_all_these_ways(tag):
    assert types(series("1", SliceThickness="0.9"), entry("thin", {**FROM_TAG, "tag": tag})) == ("thin",)


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ({"value": "^a.c"}, 'SeriesDescription regexp "^a.c"'),
        ({"value": "^A.C", "operator": "iregexp"}, 'SeriesDescription =~ "^A.C"'),
        ({"value": "b", "operator": "contains"}, 'SeriesDescription containing "b"'),
        ({"value": "abc", "operator": "=="}, 'SeriesDescription = "abc"'),
        ({"value": "abc", "operator": "!="}, 'SeriesDescription != "abc"'),
        ({"value": ["a", "abc"], "operator": "=="}, 'SeriesDescription = ("a", "abc")'),
        ({"value": ["a", "abc"], "operator": "in"}, 'SeriesDescription in ("a", "abc")'),
        ({"operator": "exists"}, "SeriesDescription exists"),
        ({"operator": "missing"}, "SeriesDescription missing"),
        ({"tag": "EchoTime", "value": 10, "operator": "<"}, "EchoTime < 10"),
        ({"tag": "EchoTime", "value": "10.0", "operator": "<="}, "EchoTime <= 10"),
        ({"tag": "EchoTime", "value": 10, "operator": ">"}, "EchoTime > 10"),
        ({"tag": "EchoTime", "value": 10, "operator": ">="}, "EchoTime >= 10"),
        ({"tag": "EchoTime", "value": [10], "operator": "approx"}, "EchoTime approx (10)"),
    ],
)
@pytest.mark.parametrize("negated", [False, True])
def test_a_rule_means_what_it_means_in_a_statement(rule, statement, negated):
    rule = {"tag": "SeriesDescription", **rule, "negate": "yes" if negated else ""}
    wanted = read(f"select series where {'not ' if negated else ''}{statement}")
    for text in ("abc", "ABC", "a\\abc", "b", None):
        for time in ("10.00", "10.00005", "9", "11", "many", None):
            held = {"SeriesDescription": text, "EchoTime": time}
            header = series("1", **{name: value for name, value in held.items() if value is not None})
            assert bool(types(header, entry("x", rule))) is bool(list(evaluate(wanted, [header]))), held


def test_without_the_attribute_neither_a_rule_nor_its_negation_holds():
    rule = {"tag": "ScanOptions", "value": "FS"}
    entries = [entry("fs", rule), entry("no fs", {**rule, "negate": "yes"})]
    assert types(series("1"), *entries) == ()
    assert types(series("1", ScanOptions="PFP"), *entries) == ("no fs",)


def test_what_types_a_series_has_is_always_known():
    question = {"tag": "ClassifyType", "operator": "contains", "value": "a"}
    entries = [
        entry("a", {"tag": "Modality", "value": "MR"}),
        entry("with a", question),
        entry("without a", {**question, "negate": "yes"}),
        entry("not a", {**question, "operator": "!="}),
    ]
    assert types(series("1", Modality="MR"), *entries) == ("a", "with a")
    assert types(series("1"), *entries) == ("without a", "not a")


def test_types_that_a_series_says_it_has_do_not_count():
    later = entry("b", {"tag": "ClassifyType", "value": "a"})
    assert types(series("1", ClassifyTypes="a"), later) == ()


def test_entries_of_one_type_or_one_id_are_alternatives():
    mr, ct = ({"tag": "Modality", "value": one, "operator": "=="} for one in ("MR", "CT"))
    entries = [entry("3D", mr, id="x"), entry("3D", ct, id="x"), entry("either", {"rule": "x"})]
    assert types(series("1", Modality="CT"), *entries) == ("3D", "either")
    assert types(series("1", Modality="US"), *entries) == ()


def test_an_entry_without_a_type_serves_others_only():
    entries = [entry("", {"tag": "Modality", "value": "MR"}, id="mr"), entry("x", {"rule": "mr"})]
    assert types(series("1", Modality="MR"), *entries) == ("x",)
    assert [reason.id for reason in classifier(*entries).reasons(series("1", Modality="MR"))] == ["mr", ""]


def test_a_rule_may_refer_to_an_entry_below():
    entries = [
        entry("x", {"rule": "y", "negate": "yes"}),
        entry("y", {"tag": "Modality", "value": "MR"}, id="y"),
    ]
    assert types(series("1", Modality="CT"), *entries) == ("x",)


def test_any_value_will_do_where_a_star_stands():
    rule = {"tag": "ImageOrientationPatient", "operator": "approx", "approxLevel": 0.5}
    axial = entry("axial", {**rule, "value": ["*", "*", 0, "*", "*", 0]})
    assert types(series("1", ImageOrientationPatient="0.8\\0.6\\0\\-0.6\\0.8\\0.5"), axial) == ("axial",)
    assert types(series("1", ImageOrientationPatient="0.8\\0.6\\0\\-0.6\\0.8\\0.51"), axial) == ()
    assert types(series("1", ImageOrientationPatient="1\\0\\0"), axial) == ()


def test_a_projects_own_rules_add_types_and_replace_entries_of_the_same_id():
    own = [
        entry("T1", {"tag": "SeriesDescription", "value": "^anat$"}, id="our-t1"),
        entry("ACME", {"tag": "Manufacturer", "value": "^ACME"}, id="by-GE"),
    ]
    found = Classifier.shipped(json.dumps(own))
    assert found.types(series("1", SeriesDescription="anat", Manufacturer="ACME")) == ("ACME", "T1")
    assert found.types(series("1", Manufacturer="GE MEDICAL SYSTEMS")) == ()


def test_a_replaced_entry_stands_where_the_old_one_stood():
    rule = {"tag": "Modality", "value": "MR"}
    first = json.dumps([entry("a", rule, id="a"), entry("b", {"tag": "ClassifyType", "value": "^c$"})])
    second = json.dumps([entry("c", rule, id="a")])
    assert Classifier.read(first, second).types(series("1", Modality="MR")) == ("c", "b")


def test_the_digest_changes_with_the_rules_and_with_nothing_else():
    one = entry("a", {"tag": "Modality", "value": "MR"})
    same = classifier({**one, "description": "told"}).digest
    assert classifier(one).digest == same == Classifier.read(json.dumps([one], indent=4)).digest
    assert classifier(entry("a", {"tag": "Modality", "value": "CT"})).digest != same
    assert Classifier.shipped().digest == Classifier.read(shipped_rules()).digest != same


RULE = {"tag": "Modality", "value": "MR"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[{]", "line 1, column 3: not JSON"),
        ("[" * 100_000, "lists in lists without end"),
        ("{}", "a list of types is needed, not an object"),
        ("[1]", "[0]: a type is needed, not a text or number"),
        ('[{"type": "a"}]', "[0].rules: a list of at least one rule is needed"),
        ('[{"rules": [{"rule": "a"}]}]', "[0].type: a name is needed"),
        (json.dumps([entry("a,b", RULE)]), "[0].type: a name may not have a comma"),
        (json.dumps([entry("a", RULE, ruels=[])]), "[0].ruels: there is no such key\n  Did you mean rules?"),
        (json.dumps([entry("a", {**RULE, "negated": "yes"})]), "[0].rules[0].negated: there is no such key"),
        (
            json.dumps([entry("a", {**RULE, "negate": "maybe"})]),
            "[0].rules[0].negate: 'maybe' is neither yes nor no",
        ),
        (json.dumps([entry("a", {**RULE, "negate": True})]), "[0].rules[0].negate: a text is needed"),
        (
            json.dumps([entry("a", RULE, {**RULE, "operator": "like"})]),
            "[0].rules[1].operator: there is no operator",
        ),
        (
            json.dumps([entry("a", {**RULE, "tag": "Modalty"})]),
            "[0].rules[0].tag: 'Modalty' is no DICOM attribute",
        ),
        (json.dumps([entry("a", {**RULE, "tag": ["0018", "wx"]})]), "[0].rules[0].tag: 0018, wx is no tag"),
        (
            json.dumps([entry("a", {**RULE, "tag": ["0018", "0050", "0"]})]),
            "[0].rules[0].tag: one value of several",
        ),
        (
            json.dumps([entry("a", {**RULE, "tag": "PixelData"})]),
            "[0].rules[0].tag: PixelData holds binary data",
        ),
        (json.dumps([entry("a", {"tag": "Modality"})]), "[0].rules[0].value: a value is needed"),
        (
            json.dumps([entry("a", {**RULE, "value": True})]),
            "[0].rules[0].value: a text, a number, or a list",
        ),
        (
            json.dumps([entry("a", {**RULE, "value": "(a"})]),
            "[0].rules[0].value: the regular expression '(a' cannot",
        ),
        (json.dumps([entry("a", {**RULE, "operator": "<"})]), "[0].rules[0].value: Modality is text"),
        (json.dumps([entry("a", {"rule": "b"})]), "[0].rules[0].rule: no entry has the id 'b'"),
        (
            json.dumps([entry("a", {**RULE, "rule": "b"})]),
            "[0].rules[0].tag: a rule that refers to another one",
        ),
        (json.dumps([entry("a", {"rule": "a"}, id="a")]), "[0]: this entry depends on itself: a → a"),
        (
            json.dumps([entry("a", {**RULE, "approxLevel": 1})]),
            "[0].rules[0].approxLevel: only approx has a level",
        ),
    ],
)
def test_a_fault_is_told_with_its_path(text, told):
    with pytest.raises(RulesError) as caught:
        Classifier.read(text)
    assert told in str(caught.value)


def test_all_faults_are_told_and_in_which_text_they_are():
    wrong = [
        entry("a", {**RULE, "operator": "like"}, {**RULE, "tag": "Modalty"}),
        entry("b", {"rule": "nowhere"}),
    ]
    with pytest.raises(RulesError) as caught:
        Classifier.shipped(json.dumps(wrong))
    assert [str(fault).partition(": ")[0] for fault in caught.value.faults] == ["rules 2"] * 3
    assert [fault.path for fault in caught.value.faults] == [
        "[0].rules[0].operator",
        "[0].rules[1].tag",
        "[1].rules[0].rule",
    ]


def test_entries_that_depend_on_one_another_are_refused():
    asks = {"tag": "ClassifyType", "value": "b"}
    with pytest.raises(RulesError, match="depends on itself"):
        classifier(entry("a", {"rule": "c"}, id="a"), entry("b", RULE), entry("c", asks, id="c"))


names = st.sampled_from(
    ["a", "b", "", "ClassifyType", "Modality", "EchoTime", "0018", "0x50", "regexp", "<", "yes", "("]
)
shapes = st.recursive(
    names | st.none() | st.booleans() | st.integers(0, 9) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "id", "rules", "tag", "value", "operator", "negate", "rule", "approxLevel"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"type": names, "id": names, "rules": st.lists(shapes, max_size=3)}) | shapes
    )
)
def test_whatever_stands_in_a_text_it_is_read_or_refused(entries):
    try:
        found = Classifier.read(json.dumps(entries))
    except RulesError as error:
        assert error.faults
    else:
        assert set(found.types(series("1", Modality="a", EchoTime="1"))) <= set(found.names)


texts = st.sampled_from(
    ["MR", "CT", "SIEMENS", "t1_mprage", "DWI b1000", "90", "-1", "1e9", "x", "", "\0 ", "*ep_b0"]
)


FRESH = Classifier.read(shipped_rules())
keywords = st.sampled_from(
    ["Modality", "SeriesDescription", "EchoTime", "ImageType", "SequenceName", "ImageOrientationPatient"]
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(keywords, st.lists(texts).map(tuple)))
def test_whatever_a_series_holds_it_gets_the_same_types_again(attributes):
    header = Series("1", "1", "1", attributes)
    assert FRESH.types(header) == Classifier.shipped().types(header) == FRESH.types(header)
