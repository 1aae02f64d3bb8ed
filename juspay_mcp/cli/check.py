"""The command `check`: runs the functions that the server's start runs, one by one, and says what each found.

Every sentence is this package's own. What fills them in is a variable's name, a host and a port, a count or a
duration: never a variable's value, and no word of a server, a certificate or a resolver.
"""

import re
import socket
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Final

import anyio
from pydantic import SecretBytes, SecretStr

from juspay_mcp.cli.check_connection import DIRECT, Problem, Resolver, Target, Template, connect, shake_hands, tunnel
from juspay_mcp.cli.check_report import NOT_SET_UP, Check, Report, failed_check
from juspay_mcp.cli.check_server import AUTHORITIES, Step, extra_checks, start
from juspay_mcp.errors import (
    EX_CONFIG,
    EX_USAGE,
    AuthenticationFailed,
    ConfigurationError,
    CustomerNotFound,
    InvalidCustomerId,
    UpstreamInvalid,
    WalletsError,
)
from juspay_mcp.juspay.client import open_client, tls_context
from juspay_mcp.juspay.wallets import WalletList
from juspay_mcp.service.wallet_service import own_simulator
from juspay_mcp.settings.load import EITHER_KEY, JuspayAccount, Settings, load_settings
from juspay_mcp.settings.secrets import MISFILLED, api_key
from juspay_mcp.settings.variables import BY_NAME
from juspay_mcp.values.customer_id import CustomerId, parse_customer_id
from juspay_mcp.values.masking import mask
from juspay_mcp.values.timestamps import utc_now

MAX_SECONDS: Final = 10.0
"""The longest that one check waits, however large JUSPAY_TIMEOUT_SECONDS is."""
UNKNOWN_CUSTOMER: Final = CustomerId("juspay-wallets-mcp-check")
"""The customer of the requests that test the credentials; nobody has this id."""

_NO_ANSWER: Final = Template(
    finding="{host} accepted the connection, but its answer to a request timed out after {seconds:g} s.",
    advice="Try again in a few minutes. If the problem persists, raise JUSPAY_TIMEOUT_SECONDS if it is below 10, "
    "look for a proxy or firewall that delays responses, and ask Juspay's support.",
)
# The errors' sentences are for support agents too; these tell somebody at a terminal more.
_FIRST_STEPS: Final[Mapping[str, str]] = {
    AuthenticationFailed.code: "Sandbox and production have different keys: make sure that JUSPAY_ENV says where "
    "this key is from.",
    UpstreamInvalid.code: "Check JUSPAY_BASE_URL: something other than Juspay's API may answer there, such as the "
    "login page of a proxy or network.",
}
_AUTHORITIES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # OpenSSL's, but what they name can stop the start
_WHERE: Final = "The server gets its variables from the MCP host's settings; this command gets them from this shell."


@dataclass
class _Checks:
    """Runs checks one after another; `done` has the results."""

    done: list[Check]

    async def run(self, name: str, step: Step, advice: str = "", after: Collection[str] = ()) -> None:
        """Runs a check, or skips it if one of the checks named in `after` failed.

        `advice` is what to do about a ConfigurationError.
        """
        failed = next((check.name for check in self.done if check.name in after and check.outcome == "failed"), None)
        if failed:
            self.done.append(_skipped(name, failed))
            return
        try:
            found = await step()
        except ConfigurationError as error:
            result = failed_check(name, str(error), advice or None, EX_CONFIG)
        except Problem as problem:
            result = failed_check(name, problem.finding, problem.advice, problem.exit_status)
        except InvalidCustomerId as error:
            finding = "The customer id is invalid, so no request about it was sent."
            result = failed_check(name, finding, error.advice, EX_USAGE)
        except WalletsError as error:
            request = f"For Juspay's support, the request's id: {error.request_id}." if error.request_id else None
            steps = filter(None, (_FIRST_STEPS.get(error.code), error.advice, request))
            result = failed_check(name, error.problem, "\n".join(steps), error.exit_status)
        else:
            result = Check(name=name, outcome="ok", finding=found) if isinstance(found, str) else found
        self.done.append(result)


