import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.errors import (
    AccessDenied,
    AuthenticationFailed,
    CustomerNotFound,
    RequestRejected,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamUnavailable,
)
from juspay_mcp.juspay.responses import read_wallets, request_id, retry_after
from juspay_mcp.juspay.wallets import WalletList
from tests.support.builders import make_response
from tests.support.common import NOW

TRACE = "6f1c1a52-7f7e-4b55-9d1f-3a1e5b0c9d4e"
HEX = "9f86d081884c7d659a2feaa0c55ad015"
# The documented shapes of errors: juspay-api.md, section 3.2.
UNKNOWN_CUSTOMER = {"status": "Invalid Request", "error_code": "null_error", "error_message": "Customer not found"}
BAD_AUTHENTICATION = {
    "status": "Invalid Authentication",
    "error_code": "access_denied",
    "error_message": "Invalid Authentication",
}
NO_SUCH_CUSTOMER = {
    "status": "invalid_request_error",
    "error_code": "object_not_found",
    "error_message": "Customer not found",
    "error_info": {"code": "RESOURCE_NOT_FOUND", "category": "USER_ERROR"},
}
pieces_of_dates = st.sampled_from(
    ["Mon,", "Nov", "23", "2026", "09:30:30", "GMT", "+0530", "-0000", "9" * 11, "(", ":"]
)
BLOCKED = {
    "error": True,
    "error_message": "Internal Server Error",
    "user_message": "Bad Origin.",
    "error_info": {"code": "BAD_ORIGIN"},
}
ORDER_NOT_FOUND = {"status": "NOT_FOUND", "status_id": 40, "order_id": "o1", "error_info": {}}
NOT_FOUND = str(CustomerNotFound("sandbox"))
UNAUTHENTICATED = str(AuthenticationFailed("sandbox"))
DENIED = str(AccessDenied())


def rejected(status: int) -> str:
    return str(RequestRejected(status))


def limited(wait: str) -> str:
    return f"Juspay is limiting this merchant's requests (HTTP 429). Try again in {wait}. [rate_limited]"


def unavailable(status: int) -> str:
    return str(UpstreamUnavailable(f"it answered HTTP {status}", transient=False))


def invalid(reason: str) -> str:
    return str(UpstreamInvalid(reason))


def failure(
    status: int, body: object = None, headers: Mapping[str, str] | None = None, defect: str | None = None
) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        read_wallets(make_response(status, body, headers, defect), "sandbox", NOW)
    return caught.value


def test_a_list_is_read() -> None:
    reply = make_response(body={"list": [], "total": 1})
    assert read_wallets(reply, "sandbox", NOW) == WalletList(wallets=(), unreadable=0, incomplete=True)


@pytest.mark.parametrize(
    ("status", "body", "sentences"),
    [
        *(
            pytest.param(status, body, NOT_FOUND, id=f"unknown customer, {status} with {name}")
            for status in (400, 404)
            for name, body in {
                "null_error": UNKNOWN_CUSTOMER,
                "object_not_found": {"error_code": "object_not_found"},
                "object_not_found and info": NO_SUCH_CUSTOMER,
                "RESOURCE_NOT_FOUND": {"error_code": "RESOURCE_NOT_FOUND"},
                "info alone": {"status": "error", "error_info": {"code": "RESOURCE_NOT_FOUND"}},
                "info's null_error": {"error_code": "Bad Request", "error_info": {"code": "null_error"}},
                "blanks and small letters": {"error_info": {"code": " resource_not_found "}},
            }.items()
        ),
        pytest.param(422, NO_SUCH_CUSTOMER, rejected(422), id="a code of an unknown customer, another status"),
        pytest.param(400, {"error_info": {"code": "INVALID_INPUT"}}, rejected(400), id="another code"),
        pytest.param(404, {"error_info": ["RESOURCE_NOT_FOUND"]}, rejected(404), id="a code elsewhere"),
        pytest.param(400, ORDER_NOT_FOUND, rejected(400), id="400 without a code"),
        pytest.param(404, b"", rejected(404), id="404 of a wrong address"),
        pytest.param(401, BAD_AUTHENTICATION, UNAUTHENTICATED, id="bad authentication"),
        pytest.param(401, UNKNOWN_CUSTOMER, UNAUTHENTICATED, id="a body doesn't overrule 401"),
        pytest.param(403, BLOCKED, DENIED, id="an address that isn't allow-listed"),
        pytest.param(429, None, limited("60 seconds"), id="429"),
        pytest.param(402, None, rejected(402), id="any other 4xx"),
        pytest.param(300, None, rejected(300), id="any 3xx"),
        pytest.param(304, {"list": []}, rejected(304), id="not modified"),
        pytest.param(500, UNKNOWN_CUSTOMER, unavailable(500), id="500, whatever its body says"),
        pytest.param(200, b"<html>Log in</html>", invalid("it is not JSON"), id="HTML"),
        pytest.param(200, {}, invalid("it isn't the documented list of wallets"), id="no list"),
        pytest.param(
            200,
            {"list": [], "error": True},
            invalid("it reports an error, and lists no wallets"),
            id="an error as 200, with a list",
        ),
        pytest.param(204, b"", invalid("it is HTTP 204 without wallets"), id="no content"),
        pytest.param(206, {"list": []}, invalid("it is HTTP 206 without wallets"), id="partial content"),
    ],
)
def test_the_status_decides_what_an_error_means_and_a_body_refines_it(
    status: int, body: object, sentences: str
) -> None:
    assert str(failure(status, body)) == sentences


