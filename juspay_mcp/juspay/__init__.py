"""Juspay: one request, its response, and the wallets in it."""
