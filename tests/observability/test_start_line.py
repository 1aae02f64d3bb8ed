"""A server says at its start what it is and how it is set up, and no secret."""

import logging
import re

import pytest

from juspay_mcp import VERSION
from juspay_mcp.observability.start_line import log_start
from juspay_mcp.settings.load import load_settings

SECRETS = {
    "JUSPAY_API_KEY": "key-that-must-not-show",
    "JUSPAY_MERCHANT_ID": "merchant-that-must-not-show",
    "JUSPAY_PROXY": "http://user:password@proxy.example:8080",
    "JUSPAY_MCP_RATE_LIMIT_STORAGE": "redis://user:password@cache.example:6379",
    "JUSPAY_MCP_TOKENS_FILE": "/path/that/must/not/show",
    "JUSPAY_MCP_OAUTH_ISSUER": "https://issuer.example",
    "JUSPAY_MCP_PUBLIC_URL": "https://wallets.example/mcp",
    "JUSPAY_MCP_AUDIT_LOG": "/log/that/must/not/show",
    "JUSPAY_MCP_AUDIT_KEY": "k" * 40,
}


@pytest.mark.parametrize(
    ("variables", "transport", "facts"),
    [
        (
            SECRETS | {"JUSPAY_MCP_RATE_LIMIT_STORAGE": "", "JUSPAY_MCP_AUDIT_LOG": "", "JUSPAY_PROXY": ""},
            "stdio",
            "environment sandbox, transport stdio, sign-in not needed, limit 60/minute, audit log none, proxy none",
        ),
        (
            {"JUSPAY_ENV": "simulator", "JUSPAY_MCP_RATE_LIMIT": "off"},
            "http",
            "environment simulator, transport http, sign-in none, limit off, audit log none, proxy none",
        ),
        (
            SECRETS,
            "http",
            (
                "environment sandbox, transport http, sign-in tokens file and OAuth, limit 60/minute for "
                "all replicas, audit log file, proxy set"
            ),
        ),
        (
            {**SECRETS, "JUSPAY_MCP_AUDIT_LOG": "stderr"},
            "stdio",
            (
                "environment sandbox, transport stdio, sign-in not needed, limit 60/minute for all replicas, "
                "audit log stderr, proxy set"
            ),
        ),
    ],
)
def test_the_start_is_one_line_of_facts_without_a_secret(
    caplog: pytest.LogCaptureFixture, variables: dict[str, str], transport: str, facts: str
) -> None:
    caplog.set_level(logging.INFO)
    log_start(load_settings(variables), transport)
    assert caplog.messages == [f"started: version {VERSION}, {facts}"]
    assert not re.search("must|password|example|kkk", caplog.text)
