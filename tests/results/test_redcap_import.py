"""Measurements reach REDCap: keyed, typed, idempotent; what it does not take is told field by field."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc import free_port
from ror.config import RedcapSettings
from ror.registry import Project
from ror.results import RedcapRefused, Redcaps, RedcapUnavailable, Row
from ror.results.redcap import Described, Pace, RedcapApi, RedcapField, RedcapTarget
from ror.results.redcap.api import BATCH
from ror.results.redcap.records import prepare
from ror.results.redcap.values import written
from tests.support.redcap_project import Refused
from tests.support.redcap_server import TOKEN, Field, RedcapServer

FIELDS = (
    Field("participant", form="record"),
    Field("volume", validation="number", minimum="0", maximum="100"),
    Field("count", validation="integer"),
    Field("rounded", validation="number_1dp"),
    Field("grade", choices=("low", "high")),
    Field("found", kind="yesno"),
    Field("sites", kind="checkbox", choices=("1", "-9")),
    Field("ratio", kind="calc"),
    Field("lesion_diameter", form="lesion", validation="number"),
)
EVENTS = {"baseline_arm_1": ("measurements", "lesion"), "year_1_arm_1": ("measurements",)}
REPEATING = frozenset({("baseline_arm_1", "lesion"), ("year_1_arm_1", "")})


@pytest.fixture
def classic() -> Iterator[RedcapServer]:
    with project_of(is_longitudinal=False) as server:
        yield server


@pytest.fixture
def longitudinal() -> Iterator[RedcapServer]:
    with project_of(is_longitudinal=True) as server:
        yield server


def project_of(is_longitudinal: bool) -> RedcapServer:
    return RedcapServer(FIELDS, EVENTS, REPEATING) if is_longitudinal else RedcapServer(FIELDS)


@cache
def described_by(is_longitudinal: bool) -> Described:
    """What a project says of itself."""
    with project_of(is_longitudinal) as server:
        return api(server.url).describe()


class Now:
    """A clock that only a test moves."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Now:
    return Now()


@pytest.fixture
def redcaps(tmp_path: Path, clock: Now, monkeypatch: pytest.MonkeyPatch) -> Redcaps:
    monkeypatch.setenv("ROR_REDCAP_TOKEN_LUNGS", TOKEN)
    return Redcaps(tmp_path, RedcapSettings(), clock)


def lungs(server: RedcapServer) -> Project:
    return Project("lungs", redcap_url=server.url)


def api(url: str, token: str = TOKEN, timeout_seconds: float = 60.0, pace: Pace | None = None) -> RedcapApi:
    target = RedcapTarget(url, token, timeout_seconds=timeout_seconds)
    return RedcapApi(target, pace or Pace(300))


def test_rows_of_one_record_are_one_record(classic: RedcapServer, redcaps: Redcaps) -> None:
    rows = [Row("P-1", "", "volume", 14.25), Row("P-1", "", "count", 3), Row("P-2", "", "grade", "high")]
    assert redcaps.write(lungs(classic), rows) == "2 REDCap records"
    assert classic.records == {
        ("P-1", "", "", None): {"volume": "14.25", "count": "3"},
        ("P-2", "", "", None): {"grade": "high"},
    }
    assert len(classic.imports) == 1


def test_importing_twice_changes_nothing_and_a_new_value_overwrites(
    classic: RedcapServer, redcaps: Redcaps
) -> None:
    rows = [Row("P-1", "", "volume", 1.5), Row("P-1", "", "count", 2)]
    redcaps.write(lungs(classic), rows)
    before = dict(classic.records[("P-1", "", "", None)])
    redcaps.write(lungs(classic), rows)
    assert classic.records == {("P-1", "", "", None): before}
    redcaps.write(lungs(classic), [Row("P-1", "", "volume", 2.5)])
    assert classic.records[("P-1", "", "", None)] == {"volume": "2.5", "count": "2"}


