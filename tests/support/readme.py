"""Parts of the pages of the documentation."""

import json
import re
import tomllib
from typing import Any

from juspay_mcp.cli.host_configs import SERVER, Host
from tests.support.checkout import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


HOSTS_PAGE = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")


AGENTS = {
    "OpenAI Agents SDK": "openai_agent.py",
    "pydantic-ai": "pydantic_ai_agent.py",
    "LangChain": "langchain_agent.py",
    "AI SDK": "ai_sdk.mjs",
}


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading of a page's text, without its head."""
    table = f"\n{page}".split(f"\n{heading}", 1)[1].split("\n|", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]]


def code(text: str) -> list[str]:
    """What a text has in backquotes."""
    return re.findall(r"`([^`]+)`", text)


def blocks(name: str) -> list[str]:
    """The blocks that open under a name."""
    [opened] = re.findall(
        rf"<summary><b>{re.escape(name)}</b>.*?</summary>\n(.*?)\n</details>", HOSTS_PAGE, re.DOTALL
    )
    found: list[str] = re.findall(r"^```\w+\n(.*?)\n^```$", opened, re.MULTILINE | re.DOTALL)
    return found


def folded(name: str) -> str:
    """The first of them: a host's own, or a program."""
    return blocks(name)[0]


def remote(name: str) -> str:
    """The second of them, which leads a host to a team's server."""
    [_, second] = blocks(name)
    return second


def read_server(host: Host, text: str) -> dict[str, Any]:
    """What a host finds in a block under the server's name."""
    whole: dict[str, Any] = tomllib.loads(text) if host.toml else json.loads(text)
    server: dict[str, Any] = whole[host.section][SERVER]
    return server


def authorization(server: dict[str, Any], token: str) -> str:
    """The header that a host sends for a remote block, once its user has put a token where the block wants it."""
    if server.get("bearer_token_env_var") == "WALLETS_TOKEN":
        return f"Bearer {token}"
    return re.sub(r"\$\{(env:)?WALLETS_TOKEN\}|\$\{input:wallets-token\}|your-token",
                  token, server["headers"]["Authorization"])  # fmt: skip
