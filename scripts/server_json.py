"""Prints server.json, the registry's manifest, from what the program itself knows: `make manifest` writes it."""

import json
import tomllib
from importlib.metadata import metadata
from pathlib import Path

from juspay_mcp import VERSION
from juspay_mcp.server.mcp_server import SERVER_NAME
from juspay_mcp.settings.variables import VARIABLES, Variable

NAMESPACE = "io.github.juspay-wallets-mcp"
TITLE = "Juspay wallets"
DESCRIPTION = "Refreshes a Juspay customer's wallets and answers with masked, summarized balances."
PROJECT = Path(__file__).parent.parent / "pyproject.toml"
URLS: dict[str, str] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["urls"]


def variable(known: Variable) -> dict[str, object]:
    """One environment variable as the registry describes it."""
    described: dict[str, object] = {
        "name": known.name,
        "description": known.meaning,
        "isRequired": False,  # without credentials the server starts, and the tool says what is missing
        "isSecret": known.secret,
    }
    if known.default is not None:
        described["default"] = known.default
    if "|" in known.rule and known.rule.replace("|", "").isalpha():
        described["choices"] = known.rule.split("|")
    if known.name.endswith("_FILE"):
        described["format"] = "filepath"
    return described


def server_json() -> dict[str, object]:
    """The whole manifest."""
    return {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": f"{NAMESPACE}/{SERVER_NAME}",
        "title": TITLE,
        "description": DESCRIPTION,
        "repository": {"url": URLS["Repository"], "source": "github"},
        "websiteUrl": URLS["Documentation"],
        "version": VERSION,
        "packages": [
            {
                "registryType": "pypi",
                "identifier": metadata(SERVER_NAME)["Name"],
                "version": VERSION,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "environmentVariables": [variable(known) for known in VARIABLES],
            }
        ],
    }


if __name__ == "__main__":
    print(json.dumps(server_json(), indent=2))
