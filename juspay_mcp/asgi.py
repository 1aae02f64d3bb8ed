"""The ASGI app for people who bring their own server: `uvicorn --factory juspay_mcp.asgi:app`.

It must be told who may call; behind a gateway that authenticates callers, call `http.app.create_app` yourself.

An app can't close a connection whose client sends no request, or doesn't read. uvicorn does with the options
`--http juspay_mcp.asgi:TimeoutProtocol --ws none --limit-concurrency 1024`; other servers need a proxy in front.
"""

import os
import sys

from starlette.applications import Starlette

from juspay_mcp.http.header_timeout import TimeoutProtocol
from juspay_mcp.observability.logs import configure_logging
from juspay_mcp.settings.load import load_settings
from juspay_mcp.settings.machine_variables import ignore_unusable

__all__ = ["TimeoutProtocol", "app"]


def app() -> Starlette:
    """The app with this process's environment for its settings; logs to stderr as the command does.

    Raises:
        ConfigurationError: one line that names the variable, the rule and an example.
    """
    settings = load_settings(os.environ)
    configure_logging(settings.log_level, sys.stderr, settings.log_format)
    ignore_unusable(os.environ)
    from juspay_mcp.http.app import create_app  # noqa: PLC0415 - it reads those variables as it is imported

    return create_app(settings, traces=os.environ)