def test_events_and_repeats_are_keys(longitudinal: RedcapServer, redcaps: Redcaps) -> None:
    rows = [
        Row("P-1", "baseline_arm_1", "volume", 1),
        Row("P-1", "year_1_arm_1", "volume", 2, "", 1),
        Row("P-1", "year_1_arm_1", "volume", 3, "", 2),
        Row("P-1", "baseline_arm_1", "lesion_diameter", 7.5, "lesion", 1),
        Row("P-1", "baseline_arm_1", "lesion_diameter", 9.5, "lesion", 2),
    ]
    redcaps.write(lungs(longitudinal), rows)
    assert {key[1:]: values for key, values in longitudinal.records.items()} == {
        ("baseline_arm_1", "", None): {"volume": "1"},
        ("year_1_arm_1", "", 1): {"volume": "2"},
        ("year_1_arm_1", "", 2): {"volume": "3"},
        ("baseline_arm_1", "lesion", 1): {"lesion_diameter": "7.5"},
        ("baseline_arm_1", "lesion", 2): {"lesion_diameter": "9.5"},
    }


def test_a_value_is_written_as_its_field_takes_it(classic: RedcapServer, redcaps: Redcaps) -> None:
    rows = [
        Row("P-1", "", "rounded", 14),
        Row("P-1", "", "found", True),
        Row("P-1", "", "count", 14.0),
        Row("P-1", "", "sites____9", True),
        Row("P-1", "", "measurements_complete", 2),
    ]
    redcaps.write(lungs(classic), rows)
    assert classic.records[("P-1", "", "", None)] == {
        "rounded": "14.0",
        "found": "1",
        "count": "14",
        "sites____9": "1",
        "measurements_complete": "2",
    }


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_lose_nothing_and_have_no_exponent(value: float) -> None:
    for validation in ("", "number"):
        text = written(value, RedcapField("volume", "f", validation=validation))
        assert float(text) == value
        assert not set(text) - set("-0123456789.")


@given(st.floats(-1e9, 1e9), st.integers(1, 4), st.booleans())
def test_a_field_of_so_many_decimals_gets_so_many(value: float, places: int, has_comma: bool) -> None:
    validation = f"number_{places}dp" + ("_comma_decimal" if has_comma else "")
    text = written(value, RedcapField("volume", "f", validation=validation))
    assert re.fullmatch(rf"-?\d+{',' if has_comma else '[.]'}\d{{{places}}}", text)
    assert abs(float(text.replace(",", ".")) - value) <= 0.5 * 10**-places + 1e-6


def test_what_lies_outside_of_the_suggested_range_is_sent_and_told(
    classic: RedcapServer, redcaps: Redcaps
) -> None:
    told = redcaps.write(lungs(classic), [Row("P-1", "", "volume", 101), Row("P-2", "", "volume", 100)])
    assert told == "2 REDCap records (outside of the suggested range: volume)"
    assert classic.records[("P-1", "", "", None)] == {"volume": "101"}


def test_ten_thousand_measurements_take_less_than_ten_calls(classic: RedcapServer, redcaps: Redcaps) -> None:
    rows = [Row(f"P-{n}", "", "volume", n) for n in range(10_000)]  # each of a record of its own
    assert redcaps.write(lungs(classic), rows).startswith("10000 REDCap records")
    assert len(classic.imports) == 10_000 / BATCH
    assert len(classic.calls) < 10


def test_a_project_is_not_asked_again_for_what_it_has_just_told(
    classic: RedcapServer, redcaps: Redcaps, clock: Now
) -> None:
    for seconds, calls in ((0, 3), (299, 4), (1, 7)):
        clock.seconds += seconds
        redcaps.write(lungs(classic), [Row("P-1", "", "volume", 1)])
        assert len(classic.calls) == calls


ROWS = st.builds(
    Row,
    st.sampled_from(["P-1", "P-2", ""]),
    st.sampled_from(["", *EVENTS, "nosuch_arm_1"]),
    st.sampled_from([*(one.name for one in FIELDS), "sites___1", "sites____9", "lesion_complete", "nosuch"]),
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
    | st.booleans()
    | st.sampled_from(["", "low", "1", "1,5", "-0", "1e5", "1_0", "٣", "much", "2026-11-21", "nan", "\n"]),
    st.sampled_from(["", "lesion", "measurements"]),
    st.sampled_from([None, 1, 2]),
)


