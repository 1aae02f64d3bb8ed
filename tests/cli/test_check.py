"""The command `check`: every way a set-up can be wrong, tried against real sockets."""

import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import anyio
import pytest
import trustme

from juspay_mcp import VERSION
from juspay_mcp.cli.check import UNKNOWN_CUSTOMER, run_checks
from juspay_mcp.cli.check_report import Check, Report, render
from juspay_mcp.errors import (
    AccessDenied,
    AuthenticationFailed,
    CustomerNotFound,
    InvalidCustomerId,
    RequestRejected,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamUnavailable,
    WalletsError,
)
from juspay_mcp.settings.variables import VARIABLES, broken_rule
from juspay_mcp.simulator.api import API_KEY, MERCHANT_ID
from tests.support.https import serving
from tests.support.programs import free_port
from tests.support.simulator import Behaviour, Simulator

CREDENTIALS = {"JUSPAY_API_KEY": API_KEY, "JUSPAY_MERCHANT_ID": MERCHANT_ID}
CUSTOMER = "cth_linked_text"  # two wallets, one of them linked
WHERE = "\nThe server gets its variables from the MCP host's settings; this command gets them from this shell."
DIRECT = "\nThis program connects directly; if this network needs a proxy, set JUSPAY_PROXY."
LIMIT = 0.25
NOT_SENT = " No credentials were sent."


def check(environ: Mapping[str, str], customer_id: str | None = None, **arguments: Any) -> Report:
    return anyio.run(partial(run_checks, environ, customer_id, **arguments))


def outcomes(report: Report) -> dict[str, str]:
    return {check.name: check.outcome for check in report.checks}


def named(report: Report, name: str) -> Check:
    [found] = [check for check in report.checks if check.name == name]
    return found


def only_failure(report: Report) -> Check:
    [failed] = report.failed
    assert failed.advice
    assert report.exit_status == failed.exit_status
    return failed


def ok(name: str, finding: str) -> Check:
    return Check(name=name, outcome="ok", finding=finding)


STARTS = ok("start", "The server starts, over stdio and with serve --http on loopback.")


def skipped(name: str, failed: str) -> Check:
    return Check(name=name, outcome="skipped", finding=f"Not checked, because the check of {failed} failed.")


def test_a_right_set_up_passes_every_check_and_needs_no_tls_on_loopback(
    environ: dict[str, str], simulator: Simulator
) -> None:
    report = check(environ, CUSTOMER)
    latency = named(report, "latency")
    assert re.fullmatch(r"A request took \d+ ms, connecting included\.", latency.finding)
    assert report == Report(
        environment="sandbox",
        base_url=simulator.url,
        checks=(
            ok(
                "variables",
                "Nothing is wrong or missing; set: JUSPAY_API_KEY, JUSPAY_MERCHANT_ID, JUSPAY_ENV, JUSPAY_BASE_URL.",
            ),
            ok("host", f"127.0.0.1 resolves, and accepts connections on port {simulator.port}."),
            Check(name="tls", outcome="skipped", finding="Not needed: plain http on loopback."),
            ok("credentials", "Juspay accepts them in its sandbox environment."),
            ok("latency", latency.finding),
            ok("customer", "Juspay knows customer XXXXXXtext, with 2 wallets, 1 linked."),
            STARTS,
        ),
    )
    assert report.exit_status == 0


def test_it_only_lists_wallets_and_for_nobody_unless_a_customer_is_named(
    environ: dict[str, str], simulator: Simulator
) -> None:
    check(environ)
    check(environ, CUSTOMER)
    nobody = ("GET", f"/customers/{UNKNOWN_CUSTOMER}/wallets")
    asked = [(request.method, request.target) for request in simulator.requests]
    assert asked == [nobody, nobody, nobody, nobody, ("GET", f"/customers/{CUSTOMER}/wallets")]


def test_an_empty_list_for_nobody_means_that_the_credentials_are_right(
    environ: dict[str, str], simulator: Simulator
) -> None:
    simulator.behave_always(Behaviour(status=200, body=b'{"list": []}'))
    assert check(environ).exit_status == 0


def test_the_latency_is_how_long_the_second_request_took(environ: dict[str, str], simulator: Simulator) -> None:
    simulator.behave(Behaviour(latency=0.5), Behaviour(latency=0.05))
    [milliseconds] = re.findall(r"took (\d+) ms", named(check(environ), "latency").finding)
    assert 50 <= int(milliseconds) < 500


