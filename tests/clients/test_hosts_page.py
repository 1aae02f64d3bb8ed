"""The remote block that uses mcp-remote, run as it stands on the page about hosts."""

from pathlib import Path

from mcp import Client, StdioServerParameters

from juspay_mcp.cli.host_configs import HOSTS
from juspay_mcp.http.auth.tokens import new_token
from tests.clients.rig import NODE, NPM, package_program
from tests.support.readme import read_server, remote
from tests.support.serving import started


async def test_claude_desktop_reaches_a_team_s_server_through_mcp_remote_with_the_token_in_a_file(
    environ: dict[str, str], tmp_path: Path
) -> None:
    [desktop] = [host for host in HOSTS if host.name == "Claude Desktop"]
    block = read_server(desktop, remote(desktop.name))
    token, line = new_token("priya")
    (tmp_path / "tokens").write_text(line, encoding="ascii")
    header = tmp_path / "header"
    header.write_text(f"Authorization: Bearer {token}\n", encoding="ascii")
    with started(environ | {"JUSPAY_MCP_TOKENS_FILE": str(tmp_path / "tokens")}) as team:
        # npx would fetch the package; it is installed here, pinned.
        assert [block["command"], *block["args"][:2]] == ["npx", "-y", "mcp-remote"]
        address, option, _ = block["args"][2:]
        program, *arguments = package_program("mcp-remote", "mcp-remote")
        server = StdioServerParameters(
            command=program,
            args=[*arguments, address.replace("https://wallets.example.com", team.url), option, str(header)],
            env={"HOME": str(tmp_path), "PATH": str(Path(NODE).parent)},
            cwd=NPM,
        )
        async with Client(server, read_timeout_seconds=90) as client:
            [tool] = (await client.list_tools()).tools
            answer = (await client.call_tool(tool.name, {"customer_id": "cth_all_linked"})).structured_content or {}
    assert answer["total_balance"] == "1770.49"
