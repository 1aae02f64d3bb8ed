"""Authentication over HTTP: bearer tokens of a file, and OAuth access tokens."""
