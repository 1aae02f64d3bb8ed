"""The stand-in for Juspay, asked over HTTP by the standard library alone."""

import json
import re
import shlex
import socket
import struct
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, RemoteDisconnected
from threading import Event, Thread
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import pytest
from typing_extensions import override

from juspay_mcp.simulator.api import API_KEY, CUSTOMERS, FAILING_CUSTOMERS, MAX_RECORDED, MERCHANT_ID
from juspay_mcp.simulator.customers import DEMO_CUSTOMERS
from juspay_mcp.simulator.http import Request
from tests.support.simulator import Behaviour, Simulator

NOW = datetime(2026, 3, 1, 12, 0, 5, 250_000, tzinfo=UTC)
SAMPLE = "cth_with_parts"
DOCUMENTED = "cth_eN4e4kR12CJV"
BASIC = f"Basic {b64encode(f'{API_KEY}:'.encode()).decode()}"
TOKEN = re.compile(r"(tkn|tk|tok)_[0-9a-f]{32} ?")
DOWN = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"


class Answer(NamedTuple):
    """A reply, read to its end, with header names in lower case."""

    status: int
    body: str
    headers: Mapping[str, str]

    @property
    def json(self) -> object:
        """Tokens as `<token>`, and numbers as `#` and their digits, so that 1.50 isn't 1.5."""
        return json.loads(TOKEN.sub("<token>", self.body), parse_int="#{}".format, parse_float="#{}".format)


class Held:
    """A `sleep` that lasts until it is let go, and says when it began."""

    def __init__(self) -> None:
        self.begun = Event()
        self.over = Event()

    def __call__(self, _: float) -> None:
        """Wait, five seconds at most."""
        self.begun.set()
        self.over.wait(5)


def path(customer: str, *, stored: bool = False) -> str:
    return f"/customers/{quote(customer, safe='')}/wallets" + ("" if stored else "/refresh-balances")


def documented(customer: str, **changed: str | None) -> dict[str, str]:
    """The headers that the documentation demands, changed or left out (None); `_` stands for `-`."""
    headers = {
        "authorization": BASIC,
        "version": "2023-06-30",
        "x-merchantid": MERCHANT_ID,
        "x-routing-id": customer,
        "content-type": "application/x-www-form-urlencoded",
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in headers.items() if value is not None}


def connect(simulator: Simulator) -> HTTPConnection:
    return HTTPConnection(simulator.host, simulator.port, timeout=5)


