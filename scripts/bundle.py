"""Writes the desktop bundle, one file to double-click, around a wheel: `make bundle`.

A bundle is a zip archive with a manifest (MCPB 0.4). Its server is of type `uv`: the host brings uv, and uv a Python
and what the wheel depends on, in the versions of constraints.txt. The manifest is made from what the program says of
itself, and so are the three fields a user fills in; the same wheel and the same commit give the same bytes.
"""

import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import anyio
from mcp import Client
from mcp.types import Tool

from juspay_mcp import VERSION
from juspay_mcp.server.mcp_server import SERVER_NAME, build_server
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.load import load_settings
from juspay_mcp.settings.variables import BY_NAME, Variable
from scripts.icon import png
from scripts.server_json import DESCRIPTION, TITLE, URLS

ROOT = Path(__file__).parent.parent
ASKED = {"JUSPAY_API_KEY": "API key", "JUSPAY_MERCHANT_ID": "Merchant id", "JUSPAY_ENV": "Environment"}
"""What its user is asked; all else keeps its default. The host keeps the key where the system keeps secrets."""

SKILL = "skills/answer-wallet-question/SKILL.md"
"""How to answer a question with the tool, for hosts that read skills."""

LONG_DESCRIPTION = """\
Ask which wallets a customer has linked, and how much is in each. Juspay refreshes the balances; the answer has each \
wallet, the total, and how fresh each figure is. Ids and mobile numbers are masked, and one-time debit tokens and \
other people's text are left out. It changes nothing.

To try it without a key, set Environment to `simulator` and ask: What is in the wallets of customer cth_all_linked?
"""
"""What a host's page about the bundle says, in Markdown."""

JUSPAYS_PRIVACY_POLICY = "https://juspay.io/privacy-policy"
"""The format asks for the policy of each service that gets personal data."""

SCREENSHOTS = ("docs/card.png", "docs/card-honest.png")
"""The pictures of the card that the README shows, for the host's page about the bundle."""

OLDEST = 315_532_800
"""1980, when zip archives begin."""

SERVER = """\
from juspay_mcp.cli.main import main

main()
"""
PROJECT = """\
[project]
name = "juspay-wallets-mcp-bundle"
version = "{version}"
requires-python = ">=3.11"
dependencies = ["juspay-wallets-mcp"]

[tool.uv]
package = false
constraint-dependencies = [
{constraints}
]

[tool.uv.sources]
juspay-wallets-mcp = {{ path = "{wheel}" }}
"""


def main() -> None:
    """Writes the bundle around the wheel named, beside it."""
    [wheel] = map(Path, sys.argv[1:])
    bundle = wheel.with_name(f"{SERVER_NAME}-{VERSION}.mcpb")
    moment = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", OLDEST)))[:6]
    with ZipFile(bundle, "w") as archive:
        for name, content in sorted(contents(wheel).items()):
            entry = ZipInfo(name, moment)
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
    print(f"built {bundle.name} {bundle.stat().st_size} bytes")


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of the bundle, by name."""
    constraints = "\n".join(f'  "{line}",' for line in (ROOT / "constraints.txt").read_text("utf-8").split())
    project = PROJECT.format(version=VERSION, constraints=constraints, wheel=wheel.name)
    return {
        "icon.png": png(),
        "LICENSE": (ROOT / "LICENSE").read_bytes(),
        "manifest.json": (json.dumps(anyio.run(manifest), indent=2) + "\n").encode(),
        "pyproject.toml": project.encode(),
        "server.py": SERVER.encode(),
        **{name: (ROOT / name).read_bytes() for name in (SKILL, *SCREENSHOTS)},
        wheel.name: wheel.read_bytes(),
    }


async def manifest() -> dict[str, Any]:
    """What the host is told: how to start the server, what to ask the user, and what the server offers."""
    tools, prompts = await offered()
    asked = {name.lower(): BY_NAME[name] for name in ASKED}
    return {
        "manifest_version": "0.4",
        "name": SERVER_NAME,
        "display_name": TITLE,
        "version": VERSION,
        "description": DESCRIPTION,
        "long_description": LONG_DESCRIPTION,
        "author": {"name": "The juspay-wallets-mcp authors"},
        "repository": {"type": "git", "url": URLS["Repository"]},
        "homepage": URLS["Repository"],
        "documentation": URLS["Documentation"],
        "support": URLS["Issues"],
        "icon": "icon.png",
        "screenshots": list(SCREENSHOTS),
        "license": "Apache-2.0",
        "privacy_policies": [f"{URLS['Repository']}/blob/main/PRIVACY.md", JUSPAYS_PRIVACY_POLICY],
        "keywords": ["juspay", "payments", "wallet"],
        "server": {
            "type": "uv",
            "entry_point": "server.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--no-dev", "--directory", "${__dirname}", "server.py"],
                "env": {variable.name: f"${{user_config.{key}}}" for key, variable in asked.items()},
            },
        },
        "tools": [{"name": tool.name, "description": tool.description or ""} for tool in tools],
        # A prompt's text here would be a host's to fill in, and so without the server's quoting of what it is given.
        "prompts_generated": prompts,
        "compatibility": {"platforms": ["darwin", "linux", "win32"], "runtimes": {"python": ">=3.11"}},
        "user_config": {key: field(variable) for key, variable in asked.items()},
    }


def field(variable: Variable) -> dict[str, object]:
    """What the user is asked for; an empty answer counts as none, as hosts leave a reference without one dangling."""
    return {
        "type": "string",
        "title": ASKED[variable.name],
        "description": f"{variable.meaning} {variable.says[0].upper()}{variable.says[1:]}.",
        "required": False,  # without credentials the server starts, and the tool says what is missing
        "sensitive": variable.secret,
        "default": variable.default or "",
    }


async def offered() -> tuple[list[Tool], bool]:
    """The tools of a running server, and whether it has prompts."""
    async with Client(build_server(partial(open_service, load_settings({})))) as client:
        return (await client.list_tools()).tools, client.server_capabilities.prompts is not None


if __name__ == "__main__":
    main()
