"""What is right and wrong with a set-up, check by check: the core of the command `check`.

Every sentence here is this package's own, or an error's of `errors`. What fills them in is a variable's name, the
base URL's host and port, a count or a duration: never a variable's value, and no word of a server, a certificate
or a resolver.
"""

import asyncio
import json
import re
import socket
import ssl
import textwrap
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from threading import Thread
from time import perf_counter
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

import anyio

from juspay_mcp import VERSION
from juspay_mcp.errors import (
    EX_CONFIG,
    EX_OK,
    EX_UNAVAILABLE,
    AuthenticationFailed,
    ConfigurationError,
    CustomerNotFound,
    InvalidCustomerId,
    UpstreamInvalid,
    WalletsError,
    first_reason,
)
from juspay_mcp.juspay.client import JuspayClient, open_client, tls_context
from juspay_mcp.juspay.wallets import WalletList
from juspay_mcp.service.wallet_service import own_simulator
from juspay_mcp.settings.load import Environment, Settings, load_settings
from juspay_mcp.settings.secrets import api_key
from juspay_mcp.settings.variables import VARIABLES
from juspay_mcp.values.customer_id import CustomerId, parse_customer_id
from juspay_mcp.values.masking import mask
from juspay_mcp.values.timestamps import utc_now

MAX_SECONDS: Final = 10.0
"""The longest that one check waits, however large JUSPAY_TIMEOUT_SECONDS is."""

MADE_UP_CUSTOMER: Final = CustomerId("juspay-wallets-mcp-check")
"""Whom the requests ask for that are about the credentials and not about a customer; nobody has this id."""

Outcome = Literal["ok", "failed", "skipped"]
Resolver = Callable[[bytes, int], object]
"""Looks up a host's addresses, as `socket.getaddrinfo` does; raises OSError where it has none."""

