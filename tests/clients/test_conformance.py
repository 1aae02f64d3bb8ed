"""The protocol's own conformance suite, at both revisions, against the server over HTTP."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from mcp import Client

from juspay_mcp.server.mcp_server import build_server
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.load import load_settings
from tests.clients.rig import Machine, package_program
from tests.support.programs import free_port
from tests.support.serving import started

REVISIONS = ("2025-11-25", "2026-07-28")
BASELINES = Path(__file__).parent / "conformance"


@pytest.fixture
def url(environ: dict[str, str]) -> Iterator[str]:
    """A server that answers the web pages of its own origin: the suite calls as one."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with started(environ | {"JUSPAY_MCP_ALLOWED_ORIGINS": origin}, "--port", str(port)):
        yield f"{origin}/mcp"


@pytest.mark.parametrize("revision", REVISIONS)
def test_only_checks_fail_that_need_a_fixture_or_a_capability_that_is_not_declared(
    url: str, revision: str, tmp_path: Path
) -> None:
    Machine(tmp_path).run(
        [
            *package_program("@modelcontextprotocol/conformance", "conformance"), "server", "--url", url,
            "--suite", "all", "--spec-version", revision, "--output-dir", str(tmp_path / "results"),
        ]
    )  # fmt: skip
    checks = list(results(tmp_path / "results"))
    assert {check for check, status in checks if status == "FAILURE"} == excused(revision).keys()
    assert {status for check, status in checks if check.endswith(":wire-schema-valid")} == {"SUCCESS"}


def results(folder: Path) -> Iterator[tuple[str, str]]:
    """Each check as `scenario:check`, as a baseline names them, and how it ended."""
    for file in folder.glob("*/checks.json"):
        scenario = file.parent.name.removeprefix("server-")[: -len("-2026-11-23T09-30-00-000Z")]
        for check in json.loads(file.read_text(encoding="utf-8")):
            yield f"{scenario}:{check['id']}", check["status"]


def excused(revision: str) -> dict[str, str]:
    """The checks that may fail, each with its reason."""
    lines = (BASELINES / f"{revision}.yaml").read_text(encoding="utf-8").splitlines()
    entries = [re.fullmatch(r"  - ([\w-]+:[\w-]+) # (\w.+)", line) for line in lines if line.startswith("  - ")]
    return {entry[1]: entry[2] for entry in entries if entry}


async def lacking() -> set[str]:
    """What the server says that it can't do, of what the suite asks for."""
    async with Client(build_server(partial(open_service, load_settings({})))) as client:
        declared = client.server_capabilities
    assert declared.resources
    has = {
        "completions": declared.completions,
        "logging": declared.logging,
        "resources.subscribe": declared.resources.subscribe,
    }
    return {name for name, value in has.items() if not value}


@pytest.mark.parametrize("revision", REVISIONS)
async def test_each_excuse_is_a_fixture_or_a_capability_that_is_not_declared(revision: str) -> None:
    baseline = yaml.safe_load((BASELINES / f"{revision}.yaml").read_text(encoding="utf-8"))
    excuses = excused(revision)
    assert baseline == {"server": list(excuses)}
    others = [reason for reason in excuses.values() if not re.search(r"\bfixture\b", reason)]
    named = [re.fullmatch(r"this server has no ([\w.]+) capability", reason) for reason in others]
    assert {match[1] if match else "" for match in named} <= await lacking()
    assert not [check for check in excuses if check.endswith(":wire-schema-valid")]
