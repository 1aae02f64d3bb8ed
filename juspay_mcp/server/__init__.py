"""The MCP server: its tool, prompt and card, and the stdio transport."""