@given(st.lists(ROWS, max_size=4), st.booleans())
def test_redcap_takes_whatever_we_find_no_fault_with(rows: list[Row], is_longitudinal: bool) -> None:
    redcap = project_of(is_longitudinal)
    prepared = prepare(rows, described_by(is_longitudinal))
    refused = {(fault.record, fault.field) for fault in prepared.faults}
    redcap.take(prepared.records, "flat", "normal")
    assert {row.record_id for row in rows if (row.record_id, row.field_name) not in refused} <= {
        record for record, *_place in redcap.records
    }


# -- what is refused before anything is sent --------------------------------------------------------------------------

REFUSED = {
    "unknown field": (Row("P-1", "baseline_arm_1", "volumes", 1), "did you mean volume?"),
    "illegal name": (Row("P-1", "baseline_arm_1", "signal-to-noise", 1), "write 'signal_to_noise'"),
    "the record's own field": (Row("P-1", "baseline_arm_1", "participant", 1), "names the record"),
    "no record": (Row("", "baseline_arm_1", "count", 1), "belongs to no record"),
    "a fraction": (Row("P-1", "baseline_arm_1", "count", 1.5), "takes integers only"),
    "no number": (Row("P-1", "baseline_arm_1", "volume", "much"), "takes numbers only"),
    "a number of a million digits": (
        Row("P-1", "baseline_arm_1", "volume", "1e999999"),
        "takes numbers only",
    ),
    "wrong choice": (Row("P-1", "baseline_arm_1", "grade", "much"), "none of low, high"),
    "calculated": (Row("P-1", "baseline_arm_1", "ratio", 1), "is calculated by REDCap itself"),
    "unknown event": (Row("P-1", "nosuch_arm_1", "count", 1), "nosuch_arm_1 is no event with instruments"),
    # REDCap would put it into the first event and say nothing.
    "missing event": (Row("P-1", "", "count", 1), "names no event"),
    "form not in event": (
        Row("P-1", "year_1_arm_1", "lesion_diameter", 1, "", 1),
        "not designated for the event",
    ),
    "without instance": (Row("P-1", "baseline_arm_1", "lesion_diameter", 1), "no instance is named"),
    "event without instance": (Row("P-1", "year_1_arm_1", "count", 1), "no instance is named"),
    "not repeating": (
        Row("P-1", "baseline_arm_1", "count", 1, "measurements", 2),
        "the instrument measurements does not repeat in baseline_arm_1",
    ),
    "on another form": (
        Row("P-1", "baseline_arm_1", "count", 1, "lesion", 2),
        "is on the instrument measurements",
    ),
}


@pytest.mark.parametrize(("row", "told"), REFUSED.values(), ids=REFUSED)
def test_a_fault_is_told_by_field_before_anything_is_sent(
    row: Row, told: str, longitudinal: RedcapServer, redcaps: Redcaps
) -> None:
    good = Row("P-9", "baseline_arm_1", "volume", 1)
    with pytest.raises(RedcapRefused) as refused:
        redcaps.write(lungs(longitudinal), [good, row])
    (found,) = refused.value.faults
    assert (found.record, found.field) == (row.record_id, row.field_name)
    assert told in found.message
    assert "much" not in str(refused.value)
    assert longitudinal.imports == []


def test_an_event_is_refused_where_there_are_none(classic: RedcapServer, redcaps: Redcaps) -> None:
    with pytest.raises(RedcapRefused, match="the project has no events, but baseline_arm_1 is named"):
        redcaps.write(lungs(classic), [Row("P-1", "baseline_arm_1", "count", 1)])


def test_several_bad_values_are_several_faults(classic: RedcapServer, redcaps: Redcaps) -> None:
    rows = [Row("P-1", "", "count", 1.5), Row("P-2", "", "volume", "much"), Row("P-2", "", "grade", "x")]
    with pytest.raises(RedcapRefused) as refused:
        redcaps.write(lungs(classic), rows)
    faults = [(fault.record, fault.field) for fault in refused.value.faults]
    assert faults == [("P-1", "count"), ("P-2", "volume"), ("P-2", "grade")]


