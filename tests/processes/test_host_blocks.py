"""The blocks of the page about hosts, filled in as a person does: what they start answers, and what they reach."""

import os
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from juspay_mcp.cli.host_configs import HOSTS, Host
from juspay_mcp.http.auth.tokens import new_token
from juspay_mcp.simulator.api import API_KEY, MERCHANT_ID
from tests.support.processes import COMMAND, MEASURING
from tests.support.readme import authorization, folded, read_server, remote
from tests.support.serving import started
from tests.support.simulator import Simulator

QUESTION = ("refresh_customer_wallets", {"customer_id": "cth_all_linked"})
REMOTE = [host for host in HOSTS if "command" not in read_server(host, remote(host.name))]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
async def test_a_host_that_starts_what_its_block_says_gets_an_answer(
    host: Host, simulator: Simulator, tmp_path: Path
) -> None:
    server = read_server(host, folded(host.name))
    key = tmp_path / "key"
    key.write_text(API_KEY, encoding="ascii")
    # As a host does: it asks for the one, or it has the other in the file.
    filled = {"JUSPAY_MERCHANT_ID": MERCHANT_ID, "JUSPAY_API_KEY": API_KEY, "JUSPAY_API_KEY_FILE": str(key)}
    given = {name: filled.get(name, value) for name, value in server["env"].items()}
    path = f"{Path(COMMAND[0]).parent}{os.pathsep}{os.environ['PATH']}"
    started_so = StdioServerParameters(
        command=server["command"],
        args=server.get("args", []),
        env=given | MEASURING | {"PATH": path, "JUSPAY_BASE_URL": simulator.url},
    )
    async with Client(started_so) as client:
        answer = (await client.call_tool(*QUESTION)).structured_content or {}
    assert (answer["environment"], answer["total_balance"]) == ("sandbox", "1770.49")


@pytest.mark.parametrize("host", REMOTE, ids=lambda host: host.name)
async def test_a_host_that_calls_what_its_remote_block_says_gets_an_answer(
    host: Host, environ: dict[str, str], tmp_path: Path
) -> None:
    server = read_server(host, remote(host.name))
    token, line = new_token("priya")
    (tmp_path / "tokens").write_text(line, encoding="ascii")
    with started(environ | {"JUSPAY_MCP_TOKENS_FILE": str(tmp_path / "tokens")}) as team:
        url = (server.get("url") or server["serverUrl"]).replace("https://wallets.example.com", team.url)
        headers = {"Authorization": authorization(server, token)}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            answer = (await client.call_tool(*QUESTION)).structured_content or {}
    assert answer["total_balance"] == "1770.49"