@pytest.mark.parametrize(
    ("customer", "counted"),
    [
        ("cth_no_wallets", "0 wallets, 0 linked"),
        ("cth_paypal", "1 wallet, 1 linked"),
        ("cth_unreadable", "1 wallet, 1 linked, and 7 more that could not be read"),
        ("cth_thirty", "30 wallets, 24 linked"),
    ],
)
def test_a_customers_wallets_are_counted_and_nothing_else_of_them_is_shown(
    customer: str, counted: str, environ: dict[str, str]
) -> None:
    finding = named(check(environ, customer), "customer").finding
    assert finding == f"Juspay knows customer XXXXXX{customer[-4:]}, with {counted}."


def test_the_built_in_simulator_needs_no_variables_but_its_name_and_is_not_taken_for_juspay() -> None:
    report = check({"JUSPAY_ENV": "simulator"}, "cth_all_linked")
    assert set(outcomes(report).values()) == {"ok", "skipped"}
    assert (report.environment, report.base_url, report.exit_status) == ("simulator", None, 0)
    lines = render(report)
    assert lines[0] == f"juspay-wallets-mcp {VERSION}: simulator, built in"
    assert lines[-1] == "This set-up works, with the simulator and not with Juspay."


def test_the_built_in_simulator_does_not_care_about_a_key_file(tmp_path: Path) -> None:
    assert check({"JUSPAY_ENV": "simulator", "JUSPAY_API_KEY_FILE": str(tmp_path / "gone")}).exit_status == 0


def test_missing_credentials_are_named_with_their_rules_while_host_and_tls_are_checked_all_the_same(
    simulator: Simulator,
) -> None:
    report = check({"JUSPAY_BASE_URL": simulator.url, "JUSPAY_API_KEY": " "}, CUSTOMER)
    assert only_failure(report) == Check(
        name="variables",
        outcome="failed",
        finding="Missing: JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE), JUSPAY_MERCHANT_ID; set: JUSPAY_BASE_URL.",
        advice=(
            "Set JUSPAY_API_KEY: API key from Juspay's dashboard. "
            "It must be 1 to 256 printable ASCII characters without spaces or colons; "
            "for example: the key as the dashboard shows it.\n"
            "Set JUSPAY_MERCHANT_ID: Merchant id from Juspay's dashboard. "
            "It must be 1 to 256 printable ASCII characters without spaces or colons; for example: acme." + WHERE
        ),
        exit_status=78,
    )
    assert outcomes(report)["host"] == "ok"
    assert report.checks[3:] == tuple(
        skipped(name, "variables") for name in ("credentials", "latency", "customer", "start")
    )
    assert simulator.requests == []


def test_a_misspelt_variable_is_pointed_out(environ: dict[str, str]) -> None:
    environ["JUSPAY_MERCHANTID"] = environ.pop("JUSPAY_MERCHANT_ID")
    assert named(check(environ), "variables").finding == (
        "Missing: JUSPAY_MERCHANT_ID; set: JUSPAY_API_KEY, JUSPAY_ENV, JUSPAY_BASE_URL; "
        "set, but not a variable of this server: JUSPAY_MERCHANTID."
    )


def test_a_strange_variables_name_cannot_redraw_the_terminal(environ: dict[str, str]) -> None:
    finding = named(check(environ | {"JUSPAY_\x1b[2J": "x", "PATH": "/bin"}), "variables").finding
    assert finding.endswith("set: JUSPAY_API_KEY, JUSPAY_MERCHANT_ID, JUSPAY_ENV, JUSPAY_BASE_URL.")