def send(connection: HTTPConnection, method: str, target: str, headers: Mapping[str, str]) -> Answer:
    connection.request(method, target, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    return Answer(response.status, body, {name.lower(): value for name, value in response.getheaders()})


def ask(simulator: Simulator, customer: str = SAMPLE, *, stored: bool = False, **changed: str | None) -> Answer:
    with closing(connect(simulator)) as connection:
        return send(connection, "GET", path(customer, stored=stored), documented(customer, **changed))


def figures(answer: Answer) -> list[tuple[object, ...]]:
    """Of each wallet: provider, linked, balance, time."""
    listing = answer.json
    assert isinstance(listing, dict)
    keys = ("wallet", "linked", "current_balance", "last_refreshed")
    return [tuple(wallet.get(key, "absent") for key in keys) for wallet in listing["list"]]


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 2
    while not condition() and time.monotonic() < end:
        pass
    return condition()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(now=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    """One for all tests that leave nothing behind in it but requests."""
    with Simulator(now=lambda: NOW) as simulator:
        yield simulator


def made_up_id(place: int) -> str:
    return f"wlm_{uuid5(NAMESPACE_URL, f'{SAMPLE}/{place}').hex[:16]}"


def sample(balances: tuple[str, str, str], first: str, second: str, millis: str) -> dict[str, object]:
    mobikwik, paytm, postpaid = balances
    mobikwik_part = {
        "payment_method": "MOBIKWIK",
        "payment_method_type": "WALLET",
        "last_refreshed": first,
        "current_balance": mobikwik,
    }
    postpaid_part = {
        "payment_method": "PAYTM_POSTPAID",
        "payment_method_type": "WALLET",
        "last_refreshed": millis,
        "current_balance": postpaid,
    }
    paytm_part = {
        "payment_method": "PAYTM",
        "payment_method_type": "WALLET",
        "last_refreshed": second,
        "current_balance": paytm,
    }
    return {
        "list": [
            {
                "wallet": "MOBIKWIK",
                "token": "<token>",
                "last_refreshed": first,
                "juspay_bank_code": "JP_MOBIKWIK",
                "object": "wallet_account",
                "metadata": {"mobile_number": "9999999999"},
                "id": made_up_id(0),
                "current_balance": mobikwik,
                "gateway_reference_id": None,
                "sub_details": [mobikwik_part],
                "linked": True,
            },
            {
                "wallet": "PAYTM",
                "token": "<token>",
                "last_refreshed": second,
                "juspay_bank_code": "JP_PAYTM",
                "object": "wallet_account",
                "metadata": {"device_id": "device4711", "mobile_number": "9999999999"},
                "id": made_up_id(1),
                "current_balance": paytm,
                "gateway_reference_id": None,
                "sub_details": [postpaid_part, paytm_part],
                "linked": True,
            },
        ],
        "offset": "#0",
        "count": "#2",
        "total": "#2",
        "object": "list",
    }


# The page that this project is built from, https://docs.juspay.io/paytm-gateway-configuration/docs/express-checkout/
# refresh-all-wallets: its curl and its replies as printed.
DOCUMENTED_CURL = """\
curl --location --request GET 'https://api.juspay.in/customers/cth_eN4e4kR12CJV/wallets/refresh-balances' \\
--header 'Content-Type: application/x-www-form-urlencoded' \\
--header 'version: 2023-06-30' \\
--header 'Authorization: Basic NTlEQ****QzE1Og=='
"""
DOCUMENTED_REPLY = """\
{
  "list": [
    {
      "wallet": "PAYTM",
      "token": "tk_04ec****cff6f4095a",
      "last_refreshed": "2022-02-17T06:58:08Z",
      "juspay_bank_code": "JP_PAYTM",
      "object": "wallet_account",
      "metadata": {
        "mobile_number": "77****78"
      },
      "id": "wlt_x1****K6am",
      "current_balance": 109.55,
      "gateway_reference_id": null,
      "linked": true
    }
  ],
  "offset": 0,
  "count": 1,
  "total": 1,
  "object": "list"
}
"""


def send_the_curl(simulator: Simulator, key: str = BASIC, customer: str = DOCUMENTED) -> Answer:
    """The documented curl's own request, with the simulator's address and a key in it."""
    words = shlex.split(DOCUMENTED_CURL.replace("\\\n", "").replace(DOCUMENTED, customer))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "--header")
    assert headers.keys() == {"Content-Type", "version", "Authorization"}
    [url] = [word for word in words if word.startswith("https://api.juspay.in/")]
    with closing(connect(simulator)) as connection:
        target = url.removeprefix("https://api.juspay.in")
        return send(connection, words[words.index("--request") + 1], target, headers | {"Authorization": key})


def test_the_documented_curl_gets_the_documented_reply_value_for_value_but_for_its_date(shared: Simulator) -> None:
    printed = json.loads(DOCUMENTED_REPLY.replace("2022-02-17T06:58:08Z", "2026-03-01T12:00:05Z"), parse_float=str)
    answered = send_the_curl(shared)
    assert (answered.status, json.loads(answered.body, parse_float=str)) == (200, printed)


def test_the_documented_curl_gets_the_documented_errors(shared: Simulator) -> None:
    unknown, refused = (
        send_the_curl(shared, customer="cth_nobody"),
        send_the_curl(shared, key="Basic NTlEQ****QzE1Og=="),
    )
    assert (unknown.status, unknown.json) == (400, UNKNOWN)
    assert (refused.status, refused.json) == (401, OLD_401)


def test_the_documented_sample_s_stored_balance_is_another(shared: Simulator) -> None:
    assert figures(ask(shared, DOCUMENTED, stored=True)) == [("PAYTM", True, "#119.55", "2026-03-01T10:00:05Z")]


def test_the_sample_with_parts_is_answered_dated_now(shared: Simulator) -> None:
    expected = sample(
        ("#100", "#95", "#22222"),
        first="2026-03-01T12:00:05Z",
        second="2026-03-01T12:00:04Z",
        millis="2026-03-01T12:00:04.985Z",
    )
    assert ask(shared).json == expected


def test_the_list_answers_the_same_wallets_as_they_were_two_hours_ago(shared: Simulator) -> None:
    expected = sample(
        ("#110", "#105", "#22232"),
        first="2026-03-01T10:00:05Z",
        second="2026-03-01T10:00:05Z",
        millis="2026-03-01T10:00:05.985Z",
    )
    assert ask(shared, stored=True).json == expected


def test_the_older_form_has_neither_metadata_nor_bank_code(shared: Simulator) -> None:
    answer = ask(shared, "cth_all_linked")

    def wallet(code: str, wallet_id: str, balance: str) -> dict[str, object]:
        return {
            "id": wallet_id,
            "wallet": code,
            "token": "<token>",
            "last_refreshed": "2026-03-01T12:00:05+0000",
            "object": "wallet_account",
            "current_balance": balance,
            "linked": True,
        }

    assert answer.json == {
        "list": [
            wallet("PAYTM", "wlt_q7paytm2zk4xw9ab", "#1250.50"),
            wallet("MOBIKWIK", "wlt_q7mobik8dm1yv3cd", "#89.99"),
            wallet("PHONEPE", "wlt_q7phone5hs6uu7ef", "#430"),
        ],
        "offset": "#0",
        "count": "#3",
        "total": "#3",
        "object": "list",
    }


def test_versions_before_september_2019_lack_metadata_and_gateway_reference(shared: Simulator) -> None:
    newer = ask(shared, "cth_paypal", version="2019-09-17").json
    older = ask(shared, "cth_paypal", version="2019-09-16").json
    expected = {
        "id": "wlm_bb928a994a475a04",
        "wallet": "PAYPAL",
        "token": "<token>",
        "last_refreshed": "2026-03-01T12:00:05Z",
        "juspay_bank_code": "JP_PAYPAL",
        "object": "wallet_account",
        "current_balance": "#109.55",
        "linked": True,
    }
    envelope = {"offset": "#0", "count": "#1", "total": "#1", "object": "list"}
    more = {"metadata": {"mobile_number": "77****78"}, "gateway_reference_id": None}
    assert older == {"list": [expected], **envelope}
    assert newer == {"list": [expected | more], **envelope}


def test_a_customer_without_wallets_gets_an_empty_list(shared: Simulator) -> None:
    expected = {"list": [], "offset": "#0", "count": "#0", "total": "#0", "object": "list"}
    assert ask(shared, "cth_no_wallets").json == expected


def test_a_delinked_wallet_keeps_empty_parts(shared: Simulator) -> None:
    part = {
        "payment_method": "PAYTM",
        "payment_method_type": "WALLET",
        "last_refreshed": None,
        "current_balance": None,
    }
    wallet = {
        "id": "wlm_346fea1571535ecd",
        "wallet": "PAYTM",
        "token": None,
        "last_refreshed": None,
        "object": "wallet_account",
        "current_balance": None,
        "linked": False,
        "sub_details": [part],
    }
    expected = {"list": [wallet], "offset": "#0", "count": "#1", "total": "#1", "object": "list"}
    assert ask(shared, "cth_delinked").json == expected
    assert ask(shared, "cth_delinked", stored=True).json == expected


FRESH = "2026-03-01T12:00:05Z"
NONE = (False, None, None)


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        (
            "cth_stale",
            [("PAYTM", True, "#310.25", FRESH), ("FREECHARGE", True, "#75.00", "2026-02-26T12:00:05Z")],
        ),
        ("cth_unlinked", [("MOBIKWIK", *NONE), ("FREECHARGE", *NONE)]),
        (
            "cth_pay_later",
            [
                ("SIMPL", True, "#10000", None),
                ("LAZYPAY", True, "#7500.00", FRESH),
                ("PAYTM", True, "#640.75", FRESH),
            ],
        ),
        ("cth_no_answer", [("PAYTM", True, "#520.00", FRESH), ("PHONEPE", True, None, None)]),
        ("cth_two_of_one", [("FREECHARGE", True, "#200.00", FRESH), ("FREECHARGE", True, "#45.10", FRESH)]),
        ("cth_just_linked", [("LAZYPAY", True, None, None)]),
        ("cth_linked_text", [("MOBIKWIK", "true", "#250", FRESH), ("PAYTM", "false", None, None)]),
        ("cth_parts_differ", [("AMAZONPAY", True, "#0", FRESH)]),
        (
            "cth_four_unlinked",
            [("FREECHARGE", *NONE), ("FREECHARGE", *NONE), ("MOBIKWIK", *NONE), ("MOBIKWIK", *NONE)],
        ),
        ("cth_blank_fields", [("PAYPAL", True, "", ""), ("AMAZONPAY", False, "#0", "")]),
        ("cth_new_provider", [("KIRANAPAY_V2", True, "#12.34", FRESH)]),
        (
            "cth_odd_balances",
            [
                ("PAYTM", True, "#1000.50", FRESH),
                ("MOBIKWIK", True, "#-25.5", FRESH),
                ("FREECHARGE", True, "#0.00000125", FRESH),
                ("AMAZONPAY", True, "#123456789012345678.12", FRESH),
                ("PHONEPE", True, "#0.1000", FRESH),
                ("PAYZAPP", True, "#1.5e3", FRESH),
                ("OXIGEN", True, "#-0.0", FRESH),
            ],
        ),
        (
            "cth_absurd_balances",
            [
                ("PAYTM", True, "#250.00", FRESH),
                ("MOBIKWIK", True, "#1e999999999", FRESH),
                ("FREECHARGE", True, "#1e-999999999", FRESH),
                ("PHONEPE", True, "#" + "9" * 5000, FRESH),
            ],
        ),
        (
            "cth_text_balances",
            [
                ("PAYTM", True, "250.50", FRESH),
                ("MOBIKWIK", True, "10000", FRESH),
                ("FREECHARGE", True, "NaN", FRESH),
                ("AMAZONPAY", True, "Infinity", FRESH),
                ("PHONEPE", True, "1,000.00", FRESH),
                ("PAYZAPP", True, True, FRESH),
                ("OXIGEN", True, ["#100"], FRESH),
                ("JIOMONEY", True, "absent", FRESH),
            ],
        ),
        (
            "cth_clocks",
            [
                ("PAYTM", True, "#10.00", "2026-03-01T12:00:05+0000"),
                ("MOBIKWIK", True, "#20.00", FRESH),
                ("FREECHARGE", True, "#30.00", "2026-03-01T12:00:04.985Z"),
                ("AMAZONPAY", True, "#40.00", "2026-03-01T12:00:05.000Z"),
                ("PHONEPE", True, "#50.00", None),
                ("PAYZAPP", True, "#60.00", ""),
                ("OXIGEN", True, "#70.00", "yesterday"),
                ("JIOMONEY", True, "#80.00", "absent"),
            ],
        ),
    ],
)
def test_each_case_has_its_figures(shared: Simulator, customer: str, expected: list[tuple[object, ...]]) -> None:
    assert figures(ask(shared, customer)) == expected