def _skipped(name: str, failed: str) -> Check:
    return Check(name=name, outcome="skipped", finding=f"Not checked, because the check of {failed} failed.")


async def run_checks(
    environ: Mapping[str, str],
    customer_id: str | None = None,
    ignored: Sequence[str] = (),
    *,
    resolve: Resolver = socket.getaddrinfo,
    max_seconds: float = MAX_SECONDS,
) -> Report:
    """The report on what `environ` sets up, and on the customer if one is named; changes nothing at Juspay.

    A check that needs one that failed is skipped. Each request takes JUSPAY_TIMEOUT_SECONDS at most, and never more
    than `max_seconds`. `ignored` are the variables of the machine that can't be used. In the simulator environment
    without a base URL, a simulator stands in for Juspay.
    """
    if not any(name.startswith("JUSPAY_") and value.strip() for name, value in environ.items()):
        return Report(checks=(NOT_SET_UP,), environment=None, base_url=None)
    requests = ("credentials", "latency") if customer_id is None else ("credentials", "latency", "customer")
    variables, settings = _check_variables(environ)
    if settings is None:
        skipped = [_skipped(name, "variables") for name in ("host", "tls", *requests, "start")]
        return Report(checks=(variables, *skipped), environment=None, base_url=None)
    checks = _Checks([variables])
    if ignored:
        finding = f"Set for the whole machine, and ignored because it can't be used: {', '.join(ignored)}."
        checks.done.append(Check(name="machine", outcome="warning", finding=finding))
    with ExitStack() as stack:
        account = settings.account or stack.enter_context(own_simulator())
        target = Target.of(account.base_url, min(settings.timeout_seconds, max_seconds))
        await _check_connection(checks, account, target, resolve)
        if failed := next((check.name for check in checks.done if check.outcome == "failed"), None):
            checks.done += [_skipped(name, failed) for name in requests]
        else:
            await _check_requests(checks, settings, account, target, customer_id)
    for name, step, advice in extra_checks(settings, environ):
        await checks.run(name, step, advice, after=("audit key",) if name == "audit log" else ())
    await checks.run("start", partial(start, settings), after=[check.name for check in checks.done])
    base_url = settings.account.base_url if settings.account else None
    return Report(checks=tuple(checks.done), environment=settings.environment, base_url=base_url)


def _check_variables(environ: Mapping[str, str]) -> tuple[Check, Settings | None]:
    """The check, and the settings unless a variable breaks its rule."""
    settings, errors = _read(environ, {})
    usable = not errors
    missing, why = list(settings.missing), [settings.why_missing]
    try:
        if settings.account and settings.account.api_key_file and api_key(settings.account)() is None:
            missing, why = [EITHER_KEY, *missing], [MISFILLED, *why]
    except ConfigurationError as error:
        errors.append(error)
    wrong = [name for name in (*BY_NAME, *_AUTHORITIES) if any(name in error.variables for error in errors)]
    missing = [each for each in missing if not any(name in each for name in wrong)]
    lists = {
        "wrong": wrong,
        "missing": missing,
        "set": [name for name in BY_NAME if environ.get(name, "").strip()] or ["none"],
        # One of them may be a missing variable, misspelt.
        "set, but not a variable of this server": sorted(
            name for name in environ if re.fullmatch(r"JUSPAY_[A-Z0-9_]{1,57}", name) and name not in BY_NAME
        ),
    }
    found = "; ".join(f"{label}: {', '.join(names)}" for label, names in lists.items() if names)
    if not (wrong or missing):
        return Check(name="variables", outcome="ok", finding=f"Nothing is wrong or missing; {found}."), settings
    advice = [*map(str, errors), *filter(None, why)]
    for each in missing:
        variable = BY_NAME[each.partition(" ")[0]]
        rule = f"It must be {variable.says}; for example: {variable.example}."
        advice.append(f"Set {variable.name}: {variable.meaning} {rule}")
    advice.append(_WHERE)
    check = failed_check("variables", f"{found[0].upper()}{found[1:]}.", "\n".join(advice), EX_CONFIG)
    return check, settings if usable else None


