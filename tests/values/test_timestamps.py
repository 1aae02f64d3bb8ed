import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.values.timestamps import format_minute, format_timestamp, parse_timestamp, utc_now

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
moments = st.datetimes(timezones=st.timezones() | st.just(UTC), allow_imaginary=False)
# What timestamps are made of, so that chance comes near to them.
near_timestamps = st.text(st.sampled_from("0123456789-:T.Z+ W"), max_size=45)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        pytest.param("2016-08-02T08:07:52+0000", datetime(2016, 8, 2, 8, 7, 52, tzinfo=UTC), id="refresh, older"),
        pytest.param("2023-09-11T08:29:47Z", datetime(2023, 9, 11, 8, 29, 47, tzinfo=UTC), id="refresh, newer"),
        pytest.param("2023-09-11T08:29:46.985Z", datetime(2023, 9, 11, 8, 29, 46, 985_000, tzinfo=UTC), id="parts"),
        pytest.param("2024-05-01T10:00:15.000Z", datetime(2024, 5, 1, 10, 0, 15, tzinfo=UTC), id="refresh of one"),
        pytest.param("2023-09-11T13:59:47+05:30", datetime(2023, 9, 11, 8, 29, 47, tzinfo=UTC), id="India's time"),
        pytest.param(" 2023-09-11T08:29:47Z\n", datetime(2023, 9, 11, 8, 29, 47, tzinfo=UTC), id="blanks around it"),
        pytest.param(
            "2023-09-11T08:29:47Z" + " " * 40, datetime(2023, 9, 11, 8, 29, 47, tzinfo=UTC), id="many blanks"
        ),
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
        pytest.param("yesterday", id="words"),
        pytest.param("2023-09-11", id="a date alone"),
        pytest.param("2023-09-11T08:29:47", id="without its offset"),
        pytest.param("2023-02-30T00:00:00Z", id="a day that never was"),
        pytest.param("\uff12\uff10\uff12\uff13-09-11T08:29:47Z", id="in wide digits"),
        pytest.param("2023-09-11T08:29:47.0000000000000000000000Z", id="longer than any timestamp"),
        pytest.param("0001-01-01T00:00:00Z", id="the zero time of some languages"),
        pytest.param("1970-01-01T00:00:00Z", id="the zero time of others"),
        pytest.param("1970-01-01T05:30:00+05:30", id="the same in India"),
        pytest.param("2000-01-01T05:29:59+05:30", id="a moment before 2000 in UTC"),
        pytest.param("1999-12-31T23:59:59.999Z", id="the last moment before 2000"),
        pytest.param("0001-01-01T00:00:00+01:00", id="before the first year in UTC"),
        pytest.param("9999-12-31T23:59:59-01:00", id="after the last year in UTC"),
        pytest.param(1694420987, id="seconds since 1970"),
        pytest.param(["2023-09-11T08:29:47Z"], id="an array"),
    ],
)
def test_what_is_no_timestamp_with_its_offset_is_no_moment(value: object) -> None:
    assert parse_timestamp(value) is None


@given(near_timestamps | st.text() | st.integers() | st.none())
def test_anything_is_a_moment_in_utc_or_none(value: object) -> None:
    moment = parse_timestamp(value)
    assert moment is None or (moment.tzinfo is UTC and moment.year >= 2000)


@given(moments.filter(lambda moment: 2000 < moment.year < 9999))
def test_a_moment_in_any_zone_is_read_back_as_the_same_moment(moment: datetime) -> None:
    assert parse_timestamp(moment.astimezone(UTC).isoformat()) == moment


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        pytest.param(datetime(2026, 11, 23, 3, 44, tzinfo=UTC), "2026-11-23T03:44:00Z", id="UTC"),
        pytest.param(
            datetime(2026, 11, 23, 9, 14, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "2026-11-23T03:44:00Z",
            id="another zone",
        ),
        pytest.param(datetime(2026, 11, 23, 3, 44, 59, 999_999, tzinfo=UTC), "2026-11-23T03:44:59Z", id="fractions"),
    ],
)
def test_a_moment_is_written_in_utc_to_the_second(moment: datetime, written: str) -> None:
    assert format_timestamp(moment) == written


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)))  # noqa: DTZ001 - the zone is another argument
def test_every_moment_is_written_as_rfc_3339(moment: datetime) -> None:
    written = format_timestamp(moment)
    assert RFC_3339.fullmatch(written)
    assert parse_timestamp(written) == moment.replace(microsecond=0)


def test_a_sentence_has_a_moment_to_the_minute() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    assert format_minute(datetime(2026, 11, 25, 15, 28, 59, tzinfo=india)) == "2026-11-25 09:58 UTC"


def test_the_present_is_in_utc() -> None:
    before, present, after = datetime.now(UTC), utc_now(), datetime.now(UTC)
    assert before <= present <= after
    assert present.tzinfo is UTC
