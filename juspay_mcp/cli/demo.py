"""The demo: the real server in a process of its own, asked about made-up customers as an MCP host asks it."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from tempfile import TemporaryFile
from typing import Final, TextIO

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, TextContent
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.rule import Rule
from rich.text import Text

from juspay_mcp.answer.model import Answer
from juspay_mcp.cli.host_configs import DEMONSTRATED, launch_from, trial_block
from juspay_mcp.cli.tables import answer_view
from juspay_mcp.simulator.api import API_KEY, CUSTOMERS, MERCHANT_ID, Simulator
from juspay_mcp.simulator.customers import DEMO_CUSTOMERS

TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A customer to ask about, and the code of the error that is the right answer, where one is."""

    customer: str
    case: str
    error: str | None = None
    api_key: str = API_KEY


QUESTIONS: Final = (
    *(Question(customer=customer, case=CUSTOMERS[customer]) for customer in DEMO_CUSTOMERS),
    Question(customer="cth_nobody", case="A customer that nobody knows.", error="customer_not_found"),
    Question(
        customer=DEMO_CUSTOMERS[0],
        case="The first customer again, by a server with a wrong API key.",
        error="authentication_failed",
        api_key="not_the_key",
    ),
)
"""What the demo asks, in its order; each run of questions with the same key is asked of one server."""


async def run_demo(console: Console, questions: Sequence[Question] = QUESTIONS) -> bool:
    """Prints each answer as it comes, then how to go on; whether all were as expected.

    What the servers write to stderr comes to this process's stderr, after the answers.
    """
    console.print(
        Text.assemble(
            ("All customers and figures below are made up.", "bold"),
            " A stand-in for Juspay answers on this machine; the server is the real one, started as a host "
            "starts it. No keys, no network.",
        )
    )
    with Simulator() as simulator, TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            verdicts = [
                verdict
                for api_key, group in groupby(questions, key=attrgetter("api_key"))
                for verdict in await _ask_one_server(simulated_server(simulator, api_key), list(group), console, log)
            ]
        finally:
            log.seek(0)
            sys.stderr.write(log.read())
    right, count = sum(verdicts), len(verdicts)
    title = Text(f"{right} of {count} answers were as expected", "bold green" if right == count else "bold red")
    # With a title: without one, rich draws a line that a pipe of ASCII can't carry.
    console.print("", Rule(title, align="left", style="dim"))
    if all(verdicts):
        _print_hosts(console)
    return all(verdicts)


def read_result(result: CallToolResult) -> Answer | str:
    """The answer in a tool's result, or the sentences of an error."""
    if result.is_error:
        return "".join(content.text for content in result.content if isinstance(content, TextContent))
    return Answer.model_validate(result.structured_content)


def is_as_expected(reply: Answer | str, question: Question) -> bool:
    """Whether the simulator's figures came for a question, or the error that it is about."""
    if isinstance(reply, Answer):
        return question.error is None and reply.environment == "simulator" and reply.source == "refresh"
    return question.error is not None and reply.endswith(f"[{question.error}]")


def simulated_server(simulator: Simulator, api_key: str) -> StdioServerParameters:
    """What a host's file says, with the simulator's address; `-P`: no file of the current folder gets imported."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "juspay_mcp"],
        env={
            "JUSPAY_ENV": "simulator",
            "JUSPAY_BASE_URL": simulator.url,
            "JUSPAY_API_KEY": api_key,
            "JUSPAY_MERCHANT_ID": MERCHANT_ID,
            "JUSPAY_MCP_LOG_LEVEL": "ERROR",  # one of the questions fails on purpose
        },
    )


async def _ask_one_server(
    server: StdioServerParameters, questions: Sequence[Question], console: Console, log: TextIO
) -> list[bool]:
    console.print("\nStarting a server ...", style="dim")
    started = time.perf_counter()
    transport = stdio_client(server, errlog=log)
    async with Client(transport, read_timeout_seconds=TIMEOUT_SECONDS) as client:
        tool = (await client.list_tools()).tools[0].name
        named = client.server_info
        name = f"{named.name} {named.version}, ready" if named else "Ready"
        speaks = f"speaks MCP {client.protocol_version} over stdio"
        console.print(Text(f"{name} in {_milliseconds_since(started)}, {speaks}\nTool: {tool}", "dim"))
        return [await _ask(client, tool, question, console) for question in questions]


async def _ask(client: Client, tool: str, question: Question, console: Console) -> bool:
    started = time.perf_counter()
    result = await client.call_tool(tool, {"customer_id": question.customer})
    title = Text.assemble((question.customer, "bold"), (f"  {_milliseconds_since(started)}", "dim"))
    console.print("", Rule(title, align="left", style="dim"), Text(question.case, "italic"), "")
    reply = read_result(result)
    verdict = is_as_expected(reply, question)
    console.print(answer_view(reply) if isinstance(reply, Answer) else Text.assemble(("Error: ", "bold red"), reply))
    if not verdict:
        console.print(Text(f"UNEXPECTED: should have been {question.error or 'an answer'}.", "bold red"))
    return verdict


def _milliseconds_since(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.0f} ms"


def _print_hosts(console: Console) -> None:
    """How to try it in a host; the blocks are never folded, so that they can be copied."""
    launch = launch_from(sys.executable)
    console.print("\nTo try it in an MCP host, with the same made-up customers, paste this:")
    for block, hosts in groupby(DEMONSTRATED, key=lambda host: trial_block(host, launch)):
        console.print()
        for host in hosts:
            console.print(Text.assemble((host.name, "bold"), f": {host.file} ({host.where})"))
        console.print(JSONHighlighter()(Text(block)), soft_wrap=True)
    console.print(
        Text.assemble(
            "\nRestart the host and ask: ",
            ("What is in the wallets of customer cth_all_linked?", "bold"),
            "\n\nFor real figures, set in that env: JUSPAY_ENV to sandbox or production, JUSPAY_MERCHANT_ID, and "
            "JUSPAY_API_KEY_FILE to the path of a file that holds the API key and nothing else.\n\n"
            "To see the card that hosts with MCP Apps show, in a browser: ",
            ("juspay-wallets-mcp demo --open", "bold"),
        )
    )
