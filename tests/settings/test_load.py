import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from juspay_mcp.errors import ConfigurationError, NotConfigured
from juspay_mcp.settings.load import AccessSettings, JuspayAccount, OAuthSettings, Settings, load_settings
from juspay_mcp.settings.variables import VARIABLES
from tests.support.builders import account_of

ACCESS_BY_DEFAULT = AccessSettings(
    tokens_file=None,
    oauth=None,
    public_url=None,
    allowed_hosts=(),
    allowed_origins=(),
)
ACCOUNT_BY_DEFAULT = JuspayAccount(
    base_url="https://sandbox.juspay.in", api_key=None, api_key_file=None, merchant_id=None
)
BY_DEFAULT = Settings(
    environment="sandbox",
    account=ACCOUNT_BY_DEFAULT,
    api_version="2023-06-30",
    currency="INR",
    timeout_seconds=25.0,
    max_connections=16,
    rate_limit="60/minute",
    rate_limit_storage=None,
    access=ACCESS_BY_DEFAULT,
    audit_log=None,
    audit_key=None,
    audit_key_file=None,
    log_level="WARNING",
    log_format="text",
)
# What a wrong value is told; docs/reference.md has each whole.
RULES = {known.name: f"{known.says}; for example: {known.example}" for known in VARIABLES}
UNFILLED = "{0} holds a placeholder or {0}= instead of a value; it must be {1}, or not set; for example: {2}"
CREDENTIALS = {"JUSPAY_API_KEY", "JUSPAY_API_KEY_FILE", "JUSPAY_MERCHANT_ID"}
LINES = {f"{name} must be {rule}." for name, rule in RULES.items()}
BOTH_KEYS = "{0} and {0}_FILE are both set; set only one of them."
AUDIT_NEEDS = (
    "JUSPAY_MCP_AUDIT_LOG needs JUSPAY_MCP_AUDIT_KEY or JUSPAY_MCP_AUDIT_KEY_FILE, because a hash without "
    "a key reveals a phone number; for example: what openssl rand -hex 32 prints."
)
OAUTH_NEEDS = (
    "JUSPAY_MCP_OAUTH_ISSUER needs JUSPAY_MCP_PUBLIC_URL, the audience of the tokens it accepts; "
    "for example: https://wallets.example.com/mcp."
)


def access(**changed: Any) -> dict[str, object]:
    return {"access": replace(ACCESS_BY_DEFAULT, **changed)}


def account(**changed: Any) -> dict[str, object]:
    return {"account": replace(ACCOUNT_BY_DEFAULT, **changed)}


