"""The gallery: whom it answers, what it passes on, and how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from juspay_mcp.cli.card_preview import open_gallery, run_gallery
from juspay_mcp.server.card import card_html
from juspay_mcp.simulator.api import CUSTOMERS
from juspay_mcp.simulator.customers import DEMO_CUSTOMERS
from tests.support.commands import INTERRUPTIBLE

CALL = {"name": "refresh_customer_wallets", "arguments": {"customer_id": "cth_all_linked"}}


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    with run_gallery() as url:
        yield url


@pytest.fixture
def page(gallery: str) -> Iterator[httpx2.Client]:
    """The gallery's page, which knows the token."""
    address, _, token = gallery.partition("/#")
    with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
        yield client


def test_its_page_and_the_card_are_for_anyone_on_this_machine(page: httpx2.Client) -> None:
    del page.headers["Authorization"]
    assert "This page plays an MCP host." in page.get("/").text
    assert page.get("/card").text == card_html()


def test_page_and_card_come_with_policies_that_allow_no_request_elsewhere(page: httpx2.Client) -> None:
    for path, words in (
        ("/", ("connect-src 'self'", "frame-ancestors 'none'")),
        ("/card", ("sandbox allow-scripts",)),
    ):
        headers = page.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert all(word in policy for word in (*words, "base-uri 'none'", "form-action 'none'"))
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_it_names_every_customer_of_the_simulator_and_the_tool(page: httpx2.Client) -> None:
    start = page.get("/start").json()
    assert {each["id"]: each["about"] for each in start["customers"]} == CUSTOMERS
    assert [each["id"] for each in start["customers"] if each["demo"]] == list(DEMO_CUSTOMERS)
    assert start["tool"]["name"] == "refresh_customer_wallets"


def test_a_call_goes_the_whole_way_to_the_simulator(page: httpx2.Client) -> None:
    result = page.post("/call", json=CALL).json()["result"]
    assert result["structuredContent"]["total_balance"] == "1770.49"
    assert result["structuredContent"]["environment"] == "simulator"


def test_an_error_of_the_protocol_is_passed_on_as_one(page: httpx2.Client) -> None:
    error = page.post("/call", json={**CALL, "name": "another"}).json()["error"]
    assert error == {"code": -32602, "message": "Unknown tool; the only one here is refresh_customer_wallets"}


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Bearer ü"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/start"), ("POST", "/call"), ("GET", "/other")])
def test_without_this_run_s_token_nothing_is_shown_or_called(
    authorization: str | None, method: str, path: str, page: httpx2.Client
) -> None:
    del page.headers["Authorization"]
    headers = {} if authorization is None else {b"Authorization": authorization.encode()}
    reply = page.request(method, path, headers=headers, json=CALL)
    assert (reply.status_code, reply.json()) == (401, {"error": {"code": 401, "message": "Unauthorized"}})


@pytest.mark.parametrize("path", ["/", "/card", "/start"])
@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example"])
def test_it_answers_by_its_own_name_only(path: str, name: str, page: httpx2.Client) -> None:
    assert page.get(path, headers={"Host": name}).status_code == 421


def test_localhost_is_its_own_name(page: httpx2.Client) -> None:
    port = page.base_url.port
    assert page.get("/start", headers={"Host": f"localhost:{port}"}).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/favicon.ico"), ("GET", "/card.html"), ("POST", "/start")])
def test_unknown_paths_and_methods_get_404(method: str, path: str, page: httpx2.Client) -> None:
    assert page.request(method, path).status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"no JSON", b"[]", b"{}", b'{"name": 1, "arguments": {}}', b'{"name": "a", "arguments": []}', b"\xff"],
)
def test_a_malformed_call_is_refused(body: bytes, page: httpx2.Client) -> None:
    assert page.post("/call", content=body).status_code == 400


@pytest.mark.parametrize("length", ["65537", "-1", "a", "²"])
def test_a_body_of_no_sensible_length_is_not_read(length: str, page: httpx2.Client) -> None:
    head = (
        f"POST /call HTTP/1.1\r\nHost: 127.0.0.1:{page.base_url.port}\r\nConnection: close\r\n"
        f"Authorization: {page.headers['Authorization']}\r\nContent-Length: {length}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", page.base_url.port or 0), timeout=10) as connection:
        connection.sendall(head.encode("latin-1"))
        assert connection.recv(100).startswith(b"HTTP/1.0 413 ")


def test_it_listens_on_loopback_alone_and_each_run_has_a_token_of_its_own(gallery: str) -> None:
    with run_gallery() as other:
        matches = [re.fullmatch(r"http://127\.0\.0\.1:\d+/#([\w-]{20,})", url) for url in (gallery, other)]
    tokens = {match[1] for match in matches if match}
    assert len(tokens) == 2


def test_it_tells_the_address_opens_it_and_ends_in_order_when_interrupted() -> None:
    said: list[str] = []

    def browse(url: str) -> None:
        assert httpx2.get(url.partition("#")[0], trust_env=False).status_code == 200
        said.append(url)

    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) > 1:
            raise KeyboardInterrupt

    open_gallery(said.append, browse, sleep)
    line, url, end = said
    assert end == ""
    assert line == f"The wallet card, with made-up customers, until Ctrl-C: {url}"
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url.partition("#")[0], trust_env=False)


@pytest.mark.skipif(sys.platform == "win32", reason="a test can't send Ctrl-C to one process alone there")
def test_the_demo_opens_it_in_the_browser_and_ctrl_c_ends_it() -> None:
    # A browser that is there everywhere: it prints the address that it is given.
    browser = f'{sys.executable} -c "import sys; print(sys.argv[1], flush=True)" %s'
    with subprocess.Popen(
        [*INTERRUPTIBLE, "demo", "--open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "BROWSER": browser},
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        line, opened = process.stdout.readline(), process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            rest, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert line.endswith(f": {opened}")
    assert (rest, errors, process.returncode) == ("\n", "", 0)


def test_a_page_that_gives_up_waiting_leaves_no_trace(page: httpx2.Client, capfd: pytest.CaptureFixture[str]) -> None:
    slow = json.dumps({**CALL, "arguments": {"customer_id": "cth_slow"}}).encode()
    impatient = httpx2.Timeout(5, read=0.1)
    with suppress(httpx2.ReadTimeout):
        page.post("/call", content=slow, timeout=impatient)
    answered: Any = page.post("/call", content=slow, timeout=20).json()
    assert answered["result"]["structuredContent"]["total_balance"] == "350.00"
    assert capfd.readouterr() == ("", "")