def test_every_wrong_variable_is_named_at_once_and_the_missing_ones_too() -> None:
    wrong = {"JUSPAY_ENV": "prod", "JUSPAY_API_KEY": "a key", "JUSPAY_TIMEOUT_SECONDS": "soon"}
    report = check(wrong, CUSTOMER)
    assert only_failure(report) == Check(
        name="variables",
        outcome="failed",
        finding=(
            "Wrong: JUSPAY_API_KEY, JUSPAY_ENV, JUSPAY_TIMEOUT_SECONDS; missing: JUSPAY_MERCHANT_ID; "
            "set: JUSPAY_API_KEY, JUSPAY_ENV, JUSPAY_TIMEOUT_SECONDS."
        ),
        advice=(
            f"{broken_rule('JUSPAY_ENV')}\n{broken_rule('JUSPAY_API_KEY')}\n{broken_rule('JUSPAY_TIMEOUT_SECONDS')}\n"
            "Set JUSPAY_MERCHANT_ID: Merchant id from Juspay's dashboard. "
            "It must be 1 to 256 printable ASCII characters without spaces or colons; for example: acme." + WHERE
        ),
        exit_status=78,
    )
    names = ("host", "tls", "credentials", "latency", "customer", "start")
    assert report.checks[1:] == tuple(skipped(name, "variables") for name in names)
    assert (report.environment, report.base_url) == (None, None)
    assert render(report)[0] == f"juspay-wallets-mcp {VERSION}: not usable yet"


@pytest.mark.parametrize("name", [each.name for each in VARIABLES])
def test_a_wrong_variable_is_named_and_its_value_is_not_shown(name: str, environ: dict[str, str]) -> None:
    if name == "JUSPAY_API_KEY_FILE":
        del environ["JUSPAY_API_KEY"]
    report = check(environ | {name: "hush: \0"})
    assert only_failure(report).finding.startswith(f"Wrong: {name}; set: ")
    assert f"{name} must be " in (report.checks[0].advice or "")
    assert "hush" not in shown(report)


def test_two_keys_at_once_are_one_mistake(environ: dict[str, str]) -> None:
    failed = only_failure(check(environ | {"JUSPAY_API_KEY_FILE": "/run/secrets/key"}))
    assert failed.finding.startswith("Wrong: JUSPAY_API_KEY, JUSPAY_API_KEY_FILE; set: ")
    assert failed.advice == "JUSPAY_API_KEY and JUSPAY_API_KEY_FILE are both set; set only one of them." + WHERE


def test_a_key_file_that_is_not_there_is_a_wrong_variable_while_the_host_is_checked_all_the_same(
    environ: dict[str, str], tmp_path: Path
) -> None:
    del environ["JUSPAY_API_KEY"]
    report = check(environ | {"JUSPAY_API_KEY_FILE": str(tmp_path / "hush")})
    failed = only_failure(report)
    assert failed.finding.startswith("Wrong: JUSPAY_API_KEY_FILE; set: ")
    assert (failed.advice, failed.exit_status) == (f"{broken_rule('JUSPAY_API_KEY_FILE')}{WHERE}", 78)
    assert outcomes(report)["host"] == "ok"
    assert "hush" not in shown(report)