ACCEPTED: dict[str, list[tuple[str, dict[str, object]]]] = {
    "JUSPAY_API_KEY": [
        ("A1B2C3D4E5F6", account(api_key=SecretStr("A1B2C3D4E5F6"))),
        ("!~/+=", account(api_key=SecretStr("!~/+="))),
        ("k" * 256, account(api_key=SecretStr("k" * 256))),
        (" spaced\n", account(api_key=SecretStr("spaced"))),
    ],
    "JUSPAY_API_KEY_FILE": [("/run/secrets/key file", account(api_key_file=Path("/run/secrets/key file")))],
    "JUSPAY_MERCHANT_ID": [("acme", account(merchant_id="acme")), ("Acme-1_in", account(merchant_id="Acme-1_in"))],
    "JUSPAY_ENV": [
        ("sandbox", {}),
        ("production", {"environment": "production"} | account(base_url="https://api.juspay.in")),
        ("simulator", {"environment": "simulator", "account": None}),
    ],
    "JUSPAY_BASE_URL": [
        ("https://api.juspay.io", account(base_url="https://api.juspay.io")),
        ("https://api.juspay.io/", account(base_url="https://api.juspay.io")),
        ("https://gateway.example:8443/juspay/v1/", account(base_url="https://gateway.example:8443/juspay/v1")),
        ("https://smartgateway.hdfc.bank.in", account(base_url="https://smartgateway.hdfc.bank.in")),
        ("https://203.0.113.7", account(base_url="https://203.0.113.7")),
        ("https://[2001:db8::1]:8443", account(base_url="https://[2001:db8::1]:8443")),
        ("http://localhost:8790", account(base_url="http://localhost:8790")),
        ("http://127.0.0.1:8790", account(base_url="http://127.0.0.1:8790")),
        ("http://127.8.9.10", account(base_url="http://127.8.9.10")),
        ("http://[::1]:8790", account(base_url="http://[::1]:8790")),
    ],
    "JUSPAY_API_VERSION": [("2025-01-10", {"api_version": "2025-01-10"})],
    "JUSPAY_CURRENCY": [("BRL", {"currency": "BRL"})],
    "JUSPAY_TIMEOUT_SECONDS": [
        ("1", {"timeout_seconds": 1.0}),
        ("2.5", {"timeout_seconds": 2.5}),
        ("99", {"timeout_seconds": 99.0}),
        ("299.999", {"timeout_seconds": 299.999}),
        ("300", {"timeout_seconds": 300.0}),
    ],
    "JUSPAY_MAX_CONNECTIONS": [("1", {"max_connections": 1}), ("1000", {"max_connections": 1000})],
    "JUSPAY_PROXY": [
        (value, account(proxy=SecretStr(value)))
        for value in (
            "http://proxy:3128",
            "http://10.0.0.7/",
            "http://u:p%40ss@[2001:db8::1]:8080",
            "http://u@p.example",
        )
    ],
    "JUSPAY_MCP_RATE_LIMIT": [
        ("1/second", {"rate_limit": "1/second"}),
        ("9999999/hour", {"rate_limit": "9999999/hour"}),
        ("off", {"rate_limit": None}),
    ],
    "JUSPAY_MCP_LOG_LEVEL": [
        (level, {"log_level": level.upper()}) for level in ("DEBUG", "INFO", "WARNING", "ERROR", "info", "Debug")
    ],
    "JUSPAY_MCP_LOG_FORMAT": [(name, {"log_format": name}) for name in ("text", "json")],
}
ACCEPTED |= {
    "JUSPAY_MCP_RATE_LIMIT_STORAGE": [
        ("redis://127.0.0.1:6379/0", {"rate_limit_storage": SecretStr("redis://127.0.0.1:6379/0")}),
        ("rediss://u:p@cache.example:6380", {"rate_limit_storage": SecretStr("rediss://u:p@cache.example:6380")}),
    ],
    "JUSPAY_MCP_TOKENS_FILE": [("/etc/tokens of ours", access(tokens_file=Path("/etc/tokens of ours")))],
    "JUSPAY_MCP_PUBLIC_URL": [
        ("https://w.example/mcp", access(public_url="https://w.example/mcp")),
        ("http://127.0.0.1:8000/mcp", access(public_url="http://127.0.0.1:8000/mcp")),
        ("https://w.example/a%20b/-._~!$&'()*+,;=:@", access(public_url="https://w.example/a%20b/-._~!$&'()*+,;=:@")),
    ],
    "JUSPAY_MCP_ALLOWED_HOSTS": [
        ("w.example", access(allowed_hosts=("w.example",))),
        ("w.example:8443,[::1]:*,10.0.0.5", access(allowed_hosts=("w.example:8443", "[::1]:*", "10.0.0.5"))),
        (
            "W.Example:443, my_service:80 ,[2001:DB8::1]:443",
            access(allowed_hosts=("w.example", "my_service", "[2001:db8::1]")),
        ),
        ("w.example:65535,w.example:4430", access(allowed_hosts=("w.example:65535", "w.example:4430"))),
    ],
    "JUSPAY_MCP_ALLOWED_ORIGINS": [
        ("https://a.example,http://b:81", access(allowed_origins=("https://a.example", "http://b:81"))),
        ("HTTPS://A.Example:443, http://b:80", access(allowed_origins=("https://a.example", "http://b"))),
        ("https://a:80,http://b:443", access(allowed_origins=("https://a:80", "http://b:443"))),
        (
            "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn,app://obsidian.md,tauri://localhost,app://.",
            access(
                allowed_origins=(
                    "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn",
                    "app://obsidian.md",
                    "tauri://localhost",
                    "app://.",
                )
            ),
        ),
    ],
    "JUSPAY_MCP_OAUTH_AUDIENCE": [
        ("api://wallets", {}),
        ("0f1e-2d3c , https://w.example/mcp/", {}),
    ],
    "JUSPAY_MCP_OAUTH_SCOPE": [
        ("juspay/wallets:read", {}),
        ("api://wallets/.default", {}),
    ],
    "JUSPAY_MCP_AUDIT_KEY": [("k" * 32, {"audit_key": SecretStr("k" * 32)})],
    "JUSPAY_MCP_AUDIT_KEY_FILE": [("/run/secrets/audit", {"audit_key_file": Path("/run/secrets/audit")})],
}
REFUSED = {
    "JUSPAY_API_KEY": ["two words", "key:", "schlüssel", "a\tb", "a\nb", "k" * 257],
    "JUSPAY_API_KEY_FILE": ["a\0b"],
    "JUSPAY_MERCHANT_ID": ["two words", "acme:", "akmé", "acme\r\nx-injected: 1", "m" * 257],
    "JUSPAY_ENV": ["prod", "Sandbox", "sandbox,production"],
    "JUSPAY_BASE_URL": [
        "api.juspay.in",
        "//api.juspay.in",
        "http://api.juspay.in",
        "HTTPS://api.juspay.in",
        "ftp://localhost",
        "file:///etc/passwd",
        "https://",
        "https:///customers",
        "https://key:@api.juspay.in",
        "https://api.juspay.in@evil.example",
        "https://api.juspay.in?a=b",
        "https://api.juspay.in/?",
        "https://api.juspay.in/#",
        "https://api.juspay.in#a",
        "https://api.juspay.in:port",
        "https://api.juspay.in:99999",
        "https://api juspay.in",
        "https://jüspay.in",
        "https://[::1",
        "https://[::1]junk",
        "https://[v1.a]",
        "https://api.juspay.in\\@evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.nip.io",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://[::ffff:10.0.0.1]",
    ],
    "JUSPAY_API_VERSION": ["2023", "2023-6-30", "2023-13-01", "2023-00-01", "2023-01-32", "30-06-2023", "latest"],
    "JUSPAY_CURRENCY": ["inr", "RS", "INRX", "₹₹₹"],
    "JUSPAY_TIMEOUT_SECONDS": [
        "0",
        "0.5",
        "300.1",
        "301",
        "-1",
        "1e2",
        "inf",
        "nan",
        "1.",
        "1.2345",
        "025",
        "\u0662\u0665",
    ],
    "JUSPAY_PROXY": [
        "proxy.example:3128",
        "https://proxy",
        "socks5://proxy",
        "http://a b@proxy",
        "http://p:0",
        "http://",
        "http://p/x",
    ],
    "JUSPAY_MAX_CONNECTIONS": ["0", "1001", "-1", "1.5", "016", "many"],
    "JUSPAY_MCP_RATE_LIMIT": [
        "60",
        "0/minute",
        "60/day",
        "60 per minute",
        "-1/second",
        "1.5/hour",
        "OFF",
        "12345678/hour",
    ],
    "JUSPAY_MCP_RATE_LIMIT_STORAGE": ["memory://", "http://127.0.0.1", "redis://", "redis://a b"],
    "JUSPAY_MCP_TOKENS_FILE": ["a\0b"],
    "JUSPAY_MCP_OAUTH_ISSUER": ["login.example", "http://login.example", "https://a?b", "https://u@a", "https://a:0"],
    "JUSPAY_MCP_PUBLIC_URL": [
        "w.example/mcp",
        "http://w.example/mcp",
        "https://w.example/#a",
        "http://1.2.3.4.5",
        *(f"https://w.example/{character}/mcp" for character in '"<>\\^`{|}'),  # no URL has them
    ],
    "JUSPAY_MCP_OAUTH_AUDIENCE": ["a b", "a,", ",a", "a,,b", "ä", "a" * 257],
    "JUSPAY_MCP_OAUTH_SCOPE": ["a b", 'a"', "a\\b", "ä", "a\nb", "a" * 257],
    "JUSPAY_MCP_ALLOWED_HOSTS": ["a b", "https://a", "a,", ",a", "a:port", "*", "a:0", "a:0443", "a:65536", "a/"],
    "JUSPAY_MCP_ALLOWED_ORIGINS": [
        "*",
        "a.example",
        "https://a/",
        "://a",
        "null",
        "https://a:*",
        "app://",
        "a://b:0",
    ],
    "JUSPAY_MCP_AUDIT_LOG": ["a\0b"],
    "JUSPAY_MCP_AUDIT_KEY": ["k" * 31, "k" * 257, "k" * 20 + " " + "k" * 20],
    "JUSPAY_MCP_AUDIT_KEY_FILE": ["a\0b"],
    "JUSPAY_MCP_LOG_LEVEL": ["debugging", "TRACE", "30"],
    "JUSPAY_MCP_LOG_FORMAT": ["logfmt", "json lines"],
}
variables = st.dictionaries(
    st.sampled_from(sorted(RULES)),
    st.sampled_from([value for values in ACCEPTED.values() for value, _ in values])
    | st.sampled_from([value for values in REFUSED.values() for value in values])
    | st.text(),
)
hosts = st.lists(
    st.sampled_from(["localhost", "127.0.0.1", "[::1]", "a.in", ":", "80", "]", "[", "@", "%", "|", '"', "\\", "/"])
)