def test_an_old_balance_is_as_old_in_the_list(shared: Simulator) -> None:
    assert figures(ask(shared, "cth_stale", stored=True)) == [
        ("PAYTM", True, "#320.25", "2026-03-01T10:00:05Z"),
        ("FREECHARGE", True, "#85.00", "2026-02-26T12:00:05Z"),
    ]


def test_thirty_wallets_come_with_their_own_ids_and_bank_codes(shared: Simulator) -> None:
    listing = ask(shared, "cth_thirty").json
    assert isinstance(listing, dict)
    wallets = listing["list"]
    codes = {wallet["wallet"]: wallet["juspay_bank_code"] for wallet in wallets}
    assert (len(wallets), len({wallet["id"] for wallet in wallets}), len(codes)) == (30, 30, 30)
    assert (codes["OLAMONEY"], codes["PAYTM"]) == ("JP_OLAM", "JP_PAYTM")
    assert [wallet["linked"] for wallet in wallets] == [True, True, True, True, False] * 6


def test_a_reply_can_claim_more_wallets_than_it_has(shared: Simulator) -> None:
    answer = ask(shared, "cth_short_list")
    assert figures(answer) == [("MOBIKWIK", True, "#250", "2026-03-01T12:00:05+0000"), ("FREECHARGE", *NONE)]
    assert '"offset": 0, "count": 10, "total": 100, "object": "list"}' in answer.body


