import re
import traceback
from typing import TypeVar

import pytest

from juspay_mcp.errors import (
    AccessDenied,
    AuditUnwritable,
    AuthenticationFailed,
    CustomerNotFound,
    InternalError,
    InvalidCustomerId,
    NotConfigured,
    RateLimited,
    RequestRejected,
    ServerBusy,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
    WalletsError,
    bugs_as_internal_errors,
)

Error = TypeVar("Error", bound=WalletsError)

TRACE = "6f1c1a52-7f7e-4b55-9d1f-3a1e5b0c9d4e"
# Every leaf, with a request id where one can be had, and the whole of what a person gets.
ERRORS: list[tuple[WalletsError, str]] = [
    (
        InvalidCustomerId(),
        (
            "The call was rejected and no request was sent to Juspay. Pass exactly one argument, customer_id: 1 to "
            "128 printable ASCII characters, without spaces, without any of \\ ? # %, and with no path segment that "
            "is empty, '.' or '..'. Try again with the id as Juspay or the merchant wrote it. [invalid_customer_id]"
        ),
    ),
    (
        InvalidCustomerId(number=True),
        (
            "The call was rejected and no request was sent to Juspay: customer_id was a number. Try again with the "
            "same digits as a string, in quotes. [invalid_customer_id]"
        ),
    ),
    (
        NotConfigured(("JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE)", "JUSPAY_MERCHANT_ID")),
        (
            "This server has no Juspay credentials, so no request was sent. Set JUSPAY_API_KEY (or "
            "JUSPAY_API_KEY_FILE) and JUSPAY_MERCHANT_ID in this server's env block in the MCP host's settings "
            "(hosts don't pass on a shell's variables) and restart it; retrying won't help until then. "
            "[not_configured]"
        ),
    ),
    (
        NotConfigured(("JUSPAY_MERCHANT_ID",)),
        (
            "This server has no Juspay credentials, so no request was sent. Set JUSPAY_MERCHANT_ID in this "
            "server's env block in the MCP host's settings (hosts don't pass on a shell's variables) and restart it; "
            "retrying won't help until then. [not_configured]"
        ),
    ),
    (
        CustomerNotFound("production", TRACE),
        (
            "Juspay knows no customer with this id in its production environment. Check the id; retrying with "
            f"the same one won't help. Juspay's request id: {TRACE}. [customer_not_found]"
        ),
    ),
    (
        AuthenticationFailed("sandbox", TRACE),
        (
            "Juspay rejected this server's credentials in its sandbox environment. Check JUSPAY_API_KEY, "
            "JUSPAY_MERCHANT_ID and JUSPAY_ENV; retrying won't help until they are corrected. Juspay's request id: "
            f"{TRACE}. [authentication_failed]"
        ),
    ),
    (
        AccessDenied(TRACE),
        (
            "Juspay denied access (HTTP 403), usually because this server's IP address isn't on the merchant's "
            "allow-list. Add the address in Juspay's dashboard; retrying won't help until then. Juspay's request "
            f"id: {TRACE}. [access_denied]"
        ),
    ),
    (
        RequestRejected(422, TRACE),
        (
            "Juspay rejected the request (HTTP 422). Check JUSPAY_MERCHANT_ID, JUSPAY_BASE_URL and "
            f"JUSPAY_API_VERSION; retrying unchanged won't help. Juspay's request id: {TRACE}. [request_rejected]"
        ),
    ),
    (
        UpstreamRateLimited(60, TRACE),
        (
            "Juspay is limiting this merchant's requests (HTTP 429). Try again in 60 seconds. Juspay's request id: "
            f"{TRACE}. [rate_limited]"
        ),
    ),
    (
        RateLimited(1),
        "Too many calls to this server, so no request was sent to Juspay. Try again in 1 second. [rate_limited]",
    ),
    (
        RateLimited(3600),
        "Too many calls to this server, so no request was sent to Juspay. Try again in 3600 seconds. [rate_limited]",
    ),
    (
        ServerBusy(13),
        (
            "This server is busy: all its connections to Juspay are in use, so no request was sent. "
            "Try again in 13 seconds. [rate_limited]"
        ),
    ),
    (
        UpstreamUnavailable("the connection was refused", TRACE, transient=True),
        (
            "Juspay is unavailable: the connection was refused. Try again in a few minutes. Juspay's request id: "
            f"{TRACE}. [upstream_unavailable]"
        ),
    ),
    (
        UpstreamTimeout(25.0),
        (
            "Juspay did not answer within 25 seconds, as happens when a wallet provider is slow. Try again in a few "
            "minutes. [upstream_timeout]"
        ),
    ),
    (
        UpstreamTimeout(1.5),
        (
            "Juspay did not answer within 1.5 seconds, as happens when a wallet provider is slow. Try again in a "
            "few minutes. [upstream_timeout]"
        ),
    ),
    (
        UpstreamInvalid("it is not JSON", TRACE),
        (
            "Juspay's response can't be used: it is not JSON. Retrying won't help; report it to the people who run "
            f"this server. Juspay's request id: {TRACE}. [upstream_invalid]"
        ),
    ),
    (
        AuditUnwritable(),
        (
            "This server couldn't write to its audit log, and it gives no answer without a line there. Try again in "
            "a few minutes; the server's log has the reason. [audit_unwritable]"
        ),
    ),
    (
        InternalError(),
        (
            "This server failed because of a bug of its own, not because of the customer or Juspay. Report it with "
            "the time of the call; the server's log has the details. [internal_error]"
        ),
    ),
]
each_error = pytest.mark.parametrize(
    ("error", "text"), ERRORS, ids=[f"{type(error).__name__} {number}" for number, (error, _) in enumerate(ERRORS)]
)