def refusal(environ: Mapping[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    return str(caught.value)


def test_every_variable_has_a_default_or_none() -> None:
    assert load_settings({}) == BY_DEFAULT


@pytest.mark.parametrize("value", ["", " ", "\n\t"], ids=["empty", "a space", "white space"])
def test_an_empty_variable_counts_as_not_set(value: str) -> None:
    assert load_settings(dict.fromkeys(RULES, value)) == BY_DEFAULT


def test_other_variables_are_ignored() -> None:
    assert load_settings({"JUSPAY_PROD_BASE_URL": "nonsense", "PATH": "/bin"}) == BY_DEFAULT


@pytest.mark.parametrize(
    ("name", "value", "changed"), [(name, *example) for name, examples in ACCEPTED.items() for example in examples]
)
def test_a_value_by_the_rule_is_taken(name: str, value: str, changed: dict[str, object]) -> None:
    taken = load_settings({name: value})
    assert {field: getattr(taken, field) for field in BY_DEFAULT.__slots__} == {
        field: changed.get(field, getattr(BY_DEFAULT, field)) for field in BY_DEFAULT.__slots__
    }


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values])
def test_any_other_value_gets_the_variable_the_rule_and_an_example_without_the_value(name: str, value: str) -> None:
    assert refusal({name: value}) == f"{name} must be {RULES[name]}."


