"""Timestamps: Juspay's formats in, UTC to the second out."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal

Clock = Callable[[], datetime]
"""Returns the current time as an aware `datetime`."""

SECONDS: Final = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
"""In each unit of time, the longest first."""

_MAX_LENGTH = 40
_FIRST_YEAR = 2000  # earlier dates are zero values that mean never: 0001-01-01, 1970-01-01


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def parse_timestamp(value: object) -> datetime | None:
    """The whole second in UTC; None if `value` isn't a timestamp with an offset, or is before the year 2000.

    Juspay's responses have `2016-08-02T08:07:52+0000`, `2023-09-11T08:29:47Z`, `….985Z`, null and `""`. A time
    without an offset could be in India's time or in UTC, so it isn't read.
    """
    if not isinstance(value, str) or not value.isascii() or len(text := value.strip()) > _MAX_LENGTH:
        return None
    try:
        moment = datetime.fromisoformat(text)
        known = moment.astimezone(UTC).replace(microsecond=0) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
    return known if known and known.year >= _FIRST_YEAR else None


def format_timestamp(moment: datetime, to_the: Literal["seconds", "milliseconds"] = "seconds") -> str:
    """RFC 3339 in UTC, truncated: `2026-11-23T03:44:00Z`, or `2026-11-23T03:44:00.123Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=to_the) + "Z"


def format_minute(moment: datetime) -> str:
    """For sentences, truncated to the minute: `2026-11-23 03:44 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
