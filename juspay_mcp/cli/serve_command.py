"""The command `serve --http`: checks what can be checked, listens, and says where."""

from collections.abc import Mapping
from functools import partial

import click

from juspay_mcp import VERSION
from juspay_mcp.cli.terminal import PROGRAM, why_not_listening
from juspay_mcp.errors import EX_UNAVAILABLE
from juspay_mcp.http.serve import Address, bind, check_start, serve_http
from juspay_mcp.settings.load import Settings


def serve_over_http(settings: Settings, address: Address, environ: Mapping[str, str]) -> int:
    """Serves until a signal; the exit status. Says on stderr where it serves, or why it can't.

    Raises:
        ConfigurationError: the server can't start with these settings.
    """
    host, port = address.host, address.port
    traces = {name: value for name, value in environ.items() if name.startswith("OTEL_")}
    check_start(settings, address)
    try:
        held = bind(address)
    except (OSError, UnicodeError) as error:
        reason = why_not_listening(error) if isinstance(error, OSError) else "no such host"
        click.echo(f"{PROGRAM}: can't listen on {host} port {port} ({reason}); choose others.", err=True)
        return EX_UNAVAILABLE
    with held:
        where = f"{f'[{host}]' if ':' in host else host}:{held.getsockname()[1]}"
        greeting = f"{PROGRAM} {VERSION} serves http://{where}/mcp until Ctrl-C"
        return serve_http(settings, address, held, traces, partial(click.echo, greeting, err=True))
