"""Prints docs/reference.md from what the program says of itself: `make reference` writes it, and a test compares."""

import json
from collections.abc import Iterator
from functools import partial
from inspect import getdoc

import anyio
import click
from mcp import Client
from mcp.types import Prompt, Resource, Tool

from juspay_mcp import errors
from juspay_mcp.cli.commands import cli
from juspay_mcp.cli.terminal import PROGRAM
from juspay_mcp.errors import WalletsError
from juspay_mcp.server.mcp_server import build_server
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.load import load_settings
from juspay_mcp.settings.variables import VARIABLES

WIDTH = 100


async def reference() -> str:
    """The whole page."""
    async with Client(build_server(partial(open_service, load_settings({})))) as client:
        offered = [
            *(part for tool in (await client.list_tools()).tools for part in tool_parts(tool)),
            *(prompt_part(prompt) for prompt in (await client.list_prompts()).prompts),
            *(resource_part(resource) for resource in (await client.list_resources()).resources),
        ]
        instructions = client.instructions or ""
    return "\n\n".join(
        [
            "# Reference",
            "For people who look up an exact rule. Written by `make reference`; [settings](settings.md) explains it.",
            "## What a host is offered",
            f"To every model, before its first call:\n\n> {instructions}",
            *offered,
            "## Errors",
            error_table(),
            "## Variables",
            variable_table(),
            "## Commands",
            *command_parts(),
        ]
    )


def tool_parts(tool: Tool) -> Iterator[str]:
    """A tool: what a model reads, the annotations, and both schemas."""
    yield f"### Tool `{tool.name}`"
    yield tool.description or ""
    for what, value in {
        "Annotations": tool.annotations.model_dump(by_alias=True, exclude_none=True) if tool.annotations else {},
        "Arguments": tool.input_schema,
        "Structured result": tool.output_schema,
    }.items():
        yield f"{what}:\n\n```json\n{json.dumps(value, indent=2)}\n```"


def prompt_part(prompt: Prompt) -> str:
    """A prompt and its arguments."""
    rows = [
        f"| `{argument.name}` | {'yes' if argument.required else 'no'} | {argument.description} |"
        for argument in prompt.arguments or []
    ]
    table = "\n".join(["| argument | required | meaning |", "|---|---|---|", *rows])
    return f"### Prompt `{prompt.name}`\n\n{prompt.description}\n\n{table}"


def resource_part(resource: Resource) -> str:
    """A resource."""
    return f"### Resource `{resource.uri}`\n\n{resource.description} Type `{resource.mime_type}`."


def error_table() -> str:
    """Every error that a call can end with."""
    rows = [f"| `{leaf.code}` | {leaf.__name__} | {leaf.exit_status} | {when(leaf)} |" for leaf in leaves()]
    return "\n".join(["| code | class in `juspay_mcp.errors` | exit status | when |", "|---|---|---|---|", *rows])


def when(leaf: type[WalletsError]) -> str:
    """The first paragraph of an error's docstring, as one cell."""
    return " ".join((getdoc(leaf) or "").partition("\n\n")[0].split()).replace("|", "/")


def leaves() -> list[type[WalletsError]]:
    """The classes of the error tree that have a code of their own."""
    return [
        leaf
        for leaf in vars(errors).values()
        if isinstance(leaf, type) and issubclass(leaf, WalletsError) and "code" in vars(leaf)
    ]


def variable_table() -> str:
    """Every environment variable, with the rule for its value."""
    rows = [
        f"| `{known.name}` | {known.says}{'; a secret' if known.secret else ''} | "
        f"{f'`{known.default}`' if known.default else '-'} | {known.example} |"
        for known in VARIABLES
    ]
    return "\n".join(["| variable | rule | default | example |", "|---|---|---|---|", *rows])


def command_parts() -> Iterator[str]:
    """What each command says of itself; the variables at the end of the first are in the table above."""
    whole = click.Context(cli, info_name=PROGRAM, terminal_width=WIDTH, **cli.context_settings)
    for name in ["", *sorted(cli.commands)]:
        command = cli.commands[name] if name else cli
        context = click.Context(command, parent=whole, info_name=name) if name else whole
        text = command.get_help(context).partition("\nEnvironment variables:")[0].rstrip()
        yield f"```text\n{text}\n```"


if __name__ == "__main__":
    print(anyio.run(reference))