def test_unreadable_entries_arrive_as_they_are(shared: Simulator) -> None:
    listing = ask(shared, "cth_unreadable").json
    assert isinstance(listing, dict)
    *unreadable, null, missing, good = listing["list"]
    assert unreadable == [None, "#7", "PAYTM", [], {}]
    assert (null["wallet"], "wallet" in missing, good["wallet"]) == (None, False, "PAYTM")


def test_hostile_texts_travel_as_plain_ascii(shared: Simulator) -> None:
    answer = ask(shared, "cth_hostile")
    assert answer.body.isascii()
    assert answer.body.isprintable()
    text = str(answer.json)
    for hostile in ("<img src=x onerror=alert(1)>", r"\u202e", r"\x1b[2J", r"\ud800", "A" * 5000, "Ignore all"):
        assert hostile in text


def test_a_token_is_new_in_every_reply(shared: Simulator) -> None:
    tokens = [match[0] for _ in range(3) for match in TOKEN.finditer(ask(shared).body)]
    assert (len(tokens), len(set(tokens))) == (6, 6)


def test_by_itself_it_dates_replies_by_the_clock() -> None:
    with Simulator() as simulator:
        _, paytm = figures(ask(simulator))
    refreshed = datetime.fromisoformat(str(paytm[3]))
    assert timedelta(seconds=1) <= datetime.now(UTC) - refreshed < timedelta(minutes=1)


