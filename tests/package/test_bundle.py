"""The desktop bundle: valid by the format's own tool, complete, and started as a host would start it."""

import json
import os
import re
import struct
import subprocess
import sys
import tomllib
import zlib
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from juspay_mcp import VERSION
from juspay_mcp.settings.variables import BY_NAME
from juspay_mcp.simulator.api import API_KEY, CUSTOMERS, MERCHANT_ID
from scripts.bundle import JUSPAYS_PRIVACY_POLICY, SCREENSHOTS, SKILL
from tests.support.checkout import BIN, ROOT
from tests.support.simulator import Simulator

NODE = BIN.parent / "node"
ICON = """
........
#######.
########
########
#####.##
########
########
........
"""
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
SERVER_JSON = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))


def mcpb(*arguments: str) -> None:
    """The format's own tool; what it complains about fails."""
    done = subprocess.run(
        ["bash", "scripts/node", f"{NODE}/node_modules/@anthropic-ai/mcpb/dist/cli/cli.js", *arguments],
        cwd=ROOT,
        env=os.environ | {"BIN": str(BIN)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def unpacked(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extension")
    mcpb("unpack", str(dist / f"juspay-wallets-mcp-{VERSION}.mcpb"), str(folder))
    return folder


@pytest.fixture(scope="module")
def manifest(unpacked: Path) -> Any:
    return json.loads((unpacked / "manifest.json").read_text(encoding="utf-8"))


def launch(unpacked: Path, answers: dict[str, str]) -> StdioServerParameters:
    """How a host starts it after its user has answered so; uv takes this Python, as it may fetch none here."""
    printed = subprocess.run(
        ["bash", "scripts/node", "tests/package/host.mjs", str(unpacked), str(NODE), json.dumps(answers)],
        cwd=ROOT,
        env=os.environ | {"BIN": str(BIN)},
        capture_output=True,
        check=True,
        text=True,
    )
    config = json.loads(printed.stdout)
    own = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "SSL_")) or name == "HOME"}
    python = {"UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never", "PATH": f"{BIN}:{os.environ['PATH']}"}
    return StdioServerParameters(command=config["command"], args=config["args"], env=own | python | config["env"])


def test_it_is_valid_and_holds_the_released_wheel(dist: Path, unpacked: Path) -> None:
    mcpb("validate", str(unpacked / "manifest.json"))
    [wheel] = dist.glob("*.whl")
    assert {path.name for path in unpacked.iterdir()} == {
        "LICENSE",
        "docs",
        "icon.png",
        "manifest.json",
        "pyproject.toml",
        "server.py",
        "skills",
        wheel.name,
    }
    assert (unpacked / SKILL).read_bytes() == (ROOT / SKILL).read_bytes()
    assert (unpacked / wheel.name).read_bytes() == wheel.read_bytes()


def test_no_reference_dangles_and_no_field_is_asked_for_in_vain(manifest: Any) -> None:
    """The format's own tool lets a reference to a field that isn't there pass."""
    config = json.dumps(manifest["server"]["mcp_config"])
    assert sorted(re.findall(r"\$\{user_config\.(\w+)\}", config)) == sorted(manifest["user_config"])
    assert set(re.findall(r"\$\{(\w+)\}", config)) == {"__dirname"}


def test_it_asks_three_questions_as_the_program_puts_them(manifest: Any) -> None:
    asked = [BY_NAME[name] for name in ("JUSPAY_API_KEY", "JUSPAY_MERCHANT_ID", "JUSPAY_ENV")]
    assert list(manifest["server"]["mcp_config"]["env"]) == [known.name for known in asked]
    assert list(manifest["user_config"]) == [known.name.lower() for known in asked]
    for known, field in zip(asked, manifest["user_config"].values(), strict=True):
        assert (field["default"], field["sensitive"]) == (known.default or "", known.secret)
        assert field["description"].startswith(known.meaning)
        assert f"| `{known.name}` |" in SETTINGS
    assert [field["title"] for field in manifest["user_config"].values()] == ["API key", "Merchant id", "Environment"]


def test_it_shows_the_pictures_that_the_readme_shows(unpacked: Path, manifest: Any) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert manifest["screenshots"] == re.findall(r"!\[[^\]]+\]\((docs/[^)]+)\)", readme) == list(SCREENSHOTS)
    assert {path.name for path in (unpacked / "docs").iterdir()} == {Path(name).name for name in SCREENSHOTS}
    assert all((unpacked / name).read_bytes() == (ROOT / name).read_bytes() for name in SCREENSHOTS)