_WIDTH: Final = 100
_INDENT: Final = 23  # what the mark and the name take in `render`
_KNOWN: Final = {variable.name: variable for variable in VARIABLES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one check came to.

    `finding` says what is, in one sentence. A failed check's `advice` says what to do, one step a line; other checks
    have none. `exit_status` is what this check alone would end the command with.
    """

    name: str
    outcome: Outcome
    finding: str
    advice: str | None = None
    exit_status: int = EX_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All checks, in their order.

    `environment` is None where the variables are too wrong to say; so is `base_url`, and for the built-in simulator.
    """

    checks: tuple[Check, ...]
    environment: Environment | None
    base_url: str | None

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed; a skipped one didn't."""
        return tuple(check for check in self.checks if check.outcome == "failed")

    @property
    def exit_status(self) -> int:
        """The first failed check's; 0 where none failed."""
        return next((check.exit_status for check in self.failed), EX_OK)

    def to_json(self) -> str:
        """`{"ok", "version", "environment", "base_url", "checks"}`, indented; every check has all keys of `Check`."""
        whole = {
            "ok": not self.failed,
            "version": VERSION,
            "environment": self.environment,
            "base_url": self.base_url,
            "checks": [asdict(check) for check in self.checks],
        }
        return json.dumps(whole, indent=2)


async def run_checks(
    environ: Mapping[str, str],
    customer_id: str | None = None,
    *,
    resolve: Resolver = socket.getaddrinfo,
    max_seconds: float = MAX_SECONDS,
) -> Report:
    """The report on what `environ` sets up, and on the customer where one is named; changes nothing at Juspay.

    A check that needs one that failed is skipped, and says so. Each of the network checks (host, tls, credentials,
    latency, customer) takes JUSPAY_TIMEOUT_SECONDS at most, and never more than `max_seconds`. In the simulator
    environment without a base URL they are made against a simulator of their own.
    """
    variables, settings = _check_variables(environ)
    names = ("credentials", "latency") if customer_id is None else ("credentials", "latency", "customer")
    if settings is None:
        skipped = _skip(("host", "tls", *names), [variables])
        return Report(checks=(variables, *skipped), environment=None, base_url=None)
    with _reachable(settings) as reached:
        target = _target(reached, max_seconds)
        host = await _check_host(target, resolve)
        tls = await _check_tls(target, reached, host)
        before = (variables, host, tls)
        asked = _skip(names, before) or await _check_requests(target, reached, customer_id)
    return Report(checks=(*before, *asked), environment=settings.environment, base_url=settings.base_url)


def render(report: Report) -> list[str]:
    """The report as lines of plain text for a person, the verdict last."""
    where = f"{report.environment}, {report.base_url or 'built in'}" if report.environment else "not usable yet"
    checks = [line for check in report.checks for line in _lines(check)]
    return [f"juspay-wallets-mcp {VERSION}: {where}", "", *checks, "", _verdict(report)]


def _lines(check: Check) -> list[str]:
    mark = "FAILED" if check.outcome == "failed" else check.outcome
    advice = [line for step in (check.advice or "").splitlines() for line in _wrap("-> ", step)]
    first, *rest = _wrap("", check.finding)
    return [f"{mark:<8} {check.name:<13} {first.lstrip()}", *rest, *advice]


def _wrap(mark: str, sentence: str) -> list[str]:
    """The sentence under its check's name; a URL or a path stays in one piece, to be copied."""
    margin = " " * _INDENT
    return textwrap.wrap(
        sentence,
        _WIDTH,
        initial_indent=margin + mark,
        subsequent_indent=margin + " " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _verdict(report: Report) -> str:
    if report.failed:
        names = ", ".join(check.name for check in report.failed)
        return f"{len(report.failed)} of {len(report.checks)} checks failed: {names}."
    against = ", against the simulator and not against Juspay" if report.environment == "simulator" else ""
    return f"This set-up works{against}."


def _check_variables(environ: Mapping[str, str]) -> tuple[Check, Settings | None]:
    """The check, and the settings as far as they say which host to reach."""
    settings, complaints = _read(environ)
    unreadable = _key_file_complaint(settings)
    wrong = _named((*complaints, *unreadable))
    missing = [each for each in settings.missing if not set(_named([each])) & set(wrong)]
    advice = [*complaints, *unreadable, *(_how_to_set(_named([each])[0]) for each in missing)]
    finding = _variables_finding(environ, wrong, missing)
    if not advice:
        return _ok("variables", finding), settings
    advice.append("The server has its variables from the MCP host's settings; this command, from this shell.")
    check = Check(
        name="variables", outcome="failed", finding=finding, advice="\n".join(advice), exit_status=EX_CONFIG
    )
    return check, None if complaints else settings


def _read(environ: Mapping[str, str]) -> tuple[Settings, tuple[str, ...]]:
    """The settings without the variables that break a rule, and what is said about each of those."""
    try:
        return load_settings(environ), ()
    except ConfigurationError as error:
        complaint = str(error)
    settings, more = _read({name: value for name, value in environ.items() if name not in _named([complaint])})
    return settings, (complaint, *more)


def _key_file_complaint(settings: Settings) -> tuple[str, ...]:
    """Like the server, looks into the key's file unless the simulator is the built-in one, which needs no key."""
    try:
        if settings.base_url is not None:
            api_key(settings)
    except ConfigurationError as error:
        return (str(error),)
    return ()


def _named(sentences: Iterable[str]) -> list[str]:
    """The variables that the sentences name; JUSPAY_API_KEY_FILE doesn't name JUSPAY_API_KEY."""
    words = set(re.findall(r"\w+", " ".join(sentences)))
    return [name for name in _KNOWN if name in words]


def _how_to_set(name: str) -> str:
    variable = _KNOWN[name]
    return f"Set {name}: {variable.meaning} It must be {variable.says}; for example: {variable.example}."


def _variables_finding(environ: Mapping[str, str], wrong: list[str], missing: list[str]) -> str:
    lists = {
        "wrong": wrong,
        "missing": missing,
        "set": [name for name in _KNOWN if environ.get(name, "").strip()] or ["none"],
        "set, but not a variable of this server": _strangers(environ),
    }
    said = [f"{label}: {', '.join(names)}" for label, names in lists.items() if names]
    sentence = "; ".join(said if wrong or missing else ["nothing is wrong or missing", *said])
    return f"{sentence[0].upper()}{sentence[1:]}."


def _strangers(environ: Mapping[str, str]) -> list[str]:
    """Names like ours that nothing reads: one of them may be a missing variable, misspelt."""
    return sorted(name for name in environ if re.fullmatch(r"JUSPAY_[A-Z0-9_]{1,57}", name) and name not in _KNOWN)


@contextmanager
def _reachable(settings: Settings) -> Iterator[Settings]:
    """The settings with a base URL: a simulator's, running until the end, where they name none."""
    if settings.base_url is not None:
        yield settings
        return
    with own_simulator(settings) as simulated:
        yield simulated


@dataclass(frozen=True, kw_only=True)
class _Target:
    """What is reached, as problems name it; `seconds` is the limit of one check."""

    host: str
    port: int
    environment: Environment
    encrypted: bool
    seconds: float


class _Problem(NamedTuple):
    """Why a check failed; `{host}`, `{port}` and `{seconds:g}` stand for the target's."""

    finding: str
    advice: str
    exit_status: int = EX_UNAVAILABLE


_DIRECT: Final = "This program connects directly: proxy variables like HTTPS_PROXY are not used."
_FIREWALL: Final = f"Allow outgoing connections from this machine to {{host}} on port {{port}}.\n{_DIRECT}"
_DNS: Final = (
    "Check the host's spelling if you set JUSPAY_BASE_URL; then this machine's network and DNS (VPN, container, "
    f"firewall).\n{_DIRECT}"
)
_NAMELESS: Final = _Problem("{host} could not be resolved to an address (DNS).", _DNS)
_UNNAMED_IN_TIME: Final = _Problem("Looking up the address of {host} (DNS) timed out after {seconds:g} s.", _DNS)
_REFUSED: Final = _Problem(
    "{host} refused the connection on port {port}.",
    "Nothing listens there, or a firewall says so: check host and port in JUSPAY_BASE_URL, and that the server there "
    f"is running.\n{_DIRECT}",
)
_UNREACHABLE: Final = _Problem(
    "This machine could not connect to {host} on port {port}.", f"Check this machine's network.\n{_FIREWALL}"
)
_UNCONNECTED_IN_TIME: Final = _Problem(
    "Connecting to {host} on port {port} timed out after {seconds:g} s.",
    f"Most often a firewall drops the connection without a word.\n{_FIREWALL}",
)
_BY_CAUSE: Final[tuple[tuple[type[OSError], _Problem], ...]] = (
    (socket.gaierror, _NAMELESS),
    (ConnectionRefusedError, _REFUSED),
    (OSError, _UNREACHABLE),
)

_NOT_SENT: Final = "Nothing secret was sent."
_CLOCK: Final = (
    "Check this machine's date and time; if they are right, only whoever runs {host} can mend it. " + _NOT_SENT
)
_EXPIRED: Final = _Problem("The certificate of {host} has expired.", _CLOCK)
_NOT_YET_VALID: Final = _Problem("The certificate of {host} is not valid yet.", _CLOCK)
_OTHER_HOST: Final = _Problem(
    "{host} shows a certificate that is for another host.",
    "Check the host in JUSPAY_BASE_URL; if it is right, a proxy or a wrong DNS entry answers in its place. "
    + _NOT_SENT,
)
_UNKNOWN_AUTHORITY: Final = _Problem(
    "The certificate of {host} is from an authority that this machine does not trust.",
    "If your network inspects TLS, add its certificate authority to this machine's, or set SSL_CERT_FILE (here and "
    "for the server) to a file of all authorities to trust. If it does not, trust nothing that answers there. "
    + _NOT_SENT,
)
_UNVERIFIED: Final = _Problem(
    "The certificate of {host} does not verify.",
    "Ask your network's administrators whether they inspect TLS, and else whoever runs {host}. " + _NOT_SENT,
)
# Python's `verify_code` is OpenSSL's (x509_vfy.h) where SSL_CERT_FILE or SSL_CERT_DIR is set, and always on Linux;
# else it is that of macOS (SecBase.h, negative) or Windows (winerror.h, 0x800B…), through truststore.
_BY_VERIFY_CODE: Final[Mapping[int, _Problem]] = {
    code: problem
    for problem, codes in (
        (_EXPIRED, (10, -67818, 0x800B0101)),
        (_NOT_YET_VALID, (9, -67819)),
        (_OTHER_HOST, (62, 64, -67602, 0x800B010F)),
        (_UNKNOWN_AUTHORITY, (2, 18, 19, 20, 21, -67843, 0x800B0109)),
    )
    for code in codes
}
_NOT_TLS: Final = _Problem(
    "{host} does not speak TLS on port {port}, or only a version before 1.2.",
    "Check host and port in JUSPAY_BASE_URL; if they are right, a proxy or firewall breaks the connection off.\n"
    + _DIRECT,
)
_NO_HANDSHAKE_IN_TIME: Final = _Problem(
    "The TLS handshake with {host} on port {port} timed out after {seconds:g} s.",
    f"Most often a proxy or firewall holds it up.\n{_FIREWALL}",
)
_NO_AUTHORITIES: Final = _Problem(
    "The certificate authorities to trust could not be loaded.",
    "Check SSL_CERT_FILE and SSL_CERT_DIR: set them to a readable file or folder of certificates, or remove them.",
    EX_CONFIG,
)
_NO_ANSWER_IN_TIME: Final = _Problem(
    "{host} accepted the connection, but its answer to a request timed out after {seconds:g} s.",
    "Try again in a few minutes. If it stays so, raise JUSPAY_TIMEOUT_SECONDS where that is below 10, look for a "
    "proxy or firewall that holds answers back, and ask Juspay's support.",
)
# The errors' sentences are for support agents too; these tell somebody at a terminal more.
_FINDINGS: Final[Mapping[str, str]] = {
    InvalidCustomerId.code: "The customer id breaks the rule for ids, so nothing was asked about it.",
}
_FIRST_STEPS: Final[Mapping[str, str]] = {
    AuthenticationFailed.code: "Sandbox and production have keys of their own: make sure that JUSPAY_ENV says where "
    "this key is from.",
    UpstreamInvalid.code: "Check JUSPAY_BASE_URL: something else than Juspay's API may answer there, like the log-in "
    "page of a proxy or network.",
}


def _target(settings: Settings, max_seconds: float) -> _Target:
    url = urlsplit(settings.base_url or "")
    encrypted = url.scheme == "https"
    return _Target(
        host=url.hostname or "",
        port=url.port or (443 if encrypted else 80),
        environment=settings.environment,
        encrypted=encrypted,
        seconds=min(settings.timeout_seconds, max_seconds),
    )


async def _check_host(target: _Target, resolve: Resolver) -> Check:
    late = _UNNAMED_IN_TIME
    with anyio.move_on_after(target.seconds):
        try:
            await _look_up(target, resolve)
            late = _UNCONNECTED_IN_TIME
            await (await anyio.connect_tcp(target.host, target.port)).aclose()
        except OSError as error:
            return _failed("host", target, _problem(error))
        return _ok("host", f"{target.host} resolves, and accepts connections on port {target.port}.")
    return _failed("host", target, late)


async def _look_up(target: _Target, resolve: Resolver) -> None:
    """Returns where the host has an address.

    A resolver may take a minute to give up, and can't be interrupted. It gets a daemon thread, since that is the only
    kind that neither the event loop nor the interpreter waits for at its end.

    Raises:
        OSError: it has none.
    """
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()  # from here on nobody but the thread settles it
    look_up = partial(resolve, target.host.encode(), target.port)
    Thread(target=_settle, args=(done, look_up), daemon=True).start()
    await asyncio.wrap_future(done)


def _settle(done: Future[None], look_up: Callable[[], object]) -> None:
    try:
        look_up()
    except OSError as error:
        done.set_exception(error)
    else:
        done.set_result(None)


def _problem(error: OSError) -> _Problem:
    """The most telling one: connecting to several addresses can fail in several ways at once."""
    return first_reason(error, _BY_CAUSE)


async def _check_tls(target: _Target, settings: Settings, host: Check) -> Check:
    if not target.encrypted:
        return Check(name="tls", outcome="skipped", finding="Not needed: plain http on loopback.")
    if skipped := _skip(("tls",), [host]):
        return skipped[0]
    problem: _Problem | None = _NO_HANDSHAKE_IN_TIME
    with anyio.move_on_after(target.seconds):
        problem = await _handshake(target, settings)
    return _failed("tls", target, problem) if problem else _ok("tls", f"The certificate of {target.host} is valid.")


async def _handshake(target: _Target, settings: Settings) -> _Problem | None:
    """What is wrong with the host's TLS, by the client's own rules."""
    try:
        context = tls_context(settings)
    except ConfigurationError:
        return _NO_AUTHORITIES
    try:
        stream = await anyio.connect_tcp(target.host, target.port, ssl_context=context, tls_standard_compatible=False)
        await stream.aclose()
    except ssl.SSLCertVerificationError as error:
        return _BY_VERIFY_CODE.get(error.verify_code, _UNVERIFIED)
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream):
        return _NOT_TLS
    return None


async def _check_requests(target: _Target, settings: Settings, customer_id: str | None) -> tuple[Check, ...]:
    async with open_client(settings, utc_now) as client:
        credentials = await _asked("credentials", target, _credentials(client, target.environment))
        names = ("latency",) if customer_id is None else ("latency", "customer")
        if skipped := _skip(names, [credentials]):
            return (credentials, *skipped)
        latency = await _asked("latency", target, _latency(client))
        if customer_id is None:
            return (credentials, latency)
        return (credentials, latency, await _asked("customer", target, _customer(client, customer_id)))


async def _asked(name: str, target: _Target, check: Awaitable[Check]) -> Check:
    """The check, unless its request fails or takes too long."""
    try:
        with anyio.fail_after(target.seconds):
            return await check
    except TimeoutError:
        return _failed(name, target, _NO_ANSWER_IN_TIME)
    except WalletsError as error:
        return _failed_by(name, error)


async def _credentials(client: JuspayClient, environment: Environment) -> Check:
    await _ask_for_nobody(client)
    return _ok("credentials", f"Juspay accepts them in its {environment} environment.")


async def _latency(client: JuspayClient) -> Check:
    begun = perf_counter()
    await _ask_for_nobody(client)
    milliseconds = (perf_counter() - begun) * 1000
    return _ok("latency", f"A request took {milliseconds:.0f} ms, connecting included.")


async def _ask_for_nobody(client: JuspayClient) -> None:
    """Returns where Juspay answers about a customer who doesn't exist, as it does for those it lets in alone."""
    with suppress(CustomerNotFound):
        await client.wallets("wallets", MADE_UP_CUSTOMER)


async def _customer(client: JuspayClient, customer_id: str) -> Check:
    valid = parse_customer_id(customer_id)
    reply = await client.wallets("wallets", valid)
    return _ok("customer", f"Juspay knows customer {mask(valid)}, with {_counted(reply)}.")


def _counted(reply: WalletList) -> str:
    count, linked = len(reply.wallets), sum(wallet.linked is True for wallet in reply.wallets)
    unreadable = f", and {reply.unreadable} more that could not be read" if reply.unreadable else ""
    return f"{count} {'wallet' if count == 1 else 'wallets'}, {linked} linked{unreadable}"


def _ok(name: str, finding: str) -> Check:
    return Check(name=name, outcome="ok", finding=finding)


def _failed(name: str, target: _Target, problem: _Problem) -> Check:
    said = asdict(target)
    return Check(
        name=name,
        outcome="failed",
        finding=problem.finding.format_map(said),
        advice=problem.advice.format_map(said),
        exit_status=problem.exit_status,
    )


def _failed_by(name: str, error: WalletsError) -> Check:
    trace = f"For Juspay's support, the request's id: {error.request_id}." if error.request_id else None
    return Check(
        name=name,
        outcome="failed",
        finding=_FINDINGS.get(error.code, error.problem),
        advice="\n".join(filter(None, (_FIRST_STEPS.get(error.code), error.advice, trace))),
        exit_status=error.exit_status,
    )


def _skip(names: Iterable[str], before: Iterable[Check]) -> tuple[Check, ...]:
    """The named checks as skipped, where one before them failed; else none."""
    failed = next((check.name for check in before if check.outcome == "failed"), None)
    if failed is None:
        return ()
    finding = f"Not checked, because the check of {failed} failed."
    return tuple(Check(name=name, outcome="skipped", finding=finding) for name in names)
