"""The answer: wallets at one moment, summarized, masked, in words and as structured output."""
