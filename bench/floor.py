"""The floor: one tool on the SDK's low-level server, the lightest there is, that answers without asking anybody."""

import anyio
from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

TOOL = Tool(name="refresh_customer_wallets", input_schema={"type": "object"})
Context = ServerRequestContext[dict[str, object]]


async def list_tools(_ctx: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
    """The one tool."""
    return ListToolsResult(tools=[TOOL])


async def call_tool(_ctx: Context, _params: CallToolRequestParams) -> CallToolResult:
    """Nothing."""
    return CallToolResult(content=[TextContent(text="{}")])


async def main() -> None:
    """Serves over stdio."""
    server = Server("floor", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (from_client, to_client):
        await server.run(from_client, to_client, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