def test_a_project_that_was_mended_takes_at_once_what_it_had_refused(
    classic: RedcapServer, redcaps: Redcaps
) -> None:
    rows = [Row("P-1", "", "newer", 1)]
    with pytest.raises(RedcapRefused):
        redcaps.write(lungs(classic), rows)
    classic.fields = (*FIELDS, Field("newer", validation="number"))
    assert redcaps.write(lungs(classic), rows) == "1 REDCap record"


def test_what_redcap_alone_refuses_comes_back_by_field_and_is_asked_for_anew(
    classic: RedcapServer, redcaps: Redcaps
) -> None:
    redcaps.write(lungs(classic), [Row("P-1", "", "volume", 1)])
    classic.fields = tuple(
        Field("volume", validation="integer") if one.name == "volume" else one for one in FIELDS
    )
    with pytest.raises(RedcapRefused) as refused:
        redcaps.write(lungs(classic), [Row("P-1", "", "volume", 2.5)])
    (fault,) = refused.value.faults
    assert (fault.record, fault.field) == ("P-1", "volume")
    assert "could not be validated" in fault.message and "2.5" not in str(fault)
    with pytest.raises(RedcapRefused, match="takes integers only"):
        redcaps.write(lungs(classic), [Row("P-1", "", "volume", 2.5)])
    assert len(classic.imports) == 2


TOLD = {
    "a value with lines": ('"P-1","notes","14\nof 15","is wrong"', [("P-1", "notes", "is wrong")]),
    "a value with quotes": ('"P-1","notes","he said ""15"", so","is wrong"', [("P-1", "notes", "is wrong")]),
    "a value whose quotes are not doubled": (
        '"P-1","notes","a "15","15" b","is wrong"',
        [("P-1", "notes", "is wrong")],
    ),
    "a sentence with three commas": ("not found: a, b, c, d", [("", "", "not found: a, b, c, d")]),
    "nothing": ("", [("", "", "for a reason that cannot be read")]),
    "half of it": ('"P-1","15', [("", "", "for a reason that cannot be read")]),
}