def test_every_customer_has_a_sentence_and_the_demo_comes_first() -> None:
    assert all(re.fullmatch(r"[A-Z`].{10,70}\.", about) for about in CUSTOMERS.values())
    assert tuple(CUSTOMERS)[: len(DEMO_CUSTOMERS)] == DEMO_CUSTOMERS
    assert DEMO_CUSTOMERS[0] == DOCUMENTED
    assert FAILING_CUSTOMERS == ("cth_not_found_404", "cth_error_in_200", "cth_ip_blocked", "cth_server_error")


@pytest.mark.parametrize("customer", [each for each in CUSTOMERS if each not in FAILING_CUSTOMERS])
def test_every_other_customer_has_stored_wallets(shared: Simulator, customer: str) -> None:
    answer = ask(shared, customer, stored=True)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert json.loads(answer.body, parse_int=str)["object"] == "list"


@pytest.mark.parametrize("customer", ["asha.rao@example.com", "+919812345678", "X+zrZv/IbzjZUnhsbWlseQ=="])
def test_an_encoded_id_is_one_segment(shared: Simulator, customer: str) -> None:
    assert ask(shared, customer).status == 200
    assert shared.requests[-1] == Request(
        method="GET",
        target=f"/customers/{quote(customer, safe='')}/wallets/refresh-balances",
        segments=("customers", customer, "wallets", "refresh-balances"),
        headers={
            "host": f"127.0.0.1:{shared.port}",
            "accept-encoding": "identity",
            "version": "2023-06-30",
            "x-merchantid": MERCHANT_ID,
            "x-routing-id": customer,
            "content-type": "application/x-www-form-urlencoded",
        },
        authorized=True,
    )


UNKNOWN = {
    "status": "Invalid Request",
    "error_code": "null_error",
    "error_message": "Customer not found for given customerId.",
}
NOT_FOUND = {
    "error_message": "Cannot find what you are looking for",
    "status": "invalid_request_error",
    "error_code": "object_not_found",
    "error_info": {
        "user_message": "Cannot process your request as customer account not found.",
        "developer_message": "Customer account not found.",
        "code": "RESOURCE_NOT_FOUND",
        "category": "USER_ERROR",
    },
}
BLOCKED = {
    "error": True,
    "error_message": "Internal Server error.",
    "user_message": "Bad Origin.",
    "error_info": {
        "code": "BAD_ORIGIN",
        "category": "USER_ERROR",
        "user_message": "Bad Origin.",
        "developer_message": "IP Verification Failed",
    },
}
ERROR_IN_200 = {"error": True, "error_message": "Something went wrong.", "list": [], "count": "#0", "total": "#0"}
SERVER_ERROR = {
    "error_info": {
        "category": "SERVER_ERROR",
        "code": "UNKNOWN_ERROR",
        "user_message": "Something went wrong.",
        "developer_message": "Internal server error.",
    },
}


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    ("customer", "status", "body"),
    [
        ("cth_nobody", 400, UNKNOWN),
        ("cth_not_found_404", 404, NOT_FOUND),
        ("cth_error_in_200", 200, ERROR_IN_200),
        ("cth_ip_blocked", 403, BLOCKED),
        ("cth_server_error", 500, SERVER_ERROR),
    ],
)
def test_failures_have_the_documented_shapes(
    shared: Simulator, customer: str, status: int, body: dict[str, object], *, stored: bool
) -> None:
    answer = ask(shared, customer, stored=stored)
    assert (answer.status, answer.json) == (status, body)


OLD_401 = {
    "status": "Invalid Authentication",
    "error_code": "access_denied",
    "error_message": "Invalid Authentication",
}
NEW_401 = {
    "status": "error",
    "error_code": "access_denied",
    "error_info": {
        "code": "UNAUTHORIZED",
        "category": "USER_ERROR",
        "user_message": "Unauthorized.",
        "developer_message": "Invalid API Key. Please pass a valid and active api key.",
    },
}