def test_it_is_small_enough_to_be_sent_by_mail(dist: Path) -> None:
    assert (dist / f"juspay-wallets-mcp-{VERSION}.mcpb").stat().st_size < 500_000


def test_its_icon_is_the_wallet_that_the_server_shows(unpacked: Path, manifest: Any) -> None:
    picture = (unpacked / manifest["icon"]).read_bytes()
    width, height = struct.unpack(">II", picture[16:24])
    parts = re.search(rb"IDAT(.*)....\0\0\0\0IEND", picture, re.DOTALL)
    assert parts
    lines = zlib.decompress(parts[1])
    assert (width, height, len(lines)) == (512, 512, 512 * 513)
    middles = [[lines[(64 * y + 32) * 513 + 1 + 64 * x + 32] for x in range(8)] for y in range(8)]
    assert ["".join(".#"[pixel] for pixel in line) for line in middles] == ICON.split()


def test_it_leads_to_the_public_home(manifest: Any) -> None:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    assert manifest["repository"] == {"type": "git", "url": urls["Repository"]}
    assert (manifest["homepage"], manifest["documentation"]) == (urls["Repository"], urls["Documentation"])
    assert manifest["support"] == urls["Issues"]
    policy = ROOT / "PRIVACY.md"
    assert manifest["privacy_policies"] == [f"{urls['Repository']}/blob/main/{policy.name}", JUSPAYS_PRIVACY_POLICY]
    assert f"]({JUSPAYS_PRIVACY_POLICY})" in policy.read_text(encoding="utf-8")


def test_it_says_what_server_json_says(manifest: Any) -> None:
    [package] = SERVER_JSON["packages"]
    listed = {each["name"]: each for each in package["environmentVariables"]}
    assert (manifest["version"], manifest["description"]) == (SERVER_JSON["version"], SERVER_JSON["description"])
    assert manifest["display_name"] == SERVER_JSON["title"]
    for name in manifest["server"]["mcp_config"]["env"]:
        field = manifest["user_config"][name.lower()]
        assert field["sensitive"] == listed[name]["isSecret"]
        assert field["default"] == listed[name].get("default", "")


def test_its_page_says_how_to_try_it_with_a_customer_of_the_simulator(manifest: Any) -> None:
    says = manifest["long_description"]
    [customer] = re.findall(r"\bcth_\w+", says)
    assert customer in CUSTOMERS
    fields = {field["title"]: field["description"] for field in manifest["user_config"].values()}
    assert "set Environment to `simulator`" in says
    assert "simulator is a built-in stand-in that needs no keys" in fields["Environment"]


async def test_a_host_starts_it_and_gets_what_the_manifest_promises(unpacked: Path, manifest: Any) -> None:
    async with Client(launch(unpacked, {"juspay_env": "simulator"})) as client:
        tools = (await client.list_tools()).tools
        assert manifest["tools"] == [{"name": tool.name, "description": tool.description} for tool in tools]
        assert manifest["prompts_generated"] == (client.server_capabilities.prompts is not None)
        result = await client.call_tool("refresh_customer_wallets", {"customer_id": "cth_all_linked"})
        assert not result.is_error
        assert result.structured_content
        assert result.structured_content["environment"] == "simulator"


async def test_what_the_user_fills_in_reaches_the_server(unpacked: Path) -> None:
    with Simulator() as simulator:
        answers = {"juspay_env": "sandbox", "juspay_api_key": API_KEY, "juspay_merchant_id": MERCHANT_ID}
        server = launch(unpacked, answers)
        server.env = (server.env or {}) | {"JUSPAY_BASE_URL": simulator.url}
        async with Client(server) as client:
            result = await client.call_tool("refresh_customer_wallets", {"customer_id": "cth_all_linked"})
    assert not result.is_error
    assert result.structured_content
    assert result.structured_content["environment"] == "sandbox"


async def test_without_an_answer_it_starts_and_says_what_is_missing(unpacked: Path) -> None:
    async with Client(launch(unpacked, {})) as client:
        result = await client.call_tool("refresh_customer_wallets", {"customer_id": "cth_all_linked"})
    assert result.is_error
    assert "[not_configured]" in str(result.content)
