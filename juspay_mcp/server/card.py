"""The wallet card: a page that hosts with MCP Apps show instead of the JSON, and the icon of server and tool.

What the SDK's `Apps` extension adds to an `MCPServer`, said to the low-level one: a `ui://` resource, its name in the
tool's `_meta`, and one capability. A host that knows none of it reads the same answer as before.
"""

from pathlib import Path
from typing import Any, Final

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    Icon,
    ListResourcesResult,
    ReadResourceResult,
    Resource,
    TextResourceContents,
)

URI: Final = "ui://juspay-wallets/card"
# As in mcp.server.apps, which the server would import for these two strings alone.
EXTENSION: Final = "io.modelcontextprotocol/ui"
MIME_TYPE: Final = "text/html;profile=mcp-app"

TOOL_META: Final[dict[str, Any]] = {"ui": {"resourceUri": URI}, "ui/resourceUri": URI}
"""What makes a host show the card for a tool's result; the flat key is for older hosts."""

# No domain may be asked for anything. Without a border a card ends where the conversation goes on.
_RESOURCE_META: Final[dict[str, Any]] = {"ui": {"csp": {}, "prefersBorder": True}}

# A wallet in 24 characters of path. Every reply of the 2026 era carries the server's icon, so it is counted in bytes.
ICON: Final = Icon(
    src="data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0,0,8,8'%3E"
    "%3Cpath%20fill='%2336c'%20d='M0,1h7v1h1v5H0zM5,4v1h1V4z'/%3E%3C/svg%3E"
)


def card_html() -> str:
    """The page. Read when it is asked for: most hosts never do."""
    return Path(__file__).with_name("card.html").read_text(encoding="utf-8")


def list_resources() -> ListResourcesResult:
    """The one resource there is."""
    return ListResourcesResult(
        resources=[
            Resource(
                uri=URI,
                name="wallet_card",
                title="Wallet card",
                description="Shows the result of refresh_customer_wallets to a person.",
                mime_type=MIME_TYPE,
                _meta=_RESOURCE_META,
            )
        ]
    )


def read_resource(uri: str) -> ReadResourceResult:
    """The card.

    Raises:
        MCPError: `uri` is another one.
    """
    if uri != URI:
        raise MCPError(INVALID_PARAMS, f"Unknown resource; the only one here is {URI}")
    return ReadResourceResult(
        contents=[TextResourceContents(uri=URI, mime_type=MIME_TYPE, text=card_html(), _meta=_RESOURCE_META)]
    )
