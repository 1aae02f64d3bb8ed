"""Juspay through an HTTP proxy: a real proxy, real TLS from end to end, and what is said if the proxy is at fault."""

import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
import trustme

from juspay_mcp.cli.check import run_checks
from juspay_mcp.cli.check_report import Check, Report
from juspay_mcp.errors import UpstreamUnavailable
from juspay_mcp.juspay.client import open_client
from juspay_mcp.juspay.wallets import WalletList
from juspay_mcp.settings.load import load_settings
from juspay_mcp.values.customer_id import parse_customer_id
from juspay_mcp.values.timestamps import utc_now
from tests.support.builders import CREDENTIALS, account_of
from tests.support.https import serving
from tests.support.programs import free_port
from tests.support.proxy import ConnectProxy

HOST = "juspay.example"
CHECK_PROXY = "Check JUSPAY_PROXY. Try again in a few minutes. [upstream_unavailable]"


@pytest.fixture
def juspay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a stand-in for Juspay over TLS, with a trusted certificate for HOST."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))  # which OpenSSL reads by itself
    with serving(authority.issue_cert(HOST).configure_cert) as server:
        yield server.server_address[1]


def variables(proxy: str, **changed: str) -> dict[str, str]:
    return {**CREDENTIALS, "JUSPAY_BASE_URL": f"https://{HOST}", "JUSPAY_PROXY": proxy, **changed}


async def ask(environ: dict[str, str]) -> WalletList:
    settings = load_settings(environ)
    async with open_client(settings, account_of(settings), utc_now) as client:
        with anyio.fail_after(10):
            return await client.wallets("wallets", parse_customer_id("cth_all_linked"))


async def failure(environ: dict[str, str]) -> str:
    with pytest.raises(UpstreamUnavailable) as caught:
        await ask(environ)
    return str(caught.value)


async def test_juspay_is_asked_through_the_proxy_and_tls_stays_end_to_end(juspay: int) -> None:
    with ConnectProxy({HOST: juspay}, user="us er:p@ss") as proxy:
        assert (await ask(variables(f"http://us%20er:p%40ss@127.0.0.1:{proxy.port}"))).wallets == ()
    [head] = proxy.heads
    assert head.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n")
    assert "cth_all_linked" not in head
    assert "\r\nauthorization" not in head.lower()


async def test_the_proxy_is_not_used_for_loopback(environ: dict[str, str]) -> None:
    assert (await ask(environ | {"JUSPAY_PROXY": f"http://127.0.0.1:{free_port()}"})).wallets


@pytest.mark.parametrize(
    ("status", "said"),
    [("407 Proxy <b>SECRET</b>", "HTTP 407"), ("502 Bad Gateway", "HTTP 502"), ("302 Found", "HTTP 302")],
)
async def test_a_proxy_that_rejects_the_connection_is_reported_as_the_cause(status: str, said: str) -> None:
    with ConnectProxy({}, status=status) as proxy:
        error = await failure(variables(f"http://user:hush@127.0.0.1:{proxy.port}"))
    reason = f"the proxy rejected the connection to it ({said})"
    assert error == f"Juspay is unavailable: {reason}. {CHECK_PROXY}"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "the proxy refused the connection"),
        ("proxy.invalid", "the proxy's host name could not be resolved (DNS)"),
        ("proxy..example", "the proxy's host name could not be resolved (DNS)"),
        ("255.255.255.255", "the proxy could not be connected to"),
    ],
)
async def test_a_proxy_that_cant_be_reached_is_reported_as_the_cause(host: str, reason: str) -> None:
    error = await failure(variables(f"http://user:hush@{host}:{free_port()}"))
    assert error == f"Juspay is unavailable: {reason}. {CHECK_PROXY}"


