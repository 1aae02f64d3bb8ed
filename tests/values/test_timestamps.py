import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.values.timestamps import format_minute, format_timestamp, parse_timestamp, utc_now

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# The characters of timestamps.
near_timestamps = st.text(st.sampled_from("0123456789-:T.Z+ W"), max_size=45)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        pytest.param("2016-08-02T08:07:52+0000", datetime(2016, 8, 2, 8, 7, 52, tzinfo=UTC), id="refresh, older"),
        pytest.param("2023-09-11T08:29:47Z", datetime(2023, 9, 11, 8, 29, 47, tzinfo=UTC), id="refresh, newer"),
        pytest.param("2023-09-11T08:29:46.985Z", datetime(2023, 9, 11, 8, 29, 46, tzinfo=UTC), id="parts"),
        pytest.param("2023-09-11T13:59:47+05:30", datetime(2023, 9, 11, 8, 29, 47, tzinfo=UTC), id="India's time"),
        pytest.param(" 2023-09-11T08:29:47Z\n", datetime(2023, 9, 11, 8, 29, 47, tzinfo=UTC), id="blanks around it"),
        pytest.param("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC), id="the first moment that counts"),
    ],
)
def test_each_of_juspay_s_forms_is_read_as_utc(value: str, moment: datetime) -> None:
    parsed = parse_timestamp(value)
    assert (parsed, parsed and parsed.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="null"),
        pytest.param("", id="empty"),
        pytest.param("2023-09-11T08:29:47", id="without its offset"),
        pytest.param("2023-02-30T00:00:00Z", id="a day that never was"),
        pytest.param("2023-09-11T08:29:47.0000000000000000000000Z", id="longer than any timestamp"),
        pytest.param("0001-01-01T00:00:00Z", id="the zero time of some languages"),
        pytest.param("2000-01-01T05:29:59+05:30", id="a moment before 2000 in UTC"),
        pytest.param("0001-01-01T00:00:00+01:00", id="before the first year in UTC"),
        pytest.param("9999-12-31T23:59:59-01:00", id="after the last year in UTC"),
        pytest.param(1694420987, id="seconds since 1970"),
    ],
)
def test_anything_but_a_timestamp_with_an_offset_is_unknown(value: object) -> None:
    assert parse_timestamp(value) is None


@given(near_timestamps | st.text() | st.integers() | st.none())
def test_any_value_is_a_time_in_utc_or_none(value: object) -> None:
    moment = parse_timestamp(value)
    assert moment is None or (moment.tzinfo is UTC and moment.year >= 2000 and moment.microsecond == 0)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        pytest.param(datetime(2026, 11, 23, 3, 44, tzinfo=UTC), "2026-11-23T03:44:00Z", id="UTC"),
        pytest.param(datetime(2026, 11, 23, 3, 44, 59, 999_999, tzinfo=UTC), "2026-11-23T03:44:59Z", id="fractions"),
    ],
)
def test_a_time_is_written_in_utc_to_the_second(moment: datetime, written: str) -> None:
    assert format_timestamp(moment) == written


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)))  # noqa: DTZ001 - the zone is another argument
def test_every_time_is_written_as_rfc_3339(moment: datetime) -> None:
    written = format_timestamp(moment)
    assert RFC_3339.fullmatch(written)
    assert parse_timestamp(written) == moment.replace(microsecond=0)


def test_a_sentence_has_a_time_to_the_minute() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    assert format_minute(datetime(2026, 11, 25, 15, 28, 59, tzinfo=india)) == "2026-11-25 09:58 UTC"


def test_the_current_time_is_in_utc() -> None:
    before, present, after = datetime.now(UTC), utc_now(), datetime.now(UTC)
    assert before <= present <= after
    assert present.tzinfo is UTC