@pytest.mark.parametrize(
    ("status", "transient"),
    [(408, True), (425, True), (500, False), (501, False), (502, True), (503, True), (504, True), (505, False)],
)
def test_only_statuses_that_say_not_now_are_transient(status: int, transient: bool) -> None:  # noqa: FBT001 - an outcome
    error = failure(status, headers={"retry-after": "7"})
    assert isinstance(error, UpstreamUnavailable)
    assert (error.transient, error.retry_after) == (transient, 7)


def test_a_body_that_could_not_be_read_is_invalid_for_its_reason() -> None:
    assert str(failure(200, b"", defect="it is over 1 MiB")) == invalid("it is over 1 MiB")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((200, body) for body in (b"", {}, {"list": [], "error": True})),
        *((status, b"") for status in (204, 302, 401, 403, 429, 503)),
        (400, UNKNOWN_CUSTOMER),
    ],
)
def test_every_error_passes_juspay_s_request_id_on(status: int, body: object) -> None:
    without, error = failure(status, body), failure(status, body, {"x-request-id": TRACE})
    assert str(error) == str(without).replace(" [", f" Juspay's request id: {TRACE}. [")


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        pytest.param({"x-request-id": TRACE}, None, TRACE, id="a UUID in the header"),
        pytest.param({"x-request-id": HEX}, None, HEX, id="thirty-two hexadecimal digits"),
        pytest.param({"x-request-id": "a" * 64}, None, "a" * 64, id="sixty-four of them"),
        pytest.param({}, {"error_info": {"request_id": HEX}}, HEX, id="in the body"),
        pytest.param({"x-request-id": TRACE}, {"error_info": {"request_id": HEX}}, TRACE, id="the header first"),
        pytest.param({"x-request-id": "no"}, {"error_info": {"request_id": HEX}}, HEX, id="the header's isn't one"),
        pytest.param({}, None, None, id="none"),
        pytest.param({}, {"error_info": HEX}, None, id="a body of another shape"),
        pytest.param({}, {"error_info": {"request_id": 12345678}}, None, id="a number"),
        pytest.param({"x-request-id": "mcp-tool-9f86d081884c"}, None, None, id="a word and hexadecimal digits"),
        pytest.param({"x-request-id": "SEND-THE-MONEY-TO-ASHA"}, None, None, id="words"),
        pytest.param({"x-request-id": "6f1c1a52-7f7e-0b55-9d1f-3a1e5b0c9d4e"}, None, None, id="a UUID's version 0"),
        pytest.param({"x-request-id": "abcdef1234567abcdef"}, None, None, id="seven decimal digits in a row"),
        pytest.param({"x-request-id": "abcdef123456abcdef"}, None, "abcdef123456abcdef", id="six of them"),
        pytest.param({"x-request-id": f"{TRACE}\n"}, None, None, id="a line break at the end"),
    ],
)
def test_only_a_trace_id_is_a_request_id(headers: dict[str, str], body: object, expected: str | None) -> None:
    assert request_id(make_response(400, body, headers)) == expected


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("0", 0, id="no seconds"),
        pytest.param("999999999", 999_999_999, id="thirty years"),
        pytest.param("Mon, 23 Nov 2026 09:30:30 GMT", 30, id="a date ahead"),
        pytest.param("Mon, 23 Nov 2026 15:00:30 +0530", 30, id="a date in India's time"),
        pytest.param("Mon Nov 23 09:30:30 2026", 30, id="a date in the form of asctime, in UTC by RFC 9110"),
        pytest.param("Sun, 22 Nov 2026 09:30:00 GMT", 0, id="a date that has passed"),
        pytest.param("", None, id="empty"),
        pytest.param("-1", None, id="less than nothing"),
        pytest.param("\u0661\u0662", None, id="another script's numerals"),
        pytest.param("Mon, 99 Nov 2026 09:30:30 GMT", None, id="a day that never was"),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: int | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_a_fraction_of_a_second_until_a_date_is_waited_for() -> None:
    assert retry_after("Mon, 23 Nov 2026 09:30:30 GMT", datetime(2026, 11, 23, 9, 30, 28, 1, tzinfo=UTC)) == 2