@pytest.mark.parametrize(
    "url", ["https://api.juspay.in", "http://localhost.evil.example", "https://10.0.0.1", "https://127.0.0.1.nip.io"]
)
def test_the_simulator_is_asked_on_loopback_alone(url: str) -> None:
    environ = {"JUSPAY_ENV": "simulator", "JUSPAY_BASE_URL": url}
    assert refusal(environ) == f"JUSPAY_BASE_URL must be {RULES['JUSPAY_BASE_URL']}."


@pytest.mark.parametrize("url", ["http://localhost:8790", "https://localhost:8790", "http://[::1]"])
def test_a_simulator_elsewhere_on_loopback_can_be_asked(url: str) -> None:
    assert account_of(load_settings({"JUSPAY_ENV": "simulator", "JUSPAY_BASE_URL": url})).base_url == url


@pytest.mark.parametrize("name", ["JUSPAY_API_KEY", "JUSPAY_MCP_AUDIT_KEY"])
def test_two_keys_are_one_too_many(name: str) -> None:
    assert refusal({name: "secret" * 6, f"{name}_FILE": "/run/secrets/key"}) == BOTH_KEYS.format(name)


def test_an_audit_log_without_a_key_is_refused() -> None:
    assert refusal({"JUSPAY_MCP_AUDIT_LOG": "stderr"}) == AUDIT_NEEDS


@pytest.mark.parametrize("key", [{"JUSPAY_MCP_AUDIT_KEY": "k" * 32}, {"JUSPAY_MCP_AUDIT_KEY_FILE": "/run/key"}])
def test_an_audit_log_with_a_key_is_taken(key: dict[str, str]) -> None:
    assert load_settings({"JUSPAY_MCP_AUDIT_LOG": "/var/log/a", **key}).audit_log == "/var/log/a"


def test_what_an_issuer_s_tokens_must_say_is_set_with_the_issuer_alone() -> None:
    environ = {
        "JUSPAY_MCP_OAUTH_ISSUER": "https://login.example/",
        "JUSPAY_MCP_PUBLIC_URL": "https://w.example/mcp/",
        "JUSPAY_MCP_OAUTH_AUDIENCE": "0f1e-2d3c , https://w.example/mcp/",
        "JUSPAY_MCP_OAUTH_SCOPE": "juspay/wallets:read",
    }
    assert load_settings(environ).access.oauth == OAuthSettings(
        issuer="https://login.example/",
        resource="https://w.example/mcp/",
        audiences=("0f1e-2d3c", "https://w.example/mcp/"),
        scope="juspay/wallets:read",
    )


