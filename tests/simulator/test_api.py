"""The simulator, called over HTTP with the standard library."""

import errno
import json
import re
import shlex
import socket
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, RemoteDisconnected
from threading import Event, Thread
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from typing_extensions import override

from juspay_mcp.simulator.api import API_KEY, CUSTOMERS, FAILING_CUSTOMERS, MAX_RECORDED, MERCHANT_ID
from juspay_mcp.simulator.customers import DEMO_CUSTOMERS
from juspay_mcp.simulator.http import Request
from tests.support.simulator import Simulator

NOW = datetime(2026, 3, 1, 12, 0, 5, 250_000, tzinfo=UTC)
SAMPLE = "cth_with_parts"
DOCUMENTED = "cth_eN4e4kR12CJV"
BASIC = f"Basic {b64encode(f'{API_KEY}:'.encode()).decode()}"
TOKEN = re.compile(r"(tkn|tk|tok)_[0-9a-f]{32} ?")
DOWN = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"


class Response(NamedTuple):
    """A complete response, with header names in lower case."""

    status: int
    body: str
    headers: Mapping[str, str]

    @property
    def json(self) -> object:
        """Tokens as `<token>`, and numbers as `#` and their digits, so that 1.50 isn't 1.5."""
        return json.loads(TOKEN.sub("<token>", self.body), parse_int="#{}".format, parse_float="#{}".format)


class Held:
    """A `sleep` that lasts until `over` is set; `begun` says that it started."""

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


def send(connection: HTTPConnection, method: str, target: str, headers: Mapping[str, str]) -> Response:
    connection.request(method, target, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    return Response(response.status, body, {name.lower(): value for name, value in response.getheaders()})


def ask(simulator: Simulator, customer: str = SAMPLE, *, stored: bool = False, **changed: str | None) -> Response:
    with closing(connect(simulator)) as connection:
        return send(connection, "GET", path(customer, stored=stored), documented(customer, **changed))


def figures(answer: Response) -> list[tuple[object, ...]]:
    """Of each wallet: provider, linked, balance, time."""
    listing = answer.json
    assert isinstance(listing, dict)
    keys = ("wallet", "linked", "current_balance", "last_refreshed")
    return [tuple(wallet.get(key, "absent") for key in keys) for wallet in listing["list"]]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(now=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    """For tests that change nothing in it but its recorded requests."""
    with Simulator(now=lambda: NOW) as simulator:
        yield simulator


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


def send_the_curl(simulator: Simulator, key: str = BASIC, customer: str = DOCUMENTED) -> Response:
    """The documented curl's own request, with the simulator's address and a key in it."""
    words = shlex.split(DOCUMENTED_CURL.replace("\\\n", "").replace(DOCUMENTED, customer))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "--header")
    assert headers.keys() == {"Content-Type", "version", "Authorization"}
    [url] = [word for word in words if word.startswith("https://api.juspay.in/")]
    with closing(connect(simulator)) as connection:
        target = url.removeprefix("https://api.juspay.in")
        return send(connection, words[words.index("--request") + 1], target, headers | {"Authorization": key})


def test_the_documented_curl_gets_the_documented_response_except_for_its_date(shared: Simulator) -> None:
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


def test_an_old_balance_is_as_old_in_the_list(shared: Simulator) -> None:
    assert figures(ask(shared, "cth_stale", stored=True)) == [
        ("PAYTM", True, "#320.25", "2026-03-01T10:00:05Z"),
        ("FREECHARGE", True, "#85.00", "2026-02-26T12:00:05Z"),
    ]


def test_numbers_and_hostile_texts_arrive_digit_for_digit_and_in_ascii(shared: Simulator) -> None:
    hostile, odd = ask(shared, "cth_hostile"), ask(shared, "cth_odd_balances")
    assert hostile.body.isascii()
    assert hostile.body.isprintable()
    assert "Ignore all" in hostile.body
    assert [row[2] for row in figures(odd)] == [
        "#1000.50", "#-25.5", "#0.00000125", "#123456789012345678.12", "#0.1000", "#1.5e3", "#-0.0",
    ]  # fmt: skip


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


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    ("customer", "status", "code"),
    [
        ("cth_nobody", 400, "null_error"),
        ("cth_not_found_404", 404, "object_not_found"),
        ("cth_error_in_200", 200, "Something went wrong."),
        ("cth_ip_blocked", 403, "BAD_ORIGIN"),
        ("cth_server_error", 500, "UNKNOWN_ERROR"),
    ],
)
def test_a_failing_customer_has_a_status_and_a_code(
    shared: Simulator, customer: str, status: int, code: str, *, stored: bool
) -> None:
    answer = ask(shared, customer, stored=stored)
    assert (answer.status, f'"{code}"' in answer.body) == (status, True)


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
def test_a_wrong_key_gets_a_401_in_the_form_of_the_version(
    shared: Simulator, authorization: str | None, version: str | None, body: dict[str, object]
) -> None:
    answer = ask(shared, authorization=authorization, version=version, x_merchantid=None)
    assert (answer.status, answer.json) == (401, body)
    assert shared.requests[-1].authorized is False


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
def test_any_other_method_gets_a_405_and_the_connection_stays_open(shared: Simulator, method: str) -> None:
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


def test_a_malformed_request_gets_a_400_and_prints_nothing(
    simulator: Simulator, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection((simulator.host, simulator.port), 5) as client:
        client.sendall(b"GET / with spaces HTTP/1.1\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
    ask(simulator)
    assert capfd.readouterr() == ("", "")


def test_fifty_at_once_are_all_answered_and_recorded(simulator: Simulator) -> None:
    answers: list[Response] = []
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


def test_only_the_latest_requests_are_kept(simulator: Simulator) -> None:
    connection = HTTPConnection(simulator.host, simulator.port)
    for number in range(MAX_RECORDED + 3):
        connection.request("GET", f"/{number}")
        connection.getresponse().read()
    connection.close()
    assert [request.target for request in simulator.requests] == [f"/{number + 3}" for number in range(MAX_RECORDED)]


def test_a_port_that_is_taken_stops_the_start(simulator: Simulator) -> None:
    with pytest.raises(OSError) as taken:  # noqa: PT011 - its words are the system's
        Simulator(port=simulator.port).start()
    assert taken.value.errno in {errno.EADDRINUSE, errno.EACCES}  # on Windows the latter, if it isn't to be shared


def test_serve_forever_lasts_until_stop_or_ctrl_c() -> None:
    started = Event()

    class Announced(Simulator):
        """Says when it has started, and the second time is interrupted as by Ctrl-C."""

        @override
        def start(self) -> None:
            super().start()
            if started.is_set():
                raise KeyboardInterrupt
            started.set()

    simulator = Announced()
    thread = Thread(target=simulator.serve_forever)
    thread.start()
    assert started.wait(5)
    assert (ask(simulator).status, thread.is_alive()) == (200, True)
    simulator.stop()
    thread.join(5)
    assert not thread.is_alive()
    simulator.serve_forever()
    with pytest.raises(ConnectionRefusedError):
        ask(simulator)
