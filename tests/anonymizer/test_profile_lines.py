"""A profile's own lines: each does what it says, at the top and in sequences, or is refused with what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planted import minimal, part10
from pydicom import Dataset
from pydicom.sequence import Sequence

from anonymizer import (
    IdentifiedInstance,
    Line,
    Option,
    PrivateLine,
    Profile,
    ProfileError,
    ProjectKey,
    Treatment,
    deidentify,
)
from anonymizer.plan import Action, compile_plan
from anonymizer.table import rows, vr_of

KEY = ProjectKey(b"a key for these tests only")
CT = "1.2.840.10008.5.1.4.1.1.2"
DONE = {
    Treatment.KEEP: {Action.KEEP, Action.AGE, Action.TIME, Action.DATE, Action.UID_KEPT},
    Treatment.REMOVE: {Action.REMOVE},
    Treatment.EMPTY: {Action.EMPTY},
    Treatment.DUMMY: {Action.DUMMY},
    Treatment.CLEAN: {Action.CLEAN},
    Treatment.UID: {Action.UID},
    Treatment.SHIFT: {Action.SHIFT},
}
NUMBERS = [row.number for row in rows() if row.number is not None]
BASIC = Profile(options=frozenset(), cleaned=frozenset())
RETAINING = replace(BASIC, options=frozenset({Option.RETAIN_FULL_DATES, Option.RETAIN_UIDS}))


def with_lines(profile: Profile, *lines: Line) -> Profile:
    return replace(profile, lines=frozenset(lines))


@pytest.mark.parametrize("base", [BASIC, Profile.of(), RETAINING], ids=["basic", "research", "retaining"])
@pytest.mark.parametrize("treatment", Treatment)
def test_for_every_row_of_the_table_the_plan_does_what_the_line_says_or_the_line_is_refused(
    treatment: Treatment, base: Profile
) -> None:
    bare, accepted, refused = replace(base, cleaned=frozenset()), [], 0
    for tag in NUMBERS:
        try:
            with_lines(bare, Line(tag, treatment))
        except ProfileError as error:
            assert error.faults[0].path == f'attributes."{Line(tag, treatment).where}"'
            assert error.advice
            refused += 1
        else:
            accepted.append(tag)
    shifts_full_dates = treatment is Treatment.SHIFT and base is RETAINING
    assert (accepted != [], refused > 0) == (not shifts_full_dates, True)
    plan = compile_plan(with_lines(bare, *(Line(tag, treatment) for tag in accepted)), CT)
    for tag in accepted:
        assert plan.rule(tag).action in DONE[treatment], f"{tag:08X}"
        assert plan.rule(tag, 0x00081140).action in DONE[treatment], f"{tag:08X}"


def test_what_is_kept_is_never_a_name_and_what_removed_never_what_an_object_needs() -> None:
    for tag in NUMBERS:
        if vr_of(tag) == "PN":
            for treatment in (Treatment.KEEP, Treatment.CLEAN):
                with pytest.raises(ProfileError):
                    with_lines(BASIC, Line(tag, treatment))
    for tag in (0x0020000D, 0x00080018, 0x00100020, 0x00280010, 0x7FE00010):
        for treatment in (Treatment.REMOVE, Treatment.EMPTY, Treatment.DUMMY, Treatment.CLEAN):
            with pytest.raises(ProfileError):
                with_lines(BASIC, Line(tag, treatment))


@pytest.mark.parametrize(
    ("tag", "treatment", "reason"),
    [
        (0x00100020, "keep", "never_kept"),
        (0x00080050, "keep", "never_kept"),
        (0x00080020, "remove", "never_removed"),
        (0x00080020, "keep", "contradiction"),
        (0x0020000D, "keep", "contradiction"),
        (0x00280010, "shift", "wrong_vr"),
        (0x00080080, "uid", "wrong_vr"),
        (0x00080080, "shift", "wrong_vr"),
        (0x00080060, "clean", "wrong_vr"),
        (0x00100012, "keep", "wrong_vr"),  # newer than the dictionary: nobody knows what it holds
        (0x60003000, "keep", "never_kept"),
        (0x00190010, "keep", "private"),
        (0x00020010, "keep", "no_attribute"),
        (0x00080000, "keep", "no_attribute"),
        (0x00081999, "keep", "unknown_keyword"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused(tag: int, treatment: str, reason: str) -> None:
    with pytest.raises(ProfileError) as refused:
        with_lines(BASIC, Line(tag, Treatment(treatment)))
    assert [fault.reason for fault in refused.value.faults] == [reason]


def test_an_attribute_has_one_line_and_stands_in_no_list_besides() -> None:
    with pytest.raises(ProfileError, match="two lines"):
        with_lines(BASIC, Line(0x00080080, Treatment.KEEP), Line(0x00080080, Treatment.EMPTY))
    with pytest.raises(ProfileError, match="stands in keep too"):
        with_lines(replace(BASIC, keep=frozenset({"InstitutionName"})), Line(0x00080080, Treatment.KEEP))


def test_lines_are_seen_in_the_object_and_in_what_it_says_of_itself() -> None:
    inner = Dataset()
    inner.InstitutionName, inner.StudyDate = "Qzinner", "20130308"
    dataset = minimal(InstitutionName="Qzhouse", Manufacturer="SIEMENS", StudyDate="20130307")
    dataset.ReferencedImageSequence = Sequence([inner])
    lines = (
        Line(0x00080080, Treatment.DUMMY),
        Line(0x00080070, Treatment.EMPTY),
        Line(0x00080020, Treatment.SHIFT),
    )
    profile = with_lines(BASIC, *lines)
    research, _report = deidentify(IdentifiedInstance.from_part10(part10(dataset)), profile, KEY)
    header = research.header()
    (item,) = header.ReferencedImageSequence
    assert header.InstitutionName == item.InstitutionName == "ANONYMIZED"
    assert header.Manufacturer == ""
    assert header.LongitudinalTemporalInformationModified == "MODIFIED"
    assert header.StudyDate < "20130307" and item.StudyDate > header.StudyDate
    assert (
        header.DeidentificationMethod[1] == f"ror profile {profile.digest}" != f"ror profile {BASIC.digest}"
    )


def private_object(value: str) -> IdentifiedInstance:
    dataset = minimal()
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", value)
    block.add_new(0x77, "IS", "1")
    return IdentifiedInstance.from_part10(part10(dataset))


def test_a_private_attribute_is_kept_by_its_creator_if_it_is_what_the_line_says() -> None:
    safe = frozenset({Option.RETAIN_SAFE_PRIVATE})
    line = PrivateLine("SIEMENS MR HEADER", 0x0019, 0x77, "IS")
    profile = replace(BASIC, options=safe, private=frozenset({line}))
    kept = deidentify(private_object("1000"), profile, KEY)[0].header()
    assert kept[0x00191077].value == 1
    for other in (replace(line, vr="FD"), replace(line, creator="OTHER")):
        profile = replace(BASIC, options=safe, private=frozenset({other}))
        assert 0x00191077 not in deidentify(private_object("1000"), profile, KEY)[0].header()


def test_a_private_attribute_of_the_standards_list_can_be_taken_off_it() -> None:
    safe = replace(BASIC, options=frozenset({Option.RETAIN_SAFE_PRIVATE}))
    assert 0x0019100C in deidentify(private_object("1000"), safe, KEY)[0].header()
    line = PrivateLine("SIEMENS MR HEADER", 0x0019, 0x0C, "")
    without = replace(safe, private=frozenset({line}))
    assert 0x0019100C not in deidentify(private_object("1000"), without, KEY)[0].header()


@pytest.mark.parametrize(
    ("line", "options"),
    [
        (PrivateLine("X", 0x0019, 1, "IS"), ()),
        (PrivateLine("X", 0x0018, 1, "IS"), (Option.RETAIN_SAFE_PRIVATE,)),
        (PrivateLine("X", 0x0019, 0x1001, "IS"), (Option.RETAIN_SAFE_PRIVATE,)),
        (PrivateLine(" ", 0x0019, 1, "IS"), (Option.RETAIN_SAFE_PRIVATE,)),
        (PrivateLine("X", 0x0019, 1, "OB"), (Option.RETAIN_SAFE_PRIVATE,)),
        (PrivateLine("X", 0x0019, 1, ""), (Option.RETAIN_SAFE_PRIVATE,)),
    ],
)
def test_a_private_line_that_cannot_be_meant_is_refused(
    line: PrivateLine, options: tuple[Option, ...]
) -> None:
    with pytest.raises(ProfileError):
        replace(BASIC, options=frozenset(options), private=frozenset({line}))


def test_without_weekdays_dates_move_by_any_number_of_days_and_the_digest_tells() -> None:
    shifts = [KEY.shift_days(str(number), weekdays=False) for number in range(500)]
    assert {-shift % 7 for shift in shifts} == set(range(7))
    assert -3650 <= min(shifts) < -3000 and -600 < max(shifts) <= -1
    assert {KEY.shift_days(str(number)) % 7 for number in range(500)} == {0}
    free = replace(Profile.of(), weekdays=False)
    assert free.digest != Profile.of().digest == "b419ffacb790"
    dataset = minimal(StudyDate="20130307", SeriesDate="20130310")
    header = deidentify(IdentifiedInstance.from_part10(part10(dataset)), free, KEY)[0].header()
    assert int(header.SeriesDate) != int(header.StudyDate)