async def test_a_certificate_that_the_proxy_replaced_is_not_trusted() -> None:
    with (
        serving(trustme.CA().issue_cert(HOST).configure_cert) as impostor,
        ConnectProxy({HOST: impostor.server_address[1]}) as proxy,
    ):
        error = await failure(variables(f"http://127.0.0.1:{proxy.port}"))
    hint = "The request went through JUSPAY_PROXY, which may be the cause."
    assert f"its TLS certificate could not be verified. {hint} Try again" in error


def test_a_proxys_password_is_in_no_text() -> None:
    assert "hush" not in repr(load_settings(variables("http://user:hush@proxy.example:3128")))


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"])
async def test_a_usual_proxy_variable_is_named_if_no_connection_can_be_made(name: str) -> None:
    error = await failure(
        {**CREDENTIALS, "JUSPAY_BASE_URL": "https://juspay.invalid", name: "http://user:hush@proxy"}
    )
    hint = f"{name} is set but not used: if this network needs a proxy, set JUSPAY_PROXY."
    assert f"its host name could not be resolved (DNS). {hint} Try again" in error
    assert "hush" not in error


async def test_a_name_that_cant_be_resolved_points_to_the_hosts_env_block() -> None:
    error = await failure({**CREDENTIALS, "JUSPAY_BASE_URL": "https://juspay.invalid"})
    assert "if this network needs a proxy, set JUSPAY_PROXY in this server's env block in the MCP host's" in error


async def check(environ: dict[str, str]) -> Report:
    return await run_checks(environ, max_seconds=2)


def only_failure(report: Report) -> Check:
    [failed] = report.failed
    assert "hush" not in repr(report)
    return failed


async def test_check_tries_the_proxy_and_juspays_certificate_through_it(juspay: int) -> None:
    with ConnectProxy({HOST: juspay}, user="user:hush") as proxy:
        report = await check(variables(f"http://user:hush@127.0.0.1:{proxy.port}"))
    found = {check.name: (check.outcome, check.finding) for check in report.checks}
    assert report.failed == ()
    assert found["proxy"] == ("ok", f"It connects to {HOST} on port 443.")
    assert found["host"] == ("skipped", "Not needed: the proxy resolves it and connects to it.")
    assert found["tls"] == ("ok", f"The certificate of {HOST} is valid.")
    assert found["credentials"][0] == "ok"


async def test_check_says_if_the_proxy_rejects_or_cant_be_reached_or_is_silent() -> None:
    with ConnectProxy({}, user="user:other") as proxy:
        rejected = only_failure(await check(variables(f"http://user:hush@127.0.0.1:{proxy.port}")))
    assert rejected.finding == f"The proxy rejected the connection to {HOST} on port 443 (HTTP 407)."
    refused = only_failure(await check(variables(f"http://user:hush@127.0.0.1:{free_port()}")))
    assert (refused.name, refused.finding) == ("proxy", "The proxy could not be connected to.")
    assert "JUSPAY_PROXY" in (refused.advice or "")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        late = only_failure(await check(variables(f"http://127.0.0.1:{port}", JUSPAY_TIMEOUT_SECONDS="1")))
    assert late.finding == f"The proxy did not connect to {HOST} on port 443 within 1 s."


async def test_check_says_if_the_certificate_behind_the_proxy_is_not_trusted() -> None:
    with (
        serving(trustme.CA().issue_cert(HOST).configure_cert) as impostor,
        ConnectProxy({HOST: impostor.server_address[1]}) as proxy,
    ):
        failed = only_failure(await check(variables(f"http://127.0.0.1:{proxy.port}")))
    assert failed.finding == f"The certificate of {HOST} is from an authority that this machine does not trust."


async def test_check_names_a_usual_proxy_variable_that_is_not_used() -> None:
    environ = {**CREDENTIALS, "JUSPAY_BASE_URL": "https://juspay.invalid", "HTTPS_PROXY": "http://user:hush@proxy"}
    failed = only_failure(await check(environ))
    assert (
        (failed.advice or "").splitlines()[-1].startswith("HTTPS_PROXY is set but not used: if this network needs ")
    )