def test_a_key_in_a_file_is_used(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(environ.pop("JUSPAY_API_KEY"))
    assert check(environ | {"JUSPAY_API_KEY_FILE": str(file)}).exit_status == 0


def test_a_key_file_with_a_whole_line_in_it_counts_as_missing_with_the_reason(
    environ: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(f"JUSPAY_API_KEY={environ.pop('JUSPAY_API_KEY')}")
    failed = only_failure(check(environ | {"JUSPAY_API_KEY_FILE": str(file)}))
    assert failed.finding.startswith("Missing: JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE); set: ")
    assert (failed.advice or "").startswith(
        "The file of JUSPAY_API_KEY_FILE holds a placeholder or NAME=value instead of the key alone.\nSet "
    )


def host_failure(base_url: str, **arguments: Any) -> Check:
    """The failed check of a host; checks that all others but variables were skipped."""
    report = check(CREDENTIALS | {"JUSPAY_BASE_URL": base_url}, CUSTOMER, **arguments)
    names = ("tls", "credentials", "latency", "customer", "start")
    if base_url.startswith("https"):
        assert report.checks[2:] == tuple(skipped(name, "host") for name in names)
    failed = only_failure(report)
    assert (failed.name, failed.exit_status) == ("host", 69)
    return failed


def test_a_refused_connection_is_reported_as_refused() -> None:
    port = free_port()
    failed = host_failure(f"http://127.0.0.1:{port}")
    assert failed.finding == f"127.0.0.1 refused the connection on port {port}."
    assert failed.advice == (
        "Nothing listens there, or a firewall rejects the connection: check host and port in JUSPAY_BASE_URL, "
        "and that the server there is running." + DIRECT
    )


@pytest.mark.parametrize("host", ["juspay.invalid", "a..b", f"{'a' * 70}.invalid"])
def test_a_host_without_an_address_is_reported_as_unresolved(host: str) -> None:
    failed = host_failure(f"https://{host}")
    assert failed.finding == f"{host} could not be resolved to an address (DNS)."
    assert failed.advice == (
        "Check the host's spelling if you set JUSPAY_BASE_URL; then this machine's network and DNS (VPN, container, "
        "firewall)." + DIRECT
    )


def test_a_host_without_a_route_is_reported_as_unreachable() -> None:
    failed = host_failure("https://255.255.255.255")  # broadcast: the kernel itself refuses, nothing is sent
    assert failed.finding == "This machine could not connect to 255.255.255.255 on port 443."
    assert "Allow outgoing connections from this machine to 255.255.255.255 on port 443." in (failed.advice or "")


def test_a_resolver_that_never_answers_is_not_waited_for() -> None:
    never = Event()
    begun = time.monotonic()
    failed = host_failure("https://juspay.invalid", resolve=lambda _host, _port: never.wait(30), max_seconds=LIMIT)
    assert time.monotonic() - begun < 3
    never.set()
    assert failed.finding == "Looking up the address of juspay.invalid (DNS) timed out after 0.25 s."


@contextmanager
def full_queue() -> Iterator[int]:
    """The port of a server whose queue is full, so that the kernel drops all further attempts to connect."""
    with ExitStack() as stack:
        server = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0), backlog=0)))
        for _ in range(4):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.settimeout(0)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def test_a_connection_that_nobody_accepts_is_reported_as_timed_out() -> None:
    with full_queue() as port:
        failed = host_failure(f"https://127.0.0.1:{port}", max_seconds=LIMIT)
    assert failed.finding == f"Connecting to 127.0.0.1 on port {port} timed out after 0.25 s."
    assert failed.advice is not None
    assert failed.advice.startswith("Usually a firewall silently drops the connection.\nAllow outgoing ")


class Authorities(NamedTuple):
    """A certificate authority, and another one that nobody trusts."""

    trusted: trustme.CA
    unknown: trustme.CA


@pytest.fixture(scope="module")
def authorities() -> Authorities:
    return Authorities(trustme.CA(), trustme.CA())


@pytest.fixture
def trust(authorities: Authorities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[trustme.CA], None]:
    """Trusts one authority alone, as a user would: OpenSSL reads this variable of the process, not ours."""

    def trust_alone(authority: trustme.CA) -> None:
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    trust_alone(authorities.trusted)
    return trust_alone


def over_tls(show: Callable[[ssl.SSLContext], None], host: str = "localhost") -> Report:
    with serving(show) as server:
        return check(CREDENTIALS | {"JUSPAY_BASE_URL": f"https://{host}:{server.server_address[1]}"}, CUSTOMER)


def tls_failure(report: Report) -> Check:
    failed = only_failure(report)
    assert failed.name == "tls"
    assert report.checks[3:] == tuple(
        skipped(name, "tls") for name in ("credentials", "latency", "customer", "start")
    )
    return failed


@pytest.mark.usefixtures("trust")
def test_a_trusted_certificate_is_valid(authorities: Authorities) -> None:
    with serving(authorities.trusted.issue_cert("localhost").configure_cert) as server:
        report = check(CREDENTIALS | {"JUSPAY_BASE_URL": f"https://localhost:{server.server_address[1]}"})
        assert server.accepted == len(("host", "tls", "credentials", "latency"))
    assert named(report, "tls") == ok("tls", "The certificate of localhost is valid.")
    assert set(outcomes(report).values()) == {"ok"}


LONG_AGO, YESTERDAY, TOMORROW = (datetime.now(UTC) + timedelta(days=days) for days in (-90, -1, 1))