def leaves(root: type[Error]) -> set[type[Error]]:
    children = root.__subclasses__()
    return {leaf for child in children for leaf in leaves(child)} if children else {root}


@each_error
def test_an_error_says_what_happened_what_to_do_and_its_code(error: WalletsError, text: str) -> None:
    assert str(error) == text


@each_error
def test_an_error_is_one_to_three_sentences_and_its_code_in_brackets(error: WalletsError, text: str) -> None:
    sentences = re.fullmatch(r"(.+\.) \[([a-z_]+)\]", text)
    assert sentences is not None
    assert 1 <= len(re.findall(r"\.(?: (?=[A-Z])|$)", sentences[1])) <= 3
    assert sentences[2] == error.code


def test_every_leaf_of_the_tree_is_tested_here() -> None:
    assert {type(error) for error, _ in ERRORS} == leaves(WalletsError)


def test_each_leaf_has_its_code_the_exit_status_of_a_command_and_whether_stored_balances_may_help() -> None:
    known = {
        (
            leaf.__name__,
            leaf.code,
            leaf.exit_status,
            leaf.fall_back_to_stored if issubclass(leaf, UpstreamError) else None,
        )
        for leaf in leaves(WalletsError)
    }
    assert known == {
        ("InvalidCustomerId", "invalid_customer_id", 64, None),
        ("NotConfigured", "not_configured", 78, None),
        ("CustomerNotFound", "customer_not_found", 69, False),
        ("AuthenticationFailed", "authentication_failed", 77, False),
        ("AccessDenied", "access_denied", 77, False),
        ("RequestRejected", "request_rejected", 69, False),
        ("UpstreamRateLimited", "rate_limited", 69, True),
        ("RateLimited", "rate_limited", 69, None),
        ("ServerBusy", "rate_limited", 69, None),
        ("UpstreamUnavailable", "upstream_unavailable", 69, True),
        ("UpstreamTimeout", "upstream_timeout", 69, True),
        ("UpstreamInvalid", "upstream_invalid", 69, True),
        ("AuditUnwritable", "audit_unwritable", 69, None),
        ("InternalError", "internal_error", 70, None),
    }


def test_an_error_without_a_request_id_says_nothing_of_one() -> None:
    assert [error.request_id for error in (InternalError(), AccessDenied(), UpstreamTimeout(25))] == [None] * 3
    assert "request id" not in f"{InternalError()} {AccessDenied()} {UpstreamTimeout(25)}"


def through_the_boundary(error: Exception) -> Exception:
    with pytest.raises(WalletsError) as caught, bugs_as_internal_errors():
        raise error
    return caught.value


def test_a_bug_leaves_as_an_internal_error_without_its_words_or_its_trace() -> None:
    error = through_the_boundary(ValueError("9812345678"))
    assert isinstance(error, InternalError)
    assert (error.__cause__, error.__suppress_context__) == (None, True)
    assert "9812345678" not in "".join(traceback.format_exception(error))


def test_an_expected_error_passes_the_boundary_unchanged() -> None:
    expected = UpstreamTimeout(25)
    assert through_the_boundary(expected) is expected