def test_an_oauth_issuer_needs_an_audience() -> None:
    issuer = {"JUSPAY_MCP_OAUTH_ISSUER": "https://login.example/tenant"}
    assert refusal(issuer) == OAUTH_NEEDS
    taken = load_settings({**issuer, "JUSPAY_MCP_PUBLIC_URL": "https://w.example/mcp"}).access
    assert taken.oauth == OAuthSettings(
        issuer="https://login.example/tenant", resource="https://w.example/mcp", audiences=(), scope="wallets:read"
    )


KEY = {"JUSPAY_API_KEY": "made-up"}
KEY_FILE = {"JUSPAY_API_KEY_FILE": "/run/secrets/key"}
MERCHANT = {"JUSPAY_MERCHANT_ID": "acme"}
SIMULATOR = {"JUSPAY_ENV": "simulator"}
NO_KEY = "JUSPAY_API_KEY (or JUSPAY_API_KEY_FILE)"


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        pytest.param(KEY | MERCHANT, (), id="all there"),
        pytest.param(KEY_FILE | MERCHANT, (), id="all there, the key in a file"),
        pytest.param({}, (NO_KEY, "JUSPAY_MERCHANT_ID"), id="nothing there"),
        pytest.param(KEY, ("JUSPAY_MERCHANT_ID",), id="no merchant id"),
        pytest.param(MERCHANT, (NO_KEY,), id="no key"),
        pytest.param(SIMULATOR, (), id="the built-in simulator needs none"),
        pytest.param(
            SIMULATOR | {"JUSPAY_BASE_URL": "http://localhost:8790"},
            (NO_KEY, "JUSPAY_MERCHANT_ID"),
            id="one elsewhere does",
        ),
    ],
)
def test_a_missing_credential_is_named_and_stops_nothing(environ: dict[str, str], missing: tuple[str, ...]) -> None:
    assert load_settings(environ).missing == missing


def test_the_key_is_not_in_the_settings_text() -> None:
    settings = load_settings({"JUSPAY_API_KEY": "s3cr3t-k3y"})
    assert "s3cr3t-k3y" not in f"{settings} {settings!r}"


@given(variables)
def test_any_environment_is_settings_or_one_line_of_ours(environ: dict[str, str]) -> None:
    try:
        settings = load_settings(environ)
    except ConfigurationError as error:
        line = str(error)
    else:
        line = "" if settings.account or settings.environment == "simulator" else "no address"
    both = {BOTH_KEYS.format(name) for name in ("JUSPAY_API_KEY", "JUSPAY_MCP_AUDIT_KEY")}
    assert line in LINES | both | {AUDIT_NEEDS, OAUTH_NEEDS, ""} or re.match(
        r"JUSPAY_\w+ holds a placeholder or ", line
    )


@given(st.sampled_from(["http://", "https://"]), hosts.map("".join))
def test_an_address_that_is_taken_is_one_the_client_reads_as_the_same_host(scheme: str, host: str) -> None:
    try:
        base_url = account_of(load_settings({"JUSPAY_BASE_URL": scheme + host})).base_url
    except ConfigurationError:
        return
    assert httpx2.URL(base_url).host == urlsplit(base_url).hostname


PLACEHOLDERS = [
    "${KEY}", "$JUSPAY_API_KEY", "$env:KEY", "${user_config.key}", "${input:juspay-key}", "{{KEY}}", "%KEY%",
    "<your key>", "${env:KEY}", "${KEY:-}", "${KEY:-${OTHER}}", "{{ .Values.key }}", "${{ secrets.KEY }}", "$(KEY)",
    '"${KEY}"', " '<key>' ",
]  # fmt: skip
NOT_REPLACED = "{} holds a placeholder that the MCP host did not replace."


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_placeholder_for_a_credential_counts_as_missing_with_the_reason(placeholder: str) -> None:
    settings = load_settings({"JUSPAY_API_KEY": placeholder, "JUSPAY_MERCHANT_ID": "acme"})
    assert settings.missing == (NO_KEY,)
    assert settings.why_missing == NOT_REPLACED.format("JUSPAY_API_KEY")
    assert account_of(load_settings({"JUSPAY_MERCHANT_ID": placeholder})).merchant_id is None
    assert placeholder not in f"{NotConfigured(settings.missing, settings.why_missing)} {settings!r}"


@pytest.mark.parametrize("name", sorted(RULES.keys() - CREDENTIALS))
@pytest.mark.parametrize("value", ["${X}", "{}=value"])
def test_a_placeholder_for_anything_else_stops_the_start(name: str, value: str) -> None:
    says, example = RULES[name].split("; for example: ")
    assert refusal({name: value.format(name) if value != "${X}" else value}) == UNFILLED.format(
        name, says, f"{example}."
    )