@pytest.mark.usefixtures("trust")
@pytest.mark.parametrize(
    ("issue", "finding", "advice"),
    [
        pytest.param(
            lambda ca: ca.trusted.issue_cert("localhost", not_before=LONG_AGO, not_after=YESTERDAY),
            "The certificate of localhost has expired.",
            "Check this machine's date and time; ",
            id="expired",
        ),
        pytest.param(
            lambda ca: ca.trusted.issue_cert("localhost", not_before=TOMORROW),
            "The certificate of localhost is not valid yet.",
            "Check this machine's date and time; ",
            id="not valid yet",
        ),
        pytest.param(
            lambda ca: ca.trusted.issue_cert("elsewhere.example"),
            "localhost presents a certificate for another host.",
            "Check the host in JUSPAY_BASE_URL; ",
            id="another host",
        ),
        pytest.param(
            lambda ca: ca.unknown.issue_cert("localhost"),
            "The certificate of localhost is from an authority that this machine does not trust.",
            "If your network inspects TLS, add its certificate authority to this machine's, or set SSL_CERT_FILE ",
            id="unknown authority",
        ),
    ],
)
def test_a_certificate_that_does_not_verify_is_reported_with_the_reason(
    issue: Callable[[Authorities], trustme.LeafCert], finding: str, advice: str, authorities: Authorities
) -> None:
    failed = tls_failure(over_tls(issue(authorities).configure_cert))
    assert (failed.finding, failed.exit_status) == (finding, 69)
    assert failed.advice is not None
    assert failed.advice.startswith(advice)
    assert failed.advice.endswith(NOT_SENT)


@pytest.mark.usefixtures("trust")
def test_a_certificate_for_a_name_is_not_for_an_address(authorities: Authorities) -> None:
    failed = tls_failure(over_tls(authorities.trusted.issue_cert("localhost").configure_cert, host="127.0.0.1"))
    assert failed.finding == "127.0.0.1 presents a certificate for another host."


@pytest.mark.usefixtures("trust")
def test_a_self_signed_certificate_is_not_trusted(authorities: Authorities, tmp_path: Path) -> None:
    own = tmp_path / "self-signed.pem"
    own.write_bytes(authorities.unknown.private_key_pem.bytes() + authorities.unknown.cert_pem.bytes())
    failed = tls_failure(over_tls(lambda context: context.load_cert_chain(own)))
    assert failed.finding == "The certificate of localhost is from an authority that this machine does not trust."


def test_a_certificate_that_fails_in_a_rarer_way_is_reported_as_unverified(
    trust: Callable[[trustme.CA], None],
) -> None:
    childless = trustme.CA(path_length=0)
    trust(childless)
    disobedient = trustme.CA.from_pem(childless.cert_pem.bytes(), childless.private_key_pem.bytes())
    failed = tls_failure(over_tls(disobedient.create_child_ca().issue_cert("localhost").configure_cert))
    assert failed.finding == "The certificate of localhost could not be verified."
    assert failed.advice == (
        "Ask your network's administrators whether they inspect TLS; if they don't, ask the operator of localhost. "
        "No credentials were sent."
    )


def test_a_server_without_tls_is_reported(environ: dict[str, str], simulator: Simulator) -> None:
    failed = tls_failure(check(environ | {"JUSPAY_BASE_URL": f"https://127.0.0.1:{simulator.port}"}, CUSTOMER))
    assert failed.finding == (f"127.0.0.1 does not speak TLS on port {simulator.port}, or only a version before 1.2.")
    assert failed.advice is not None
    assert failed.advice.startswith("Check host and port in JUSPAY_BASE_URL; ")


