"""HTTP: the server over Streamable HTTP, its workers and timeouts."""