@pytest.mark.parametrize(
    ("version", "body"),
    [(None, OLD_401), ("2023-12-31", OLD_401), ("2024-01-01", NEW_401), ("2025-01-10", NEW_401)],
)
@pytest.mark.parametrize(
    "authorization",
    [None, "", API_KEY, "Basic", f"Basic {b64encode(API_KEY.encode()).decode()}", BASIC.replace("Basic", "Bearer")],
)
def test_without_the_right_key_there_is_a_401_in_the_form_of_the_version(
    shared: Simulator, authorization: str | None, version: str | None, body: dict[str, object]
) -> None:
    answer = ask(shared, authorization=authorization, version=version, x_merchantid=None)
    assert (answer.status, answer.json) == (401, body)
    assert shared.requests[-1].authorized is False


def test_the_record_has_no_credentials(simulator: Simulator) -> None:
    ask(simulator)
    ask(simulator, authorization=f"Basic {b64encode(b'secret:').decode()}")
    assert [request.authorized for request in simulator.requests] == [True, False]
    assert "Basic" not in str(simulator.requests)


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"x_merchantid": MERCHANT_ID.upper()}, [("x-merchantid", "Invalid value.")]),
        ({"version": "2023-6-30"}, [("version", "Invalid value.")]),
        ({"version": "20230630"}, [("version", "Invalid value.")]),
        ({"version": "2023-13-01"}, [("version", "Invalid value.")]),
        ({"x_routing_id": "cth_another"}, [("x-routing-id", "Invalid value.")]),
        ({"content_type": None}, [("content-type", "Missing value.")]),
        ({"content_type": "application/json"}, [("content-type", "Invalid value.")]),
        (
            {"x_merchantid": "", "version": "latest", "x_routing_id": "", "content_type": None},
            [
                ("x-merchantid", "Invalid value."),
                ("version", "Invalid value."),
                ("x-routing-id", "Invalid value."),
                ("content-type", "Missing value."),
            ],
        ),
    ],
)
def test_a_wrong_header_gets_a_400_that_names_it(
    shared: Simulator, changed: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    answer = ask(shared, **changed)
    assert (answer.status, answer.json) == (
        400,
        {
            "status": "Bad Request",
            "error_code": "Bad Request",
            "error_message": "Mandatory fields are missing",
            "error_info": {
                "code": "INVALID_INPUT",
                "category": "USER_ERROR",
                "user_message": "Invalid input data",
                "developer_message": "Invalid input data",
                "fields": [{"field_name": name, "reason": reason} for name, reason in faults],
            },
        },
    )


def test_headers_that_samples_leave_out_may_be_missing(shared: Simulator) -> None:
    assert ask(shared, "cth_paypal", x_merchantid=None, x_routing_id=None).status == 200
    answer = ask(shared, "cth_paypal", version=None)
    assert (answer.status, "metadata" in answer.body) == (200, False)  # as in all samples without a version


def test_a_repeated_header_counts_as_a_wrong_one(simulator: Simulator) -> None:
    with closing(connect(simulator)) as connection:
        connection.putrequest("GET", path(SAMPLE))
        for name, value in [*documented(SAMPLE).items(), ("X-MerchantId", "another")]:
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 400
    assert simulator.requests[0].headers["x-merchantid"] == f"{MERCHANT_ID}, another"


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "//",
        "/customers",
        f"/customers/{SAMPLE}",
        f"/customers/{SAMPLE}/wallets/",
        f"/customers/{SAMPLE}/wallets/refresh",
        f"//customers/{SAMPLE}/wallets",
        f"/customers/{SAMPLE}?/wallets/refresh-balances",
        "/customers/X+zrZv/IbzjZUnhsbWlseQ==/wallets/refresh-balances",
        "*",
    ],
)
def test_any_other_path_is_not_found_and_recorded_raw(shared: Simulator, target: str) -> None:
    with closing(connect(shared)) as connection:
        answer = send(connection, "GET", target, documented(SAMPLE))
    assert (answer.status, answer.json) == (404, {"status": "error", "error_code": "not_found"})
    assert shared.requests[-1].target == target