def _read(environ: Mapping[str, str], pipes: dict[str, SecretBytes]) -> tuple[Settings, list[ConfigurationError]]:
    """The settings without the variables that break a rule, and an error for each of those."""
    try:
        return load_settings(environ, pipes), []
    except ConfigurationError as error:
        first = error
    others = {name: value for name, value in environ.items() if name not in first.variables}
    settings, more = _read(others, pipes)
    return settings, [first, *more]


async def _check_connection(checks: _Checks, account: JuspayAccount, target: Target, resolve: Resolver) -> None:
    """The proxy if there is one, the host, and its certificate."""

    async def proxy(address: SecretStr) -> str:
        async with tunnel(target, address):
            return f"It connects to {target.host} on port {target.port}."

    async def host() -> str | Check:
        if account.proxy:
            finding = "Not needed: the proxy resolves it and connects to it."
            return Check(name="host", outcome="skipped", finding=finding)
        try:
            await connect(target, resolve)
        except Problem as problem:
            if account.ignored_proxy:
                hint = (
                    f"{account.ignored_proxy} is set but not used: if this network needs a proxy, set JUSPAY_PROXY."
                )
                raise Problem(problem.finding, problem.advice.replace(DIRECT, hint)) from None
            raise
        return f"{target.host} resolves, and accepts connections on port {target.port}."

    async def tls() -> str | Check:
        if not target.encrypted:
            return Check(name="tls", outcome="skipped", finding="Not needed: plain http on loopback.")
        await shake_hands(target, tls_context(account), account.proxy)
        return f"The certificate of {target.host} is valid."

    if account.proxy:
        await checks.run("proxy", partial(proxy, account.proxy))
    await checks.run("host", host, after=("proxy",))
    await checks.run("tls", tls, AUTHORITIES, after=("proxy", "host") if target.encrypted else ())


async def _check_requests(
    checks: _Checks, settings: Settings, account: JuspayAccount, target: Target, customer_id: str | None
) -> None:
    """Lists wallets: of a customer who doesn't exist, as Juspay answers only those it knows, and of the one named."""
    async with open_client(settings, account, utc_now) as client:

        async def ask(customer: CustomerId) -> WalletList:
            with anyio.move_on_after(target.seconds):
                return await client.wallets("wallets", customer)
            raise target.problem(_NO_ANSWER)

        async def credentials() -> str:
            with suppress(CustomerNotFound):
                await ask(UNKNOWN_CUSTOMER)
            return f"Juspay accepts them in its {settings.environment} environment."

        async def latency() -> str:
            begun = perf_counter()
            with suppress(CustomerNotFound):
                await ask(UNKNOWN_CUSTOMER)
            return f"A request took {(perf_counter() - begun) * 1000:.0f} ms, connecting included."

        async def customer(given: str) -> str:
            valid = parse_customer_id(given)
            reply = await ask(valid)
            count, linked = len(reply.wallets), sum(wallet.linked is True for wallet in reply.wallets)
            unreadable = f", and {reply.unreadable} more that could not be read" if reply.unreadable else ""
            counted = f"{count} {'wallet' if count == 1 else 'wallets'}, {linked} linked{unreadable}"
            return f"Juspay knows customer {mask(valid)}, with {counted}."

        await checks.run("credentials", credentials)
        await checks.run("latency", latency, after=("credentials",))
        if customer_id is not None:
            await checks.run("customer", partial(customer, customer_id), after=("credentials",))
