"""An MCP server that refreshes a Juspay customer's wallets and answers with masked, summarized balances."""