def test_a_placeholder_does_not_hide_a_key_that_is_there() -> None:
    settings = load_settings(MERCHANT | KEY_FILE | {"JUSPAY_API_KEY": "${JUSPAY_API_KEY}"})
    assert (settings.missing, settings.why_missing) == ((), "")


def test_every_credential_that_is_not_filled_in_is_named() -> None:
    settings = load_settings({"JUSPAY_API_KEY": "JUSPAY_API_KEY=s3cret", "JUSPAY_MERCHANT_ID": "<merchant>"})
    assert settings.why_missing == (
        "JUSPAY_API_KEY holds NAME=value instead of the value alone; JUSPAY_MERCHANT_ID holds a placeholder that the "
        "MCP host did not replace."
    )
    assert load_settings({"JUSPAY_ENV": "simulator", "JUSPAY_API_KEY": "$KEY"}).why_missing == ""


@pytest.mark.parametrize(
    "key",
    [
        "a${b}",
        "${a}b${c}",
        "$a-b",
        "a%b%",
        "%a%b",
        "<a>b",
        "{{a}}b",
        "$",
        "%%",
        "<>",
        "$5x",
        "abc=",
        "abc==",
        "a=b",
        "'",
    ],
)
def test_a_key_that_merely_contains_such_characters_is_a_key(key: str) -> None:
    assert account_of(load_settings({"JUSPAY_API_KEY": key})).api_key == SecretStr(key)


@pytest.mark.parametrize(
    "written",
    [
        '"acme"',
        "'acme'",
        "\ufeffacme",
        '\ufeff"acme"',
        " \t'acme'\n",
        "\u201cacme\u201d",
        "\u2018acme\u2019",
        '" acme "',
    ],
)
def test_quotes_space_and_a_byte_order_mark_around_a_value_are_no_part_of_it(written: str) -> None:
    assert account_of(load_settings({"JUSPAY_MERCHANT_ID": written})).merchant_id == "acme"


@pytest.mark.parametrize("written", ["\"acme'", '"acme', "'", '""acme""'])
def test_quotes_that_are_not_one_matching_pair_stay(written: str) -> None:
    kept = {'""acme""': '"acme"'}.get(written, written)
    assert account_of(load_settings({"JUSPAY_MERCHANT_ID": written})).merchant_id == kept


def test_empty_quotes_are_not_set() -> None:
    assert load_settings({"JUSPAY_API_KEY": '""', "JUSPAY_ENV": "''"}) == BY_DEFAULT


@pytest.mark.parametrize(
    ("written", "home", "path"),
    [
        ("~/juspay/key", {"HOME": "/home/asha"}, "/home/asha/juspay/key"),
        ("~/juspay/key", {"USERPROFILE": "C:/Users/asha"}, "C:/Users/asha/juspay/key"),
        ("~/juspay/key", {}, "~/juspay/key"),
        ("~asha/key", {"HOME": "/home/asha"}, "~asha/key"),
        ("/keys/~/key", {"HOME": "/home/asha"}, "/keys/~/key"),
    ],
)
def test_a_tilde_before_a_path_is_the_home_folder(written: str, home: dict[str, str], path: str) -> None:
    names = ("JUSPAY_API_KEY_FILE", "JUSPAY_MCP_AUDIT_LOG", "JUSPAY_MCP_AUDIT_KEY_FILE", "JUSPAY_MCP_TOKENS_FILE")
    settings = load_settings(home | dict.fromkeys(names, written))
    assert settings.audit_log == path
    files = (account_of(settings).api_key_file, settings.audit_key_file, settings.access.tokens_file)
    assert set(files) == {Path(path)}


@pytest.mark.parametrize("name", ["JUSPAY_API_KEY_FILE", "JUSPAY_MCP_TOKENS_FILE", "JUSPAY_MCP_AUDIT_KEY_FILE"])
def test_a_path_that_is_too_long_is_no_pipe_and_is_reported_when_it_is_read(name: str) -> None:
    assert load_settings({name: "a" * 300}) != BY_DEFAULT


def test_a_path_of_authorities_that_is_too_long_is_left_to_openssl() -> None:
    assert load_settings({"SSL_CERT_FILE": "a" * 300}) == BY_DEFAULT