@pytest.mark.parametrize("method", ["DELETE", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"])
def test_any_other_method_gets_a_405_on_a_connection_that_goes_on(shared: Simulator, method: str) -> None:
    body = "" if method == "HEAD" else '{"status": "error", "error_code": "method_not_allowed"}'
    with closing(connect(shared)) as connection:
        connection.request(method, path(SAMPLE), body=b"command=refresh", headers=documented(SAMPLE))
        response = connection.getresponse()
        assert (response.status, response.getheader("allow"), response.read().decode()) == (405, "GET", body)
        assert send(connection, "GET", path(SAMPLE), documented(SAMPLE)).status == 200
    assert [request.method for request in shared.requests[-2:]] == [method, "GET"]


def test_every_reply_has_ids_of_its_own(simulator: Simulator) -> None:
    answers = [ask(simulator), ask(simulator, "cth_nobody"), ask(simulator, authorization=None)]
    ids = [answer.headers[name] for answer in answers for name in ("x-request-id", "x-response-id")]
    uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    assert len(set(ids)) == 6
    assert all(uuid.fullmatch(each) for each in ids)
    assert all("server" not in answer.headers for answer in answers)


def test_a_reply_arrives_in_one_piece(simulator: Simulator) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in documented(SAMPLE).items())
    with socket.create_connection((simulator.host, simulator.port), 5) as client:
        client.sendall(f"GET {path(SAMPLE)} HTTP/1.1\r\n{head}\r\n".encode())
        reply = client.recv(65536)
    assert reply.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert reply.endswith(b'"object": "list"}')


def test_a_malformed_request_is_refused_in_silence(simulator: Simulator, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection((simulator.host, simulator.port), 5) as client:
        client.sendall(b"GET / with spaces HTTP/1.1\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
    ask(simulator)
    assert capfd.readouterr() == ("", "")


def test_fifty_at_once_are_all_answered_and_recorded(simulator: Simulator) -> None:
    answers: list[Answer] = []
    threads = [Thread(target=lambda: answers.append(ask(simulator))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 50
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(simulator.requests) == 50


def test_the_slow_customer_takes_three_seconds_to_refresh_and_none_to_list() -> None:
    slept: list[float] = []
    with Simulator(sleep=slept.append) as simulator:
        assert ask(simulator, "cth_slow", stored=True).status == 200
        assert slept == []
        assert ask(simulator, "cth_slow").status == 200
    assert slept == [3]


def test_the_flaky_customer_is_refreshed_at_every_third_try(simulator: Simulator) -> None:
    answers = [ask(simulator, "cth_flaky") for _ in range(6)]
    assert [answer.status for answer in answers] == [503, 503, 200, 503, 503, 200]
    assert (answers[0].body, answers[0].headers["content-type"]) == (DOWN, "text/html")
    assert ask(simulator, "cth_flaky", stored=True).status == 200


def test_the_customer_whose_refresh_is_down_still_has_stored_balances(simulator: Simulator) -> None:
    assert [ask(simulator, "cth_refresh_down").status for _ in range(4)] == [503] * 4
    assert figures(ask(simulator, "cth_refresh_down", stored=True)) == [
        ("PAYTM", True, "#380.00", "2026-03-01T10:00:05Z"),
        ("MOBIKWIK", True, "#48.00", "2026-03-01T10:00:05Z"),
    ]


def test_queued_behaviours_are_for_one_request_each(simulator: Simulator) -> None:
    simulator.behave(Behaviour(status=503), Behaviour(status=429, headers={"Retry-After": "7"}))
    simulator.behave(
        Behaviour(body=b"<html>", headers={"Content-Type": "text/html"}), Behaviour(status=599, body=b"?")
    )
    answers = [ask(simulator) for _ in range(5)]
    assert [answer.status for answer in answers] == [503, 429, 200, 599, 200]
    assert [answer.body for answer in answers[:4]] == ["", "", "<html>", "?"]
    assert answers[1].headers["retry-after"] == "7"
    assert answers[2].headers["content-type"] == "text/html"
    assert figures(answers[4])[1][2] == "#95"


def test_a_lasting_behaviour_yields_to_queued_ones_and_ends_on_request(simulator: Simulator) -> None:
    simulator.behave_always(Behaviour(status=500))
    simulator.behave(Behaviour())
    assert [ask(simulator).status for _ in range(3)] == [200, 500, 500]
    simulator.behave_always(None)
    assert ask(simulator).status == 200


def test_latency_adds_to_the_customers_own() -> None:
    slept: list[float] = []
    with Simulator(sleep=slept.append) as simulator:
        simulator.behave(Behaviour(latency=0.5), Behaviour(latency=0.5))
        assert [ask(simulator).status, ask(simulator, "cth_slow").status] == [200, 200]
    assert slept == [0.5, 3.5]


def test_it_can_hang_up_before_it_replies_and_in_the_middle(simulator: Simulator) -> None:
    simulator.behave(
        Behaviour(hang_up=True),
        Behaviour(body=b"half", headers={"Content-Length": "8", "Connection": "close"}),
    )
    with pytest.raises(RemoteDisconnected):
        ask(simulator)
    with closing(connect(simulator)) as connection:
        connection.request("GET", path(SAMPLE), headers=documented(SAMPLE))
        response = connection.getresponse()
        assert (response.getheader("content-length"), response.read(8)) == ("8", b"half")
    assert ask(simulator).status == 200


def test_a_connection_is_kept_open_until_the_client_closes_it(simulator: Simulator) -> None:
    assert simulator.open_connections == 0
    with closing(connect(simulator)) as connection:
        for _ in range(3):
            assert send(connection, "GET", path(SAMPLE), documented(SAMPLE)).status == 200
        assert simulator.open_connections == 1
    assert until(lambda: simulator.open_connections == 0)


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_before_the_reply_is_seen_to_leave(*, reset: bool) -> None:
    held = Held()
    with Simulator(sleep=held) as simulator, closing(connect(simulator)) as client:
        client.request("GET", path("cth_slow"), headers=documented("cth_slow"))
        assert held.begun.wait(5)
        assert simulator.open_connections == 1
        if reset:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert until(lambda: simulator.open_connections == 0)
        held.over.set()
        assert ask(simulator).status == 200


def test_a_client_that_sends_its_next_request_early_is_still_there() -> None:
    held = Held()
    with Simulator(sleep=held) as simulator, closing(connect(simulator)) as client:
        client.request("GET", path("cth_slow"), headers=documented("cth_slow"))
        assert held.begun.wait(5)
        client.sock.sendall(b"GET ")
        assert simulator.open_connections == 1
        held.over.set()


def test_stop_cuts_idle_and_waiting_connections_at_once() -> None:
    held = Held()
    simulator = Simulator(sleep=held)
    simulator.start()
    with closing(connect(simulator)) as idle, closing(connect(simulator)) as waiting:
        send(idle, "GET", path(SAMPLE), documented(SAMPLE))
        waiting.request("GET", path("cth_slow"), headers=documented("cth_slow"))
        assert held.begun.wait(5)
        began = time.monotonic()
        simulator.stop()
        assert time.monotonic() - began < 0.3
        assert idle.sock.recv(1) == b""
        with pytest.raises(RemoteDisconnected):
            waiting.getresponse()
        assert simulator.open_connections == 0
    held.over.set()


def test_it_comes_back_at_the_same_address(simulator: Simulator) -> None:
    url = simulator.url
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9][0-9]+", url)
    simulator.stop()
    simulator.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(simulator)
    simulator.start()
    simulator.start()
    assert (simulator.url, ask(simulator).status, len(simulator.requests)) == (url, 200, 1)


def test_of_the_requests_to_a_server_s_own_simulator_the_latest_are_kept(simulator: Simulator) -> None:
    connection = HTTPConnection(simulator.host, simulator.port)
    for number in range(MAX_RECORDED + 3):
        connection.request("GET", f"/{number}")
        connection.getresponse().read()
    connection.close()
    assert [request.target for request in simulator.requests] == [f"/{number + 3}" for number in range(MAX_RECORDED)]


def test_a_port_that_is_taken_stops_the_start(simulator: Simulator) -> None:
    with pytest.raises(OSError, match="in use"):
        Simulator(port=simulator.port).start()


class Announced(Simulator):
    """Does something as soon as it has started: in another thread, or where Ctrl-C would."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self._then = then

    @override
    def start(self) -> None:
        super().start()
        self._then()


def test_serve_forever_lasts_until_stop() -> None:
    started = Event()
    simulator = Announced(started.set)
    thread = Thread(target=simulator.serve_forever)
    thread.start()
    assert started.wait(5)
    assert ask(simulator).status == 200
    assert thread.is_alive()
    simulator.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_serve_forever_ends_with_ctrl_c() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    simulator = Announced(interrupt)
    simulator.serve_forever()
    with pytest.raises(ConnectionRefusedError):
        ask(simulator)
