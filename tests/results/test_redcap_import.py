"""Measurements reach REDCap: keyed, typed, idempotent; its refusals come back field by field."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc import free_port
from ror.results import (
    RedcapRefused,
    RedcapTarget,
    RedcapUnavailable,
    Row,
    ask_version,
    import_measurements,
)
from ror.results.redcap import BATCH, flat_records
from tests.support.redcap_server import TOKEN, Field, RedcapServer

FIELDS = (
    Field("record_id"),
    Field("volume", validation="number"),
    Field("count", validation="integer"),
    Field("grade", choices=("low", "high")),
    Field("lesion_diameter", form="lesion", validation="number"),
)
EVENTS = {"baseline_arm_1": ("measurements", "lesion"), "year_1_arm_1": ("measurements",)}


@pytest.fixture
def classic():
    with RedcapServer(FIELDS) as server:
        yield server


@pytest.fixture
def longitudinal():
    with RedcapServer(
        FIELDS, EVENTS, frozenset({("baseline_arm_1", "lesion"), ("year_1_arm_1", "")})
    ) as server:
        yield server


def target(server: RedcapServer, **more) -> RedcapTarget:
    return RedcapTarget(server.url, more.pop("token", server.token), **more)


def test_rows_of_one_record_are_one_record(classic: RedcapServer) -> None:
    rows = [Row("P-1", "", "volume", 14.25), Row("P-1", "", "count", 3), Row("P-2", "", "grade", "high")]
    assert import_measurements(rows, target(classic)) == 2
    assert classic.records == {
        ("P-1", "", "", None): {"volume": "14.25", "count": "3"},
        ("P-2", "", "", None): {"grade": "high"},
    }
    assert len(classic.calls) == 1


def test_importing_twice_changes_nothing_and_a_new_value_overwrites(classic: RedcapServer) -> None:
    rows = [Row("P-1", "", "volume", 1.5), Row("P-1", "", "count", 2)]
    import_measurements(rows, target(classic))
    before = dict(classic.records[("P-1", "", "", None)])
    import_measurements(rows, target(classic))
    assert classic.records == {("P-1", "", "", None): before}
    import_measurements([Row("P-1", "", "volume", 2.5)], target(classic))
    assert classic.records[("P-1", "", "", None)] == {"volume": "2.5", "count": "2"}


def test_events_and_repeats_are_keys(longitudinal: RedcapServer) -> None:
    rows = [
        Row("P-1", "baseline_arm_1", "volume", 1),
        Row("P-1", "year_1_arm_1", "volume", 2, "", 1),
        Row("P-1", "year_1_arm_1", "volume", 3, "", 2),
        Row("P-1", "baseline_arm_1", "lesion_diameter", 7.5, "lesion", 1),
        Row("P-1", "baseline_arm_1", "lesion_diameter", 9.5, "lesion", 2),
    ]
    import_measurements(rows, target(longitudinal))
    assert {key[1:]: values for key, values in longitudinal.records.items()} == {
        ("baseline_arm_1", "", None): {"volume": "1"},
        ("year_1_arm_1", "", 1): {"volume": "2"},
        ("year_1_arm_1", "", 2): {"volume": "3"},
        ("baseline_arm_1", "lesion", 1): {"lesion_diameter": "7.5"},
        ("baseline_arm_1", "lesion", 2): {"lesion_diameter": "9.5"},
    }


def test_event_and_instrument_of_the_target_fill_what_a_program_left_out(longitudinal: RedcapServer) -> None:
    rows = [Row("P-1", "", "lesion_diameter", 7.5, "", 1)]
    import_measurements(rows, target(longitudinal, event="baseline_arm_1", repeat_instrument="lesion"))
    assert list(longitudinal.records) == [("P-1", "baseline_arm_1", "lesion", 1)]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_as_redcap_validates_them(value: float) -> None:
    (record,) = flat_records([Row("P-1", "", "volume", value)], RedcapTarget("https://redcap/api/", TOKEN))
    assert float(record["volume"]) == value
    assert not set(record["volume"]) - set("-0123456789.")


def test_yes_and_no_are_one_and_zero() -> None:
    (record,) = flat_records([Row("P-1", "", "found", True)], RedcapTarget("https://redcap/api/", TOKEN))
    assert record["found"] == "1"


def test_ten_thousand_measurements_take_few_calls(classic: RedcapServer) -> None:
    rows = [Row(f"P-{n // 2}", "", ("volume", "count")[n % 2], n) for n in range(10_000)]
    assert import_measurements(rows, target(classic)) == 5_000
    assert len(classic.calls) == 5_000 / BATCH < 10


def test_nothing_to_import_needs_no_redcap() -> None:
    assert import_measurements([], RedcapTarget("https://no-such-host.invalid/api/", TOKEN)) == 0


# Refusals


REFUSED = {
    "unknown field": (Row("P-1", "baseline_arm_1", "nosuch", 1), ("", "", "nosuch")),
    "wrong type": (Row("P-1", "baseline_arm_1", "count", 1.5), ("P-1", "count", "could not be validated")),
    "wrong choice": (
        Row("P-1", "baseline_arm_1", "grade", "middle"),
        ("P-1", "grade", "not a valid category"),
    ),
    "unknown event": (Row("P-1", "nosuch_arm_1", "count", 1), ("", "", "nosuch_arm_1")),
    "missing event": (Row("P-1", "", "count", 1), ("", "", "event names: (blank)")),
    "form not in event": (
        Row("P-1", "year_1_arm_1", "lesion_diameter", 1, "", 1),
        ("P-1", "lesion_diameter", "designated"),
    ),
    "repeating without instance": (
        Row("P-1", "baseline_arm_1", "lesion_diameter", 1),
        ("P-1", "lesion_diameter", "instance"),
    ),
    "not repeating": (
        Row("P-1", "baseline_arm_1", "count", 1, "measurements", 2),
        ("", "", "not a repeating"),
    ),
}


@pytest.mark.parametrize(("row", "fault"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_comes_back_with_record_field_and_reason(row, fault, longitudinal: RedcapServer) -> None:
    good = Row("P-9", "baseline_arm_1", "volume", 1)
    with pytest.raises(RedcapRefused) as refused:
        import_measurements([good, row], target(longitudinal))
    (found,) = refused.value.faults
    assert (found.record, found.field) == fault[:2] and fault[2] in found.message
    assert longitudinal.records == {}


def test_several_bad_values_are_several_faults(classic: RedcapServer) -> None:
    rows = [Row("P-1", "", "count", 1.5), Row("P-2", "", "volume", "much"), Row("P-2", "", "grade", "x")]
    with pytest.raises(RedcapRefused) as refused:
        import_measurements(rows, target(classic))
    assert [(f.record, f.field) for f in refused.value.faults] == [
        ("P-1", "count"),
        ("P-2", "volume"),
        ("P-2", "grade"),
    ]
    assert "much" not in str(refused.value)


def test_a_wrong_token_is_a_refusal_that_does_not_show_it(classic: RedcapServer) -> None:
    wrong = "F" * 32
    with pytest.raises(RedcapRefused, match="permissions") as refused:
        import_measurements([Row("P-1", "", "count", 1)], target(classic, token=wrong))
    assert wrong not in repr(refused.value) + str(refused.value) + repr(refused.value.__cause__)


# Outages


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_fault_is_an_outage(status: int, classic: RedcapServer) -> None:
    classic.down = status
    with pytest.raises(RedcapUnavailable, match=str(status)):
        import_measurements([Row("P-1", "", "count", 1)], target(classic))
    classic.down = None
    assert import_measurements([Row("P-1", "", "count", 1)], target(classic)) == 1


def test_a_page_that_is_not_redcaps_is_an_outage(classic: RedcapServer) -> None:
    classic.down = 200  # a maintenance page with a cheerful status
    with pytest.raises(RedcapUnavailable, match="does not answer as REDCap"):
        import_measurements([Row("P-1", "", "count", 1)], target(classic))


def test_nobody_there_is_an_outage() -> None:
    nobody = RedcapTarget(f"http://127.0.0.1:{free_port()}/api/", TOKEN)
    with pytest.raises(RedcapUnavailable):
        import_measurements([Row("P-1", "", "count", 1)], nobody)


def test_a_redirect_does_not_carry_the_token_away(classic: RedcapServer) -> None:
    with RedcapServer(FIELDS) as other:
        classic.redirect = other.url
        with pytest.raises(RedcapRefused, match="redirects to"):
            import_measurements([Row("P-1", "", "count", 1)], target(classic))
        assert other.calls == []


# Asking


def test_redcap_tells_its_version(classic: RedcapServer) -> None:
    assert ask_version(target(classic)) == "14.5.0"


def test_a_wrong_token_is_told_when_asking(classic: RedcapServer) -> None:
    wrong = "F" * 32
    with pytest.raises(RedcapRefused, match="permissions") as refused:
        ask_version(target(classic, token=wrong))
    assert wrong not in repr(refused.value) + str(refused.value)


@pytest.mark.parametrize(
    ("status", "told"), [(503, "answers 503"), (404, "does not answer as REDCap"), (200, "no version")]
)
def test_a_server_that_is_down_or_no_redcap_is_told_when_asking(
    status: int, told: str, classic: RedcapServer
) -> None:
    classic.down = status
    with pytest.raises(RedcapUnavailable, match=told):
        ask_version(target(classic))


def test_asking_does_not_wait_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api/"
        with pytest.raises(RedcapUnavailable, match="Timeout"):
            ask_version(RedcapTarget(url, TOKEN), timeout_seconds=0.05)


# Targets


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