@pytest.mark.parametrize(("message", "faults"), TOLD.values(), ids=TOLD)
def test_a_refusal_is_read_without_its_values(
    message: str,
    faults: list[tuple[str, str, str]],
    classic: RedcapServer,
    redcaps: Redcaps,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise Refused(message)

    monkeypatch.setattr(classic, "take", refuse)
    with pytest.raises(RedcapRefused) as refused:
        redcaps.write(lungs(classic), [Row("P-1", "", "count", 1)])
    assert [(one.record, one.field, one.message) for one in refused.value.faults] == faults
    assert "15" not in str(refused.value)


def test_a_wrong_token_is_a_refusal_that_does_not_show_it(
    classic: RedcapServer, redcaps: Redcaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "F" * 32
    monkeypatch.setenv("ROR_REDCAP_TOKEN_LUNGS", wrong)
    with pytest.raises(RedcapRefused, match="permissions") as refused:
        redcaps.write(lungs(classic), [Row("P-1", "", "count", 1)])
    assert wrong not in repr(refused.value) + str(refused.value) + repr(refused.value.__cause__)


# -- outages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_fault_is_an_outage(status: int, classic: RedcapServer, redcaps: Redcaps) -> None:
    classic.down = status
    with pytest.raises(RedcapUnavailable, match=str(status)):
        redcaps.write(lungs(classic), [Row("P-1", "", "count", 1)])
    classic.down = None
    assert redcaps.write(lungs(classic), [Row("P-1", "", "count", 1)]) == "1 REDCap record"


@pytest.mark.parametrize("is_date", [False, True])
def test_redcap_is_left_alone_for_as_long_as_it_has_asked(is_date: bool, classic: RedcapServer) -> None:
    clock = Now()
    pace = Pace(300, clock)
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
    classic.down, classic.retry_after = 503, moment if is_date else "120"
    with pytest.raises(RedcapUnavailable, match="answers 503"):
        api(classic.url, pace=pace).version()
    classic.down = None
    clock.seconds += 60  # far from the end, whatever the date has lost since it was written
    told = set()
    for _ in range(2):
        with pytest.raises(RedcapUnavailable, match="left alone until 20") as refused:
            api(classic.url, pace=pace).version()
        told.add(str(refused.value))
        clock.seconds += 10
    assert len(told) == 1  # so that it can be told once
    clock.seconds -= 20
    assert len(classic.calls) == 1
    clock.seconds += 61
    assert api(classic.url, pace=pace).version() == "14.5.0"


def test_a_header_that_says_no_time_holds_nobody_up(classic: RedcapServer) -> None:
    pace = Pace(300, Now())
    classic.down, classic.retry_after = 429, "soon"
    with pytest.raises(RedcapUnavailable, match="answers 429"):
        api(classic.url, pace=pace).version()
    classic.down = None
    assert api(classic.url, pace=pace).version() == "14.5.0"


@given(st.integers(1, 5), st.lists(st.floats(0, 30), max_size=40))
def test_no_minute_has_more_requests_than_it_may(per_minute: int, pauses: list[float]) -> None:
    clock, sent = Now(), []

    def sleep(seconds: float) -> None:
        clock.seconds += seconds

    pace = Pace(per_minute, clock, sleep)
    for pause in pauses:
        clock.seconds += pause
        pace.wait()
        sent.append(clock.seconds)
    assert all(late - early > 60 - 1e-6 for early, late in zip(sent, sent[per_minute:], strict=False))


def test_a_page_that_is_not_redcaps_is_an_outage(classic: RedcapServer, redcaps: Redcaps) -> None:
    classic.down = 200  # a maintenance page with a cheerful status
    with pytest.raises(RedcapUnavailable, match="does not answer as REDCap"):
        redcaps.write(lungs(classic), [Row("P-1", "", "count", 1)])


def test_nobody_there_is_an_outage() -> None:
    with pytest.raises(RedcapUnavailable):
        api(f"http://127.0.0.1:{free_port()}/api/").describe()


def test_a_redirect_does_not_carry_the_token_away(classic: RedcapServer, redcaps: Redcaps) -> None:
    with RedcapServer(FIELDS) as other:
        classic.redirect = other.url
        with pytest.raises(RedcapRefused, match="redirects to"):
            redcaps.write(lungs(classic), [Row("P-1", "", "count", 1)])
        assert other.calls == []


# -- asking -----------------------------------------------------------------------------------------------------------


def test_redcap_tells_its_version(classic: RedcapServer) -> None:
    assert api(classic.url).version() == "14.5.0"


def test_a_wrong_token_is_told_when_asking(classic: RedcapServer) -> None:
    wrong = "F" * 32
    with pytest.raises(RedcapRefused, match="permissions") as refused:
        api(classic.url, wrong).version()
    assert wrong not in repr(refused.value) + str(refused.value)


@pytest.mark.parametrize(
    ("status", "told"), [(503, "answers 503"), (404, "does not answer as REDCap"), (200, "no version")]
)
def test_a_server_that_is_down_or_no_redcap_is_told_when_asking(
    status: int, told: str, classic: RedcapServer
) -> None:
    classic.down = status
    with pytest.raises(RedcapUnavailable, match=told):
        api(classic.url).version()


def test_asking_does_not_wait_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api/"
        with pytest.raises(RedcapUnavailable, match="Timeout"):
            api(url, timeout_seconds=0.05).version()


# -- targets ----------------------------------------------------------------------------------------------------------


def test_the_token_is_shown_nowhere() -> None:
    assert TOKEN not in repr(RedcapTarget("https://redcap.example/api/", TOKEN))
    with pytest.raises(ValueError, match="32 hexadecimal digits") as refused:
        RedcapTarget("https://redcap.example/api/", "secret")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://redcap.example/api/", "unencrypted"),
        ("ftp://127.0.0.1/api/", "unencrypted"),
        ("https://redcap.example/", "not the URL"),
        ("redcap.example/api/", "not the URL"),
        ("https://redcap.example/?to=/api/", "not the URL"),
        ("https://[redcap/api/", "not the URL"),
        ("https://redcap:port/api/", "not the URL"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        RedcapTarget(url, TOKEN)