def test_a_missing_file_of_authorities_is_a_wrong_configuration(
    environ: dict[str, str], simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone"))  # as in `trust`
    failed = tls_failure(check(environ | {"JUSPAY_BASE_URL": f"https://127.0.0.1:{simulator.port}"}, CUSTOMER))
    assert (
        failed.finding
        == "SSL_CERT_FILE and SSL_CERT_DIR must be a readable file or folder of certificates, or not set."
    )
    assert failed.exit_status == 78


@contextmanager
def hanging_up() -> Iterator[int]:
    """The port of a server that closes every connection as soon as something comes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            for _ in ("host", "tls"):
                with closing(server.accept()[0]) as connection:
                    connection.recv(65536)

        thread = Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_connection_broken_off_in_the_handshake_is_no_tls() -> None:
    with hanging_up() as port:
        failed = tls_failure(check(CREDENTIALS | {"JUSPAY_BASE_URL": f"https://127.0.0.1:{port}"}, CUSTOMER))
    assert failed.finding.startswith(f"127.0.0.1 does not speak TLS on port {port}, ")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_a_handshake_that_never_ends_is_reported_as_timed_out(silent_port: int) -> None:
    base_url = f"https://127.0.0.1:{silent_port}"
    failed = tls_failure(check(CREDENTIALS | {"JUSPAY_BASE_URL": base_url}, CUSTOMER, max_seconds=LIMIT))
    assert failed.finding == f"The TLS handshake with 127.0.0.1 on port {silent_port} timed out after 0.25 s."


def request_failure(report: Report, name: str = "credentials") -> Check:
    failed = only_failure(report)
    assert failed.name == name
    if name == "credentials":
        assert report.checks[4:] == tuple(skipped(name, "credentials") for name in ("latency", "customer", "start"))
    return failed


def without_trace(advice: str | None) -> str:
    return re.sub(r"\nFor Juspay's support, the request's id: [0-9a-f-]{36}\.$", "", advice or "")


class Refusal(NamedTuple):
    """What comes instead of wallets, the error that it is, the exit status, and the advice beside the error's own."""

    behaviour: Behaviour | None
    error: WalletsError
    exit_status: int
    more: str = "{}"


REFUSALS = {
    "a wrong key": Refusal(
        None,
        AuthenticationFailed("sandbox"),
        77,
        "Sandbox and production have different keys: make sure that JUSPAY_ENV says where this key is from.\n{}",
    ),
    "an address that is not allowed": Refusal(Behaviour(status=403), AccessDenied(), 77),
    "a wrong path": Refusal(Behaviour(status=404), RequestRejected(404), 69),
    "a limit": Refusal(Behaviour(status=429, headers={"retry-after": "7"}), UpstreamRateLimited(7), 69),
    "an outage": Refusal(Behaviour(status=503), UpstreamUnavailable("it answered HTTP 503", transient=True), 69),
    "a log-in page": Refusal(
        Behaviour(status=200, body=b"<html>Log in</html>"),
        UpstreamInvalid("it is not JSON"),
        69,
        "Check JUSPAY_BASE_URL: something other than Juspay's API may answer there, such as the login page of a "
        "proxy or network.\n{}",
    ),
    "no reply": Refusal(
        Behaviour(hang_up=True),
        UpstreamUnavailable("the connection broke before the reply was whole", transient=True),
        69,
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_answer_without_wallets_says_what_it_is_and_what_to_do(
    refusal: Refusal, environ: dict[str, str], simulator: Simulator
) -> None:
    if refusal.behaviour is None:
        environ["JUSPAY_API_KEY"] = "wrong_key"
    simulator.behave_always(refusal.behaviour)
    failed = request_failure(check(environ, CUSTOMER))
    assert (failed.exit_status, failed.finding, without_trace(failed.advice)) == (
        refusal.exit_status,
        refusal.error.problem,
        refusal.more.format(refusal.error.advice),
    )


def test_a_failed_request_names_juspays_id_of_it(environ: dict[str, str], simulator: Simulator) -> None:
    simulator.behave_always(Behaviour(status=500, headers={"x-request-id": "4bf92f3577b34da6"}))
    advice = request_failure(check(environ, CUSTOMER)).advice
    assert advice == "Try again in a few minutes.\nFor Juspay's support, the request's id: 4bf92f3577b34da6."


def test_a_server_that_never_answers_is_given_up_on_after_the_timeout_that_is_set(silent_port: int) -> None:
    environ = CREDENTIALS | {"JUSPAY_BASE_URL": f"http://127.0.0.1:{silent_port}", "JUSPAY_TIMEOUT_SECONDS": "1"}
    begun = time.monotonic()
    failed = request_failure(check(environ, CUSTOMER))
    assert 1 <= time.monotonic() - begun < 3
    assert (failed.exit_status, failed.finding) == (
        69,
        "127.0.0.1 accepted the connection, but its answer to a request timed out after 1 s.",
    )


def test_a_failed_latency_does_not_keep_the_customer_from_being_checked(
    environ: dict[str, str], simulator: Simulator
) -> None:
    simulator.behave(Behaviour(), Behaviour(status=503))
    report = check(environ, CUSTOMER)
    assert request_failure(report, "latency").exit_status == 69
    assert outcomes(report)["customer"] == "ok"


@pytest.mark.parametrize("customer", ["nobody@example.com", "cth_not_found_404"])
def test_a_customer_that_juspay_does_not_know_fails_the_customer_check_alone(
    customer: str, environ: dict[str, str]
) -> None:
    failed = request_failure(check(environ, customer), "customer")
    error = CustomerNotFound("sandbox")
    assert (failed.exit_status, failed.finding, without_trace(failed.advice)) == (69, error.problem, error.advice)


@pytest.mark.parametrize("customer", ["", "a?b", "../orders/1"])
def test_an_id_that_breaks_the_rule_is_never_sent(
    customer: str, environ: dict[str, str], simulator: Simulator
) -> None:
    failed = request_failure(check(environ, customer), "customer")
    assert failed == Check(
        name="customer",
        outcome="failed",
        finding="The customer id is invalid, so no request about it was sent.",
        advice=InvalidCustomerId().advice,
        exit_status=64,
    )
    assert len(simulator.requests) == 2


def shown(report: Report) -> str:
    """Everything that may reach somebody, wherever."""
    return "\n".join((*render(report), report.to_json(), repr(report)))


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 418, 500])
@pytest.mark.parametrize("body", [b'{"list": [{"wallet": "PAYTM", "id": "SECRET", "token": "SECRET"}]}', b"SECRET"])
def test_neither_keys_nor_ids_nor_what_juspay_writes_are_shown(
    status: int, body: bytes, environ: dict[str, str], simulator: Simulator
) -> None:
    headers = {"x-request-id": "SECRET_SECRET", "location": "https://SECRET", "www-authenticate": "SECRET"}
    simulator.behave_always(Behaviour(status=status, body=body, headers=headers))
    environ |= {"JUSPAY_API_KEY": "SECRET_KEY", "JUSPAY_MERCHANT_ID": "SECRET_MERCHANT"}
    whole = shown(check(environ, "asha.SECRET@example.com"))
    assert "SECRET" not in whole
    assert "asha" not in whole


def test_the_json_has_every_check_with_all_its_keys() -> None:
    checks = (
        ok("variables", "Right."),
        Check(name="host", outcome="failed", finding="Wrong.", advice="Fix it.\nAsk.", exit_status=69),
        Check(name="tls", outcome="failed", finding="Wrong too.", advice="Fix it.", exit_status=78),
    )
    report = Report(checks=checks, environment="production", base_url="https://api.juspay.in")
    assert json.loads(report.to_json()) == {
        "ok": False,
        "version": VERSION,
        "environment": "production",
        "base_url": "https://api.juspay.in",
        "checks": [
            {"name": "variables", "outcome": "ok", "finding": "Right.", "advice": None, "exit_status": 0},
            {"name": "host", "outcome": "failed", "finding": "Wrong.", "advice": "Fix it.\nAsk.", "exit_status": 69},
            {"name": "tls", "outcome": "failed", "finding": "Wrong too.", "advice": "Fix it.", "exit_status": 78},
        ],
    }
    assert report.exit_status == 69


def test_the_text_puts_what_to_do_under_what_is_wrong_in_lines_that_fit(environ: dict[str, str]) -> None:
    report = check(environ | {"JUSPAY_BASE_URL": "https://juspay.invalid"})
    assert (
        "\n".join(render(report))
        == f"""\
juspay-wallets-mcp {VERSION}: sandbox, https://juspay.invalid

ok       variables     Nothing is wrong or missing; set: JUSPAY_API_KEY, JUSPAY_MERCHANT_ID,
                       JUSPAY_ENV, JUSPAY_BASE_URL.
FAILED   host          juspay.invalid could not be resolved to an address (DNS).
                       -> Check the host's spelling if you set JUSPAY_BASE_URL; then this machine's
                          network and DNS (VPN, container, firewall).
                       -> This program connects directly; if this network needs a proxy, set
                          JUSPAY_PROXY.
skipped  tls           Not checked, because the check of host failed.
skipped  credentials   Not checked, because the check of host failed.
skipped  latency       Not checked, because the check of host failed.
skipped  start         Not checked, because the check of host failed.

1 of 6 checks failed: host."""
    )


def test_the_text_of_a_set_up_that_works_says_so(environ: dict[str, str]) -> None:
    assert render(check(environ))[-1] == "This set-up works."