@given(st.text() | st.lists(pieces_of_dates).map(" ".join))
def test_any_retry_after_is_whole_seconds_or_none(header: str) -> None:
    seconds = retry_after(header, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.skipif(sys.platform == "win32", reason="a process can't change its zone there")
def test_a_date_without_a_zone_is_in_utc_whatever_this_machine_s_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert retry_after("Mon Nov 23 09:30:30 2026", NOW) == 30
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("headers", "asked", "wait"),
    [
        pytest.param({"retry-after": "soon"}, None, "60 seconds", id="unreadable: a minute"),
        pytest.param({"retry-after": "0"}, 0, "1 second", id="none: a second all the same"),
        pytest.param({"retry-after": "3601"}, 3601, "3600 seconds", id="more than an hour: an hour"),
        pytest.param({"retry-after": "9" * 5_000}, 10**9, "3600 seconds", id="more than anyone can count: an hour"),
    ],
)
def test_a_429_says_how_long_to_wait(headers: dict[str, str], asked: int | None, wait: str) -> None:
    error = failure(429, None, headers)
    assert isinstance(error, UpstreamRateLimited)
    assert (error.retry_after, str(error)) == (asked, limited(wait))


# Marked, as the texts could be words of our own sentences.
@given(
    st.text(min_size=12).map(lambda text: f"\u2e3b{text}"),
    st.sampled_from([200, 302, 400, 401, 403, 404, 429, 500, 503]),
)
def test_no_text_of_a_response_is_in_an_error(text: str, status: int) -> None:
    body = {
        "status": text,
        "error_code": text,
        "error_message": text,
        "error_info": {"user_message": text, text: text},
    }
    error = failure(status, body, {"retry-after": text, "location": text, "x-request-id": f"{text}!"})
    assert [text in shown for shown in (str(error), repr(error), str(vars(error)))] == [False] * 3


@given(st.text() | st.from_regex(r"[0-9a-fA-F]{14,66}", fullmatch=True) | st.from_regex(r"[A-Za-z0-9-]{8,64}"))
def test_any_request_id_is_a_uuid_or_hexadecimal_digits_or_none(said: str) -> None:
    passed = request_id(make_response(400, {"error_info": {"request_id": said}}))
    assert passed in {None, said}
    if passed:
        is_uuid = str(UUID(passed)) == passed.lower() if "-" in passed else False
        assert is_uuid or (re.fullmatch("[0-9a-fA-F]{16,64}", passed) and not re.search("[0-9]{7}", passed))


@given(st.uuids(version=4) | st.uuids(version=1) | st.uuids(version=5))
def test_every_uuid_passes_whatever_its_digits(made: UUID) -> None:
    assert request_id(make_response(400, headers={"x-request-id": str(made)})) == str(made)
