"""Measures start-up and bytes against their budgets, side by side with a bare server, in one run.

The bare server is one tool of the SDK's low-level `Server`, the lightest there is, and answers without asking
anybody; ours asks a stand-in for Juspay over HTTP. One Python starts both in turn, with bytecode at hand, and one
client asks them the same and ends them at their first answer. The ratio can be below 1: ours imports without the
garbage collector (`startup.py`), and the bare one as Python does. Processor time stands beside elapsed time because
other jobs disturb it less; no single figure proves anything on a busy machine, so a start is over its budget if it is
so by each of three. Exits with 1 where it is, or where a count of bytes is over its budget. `--bytes` counts bytes
alone.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from compileall import compile_dir
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import juspay_mcp
from juspay_mcp.simulator import API_KEY, MERCHANT_ID, Simulator

RUNS = 20
BUDGET = 1.10
FLOOR = """
import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool

async def list_tools(ctx, params):
    return ListToolsResult(tools=[Tool(name="refresh_customer_wallets", input_schema={"type": "object"})])

async def call_tool(ctx, params):
    return CallToolResult(content=[TextContent(text="{}")])

async def main():
    server = Server("floor", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as streams:
        await server.run(*streams, server.create_initialization_options())

anyio.run(main)
"""
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "budgets", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
COMMANDS = {"floor": ["-c", FLOOR], "this server": ["-m", "juspay_mcp"]}


class Start(NamedTuple):
    """What one start took to its first answer, in milliseconds."""

    elapsed: float
    processor: float


ELAPSED, PROCESSOR = attrgetter("elapsed"), attrgetter("processor")


def main() -> int:
    """Prints the measurements; 1 where a budget is broken."""
    if sys.argv[1:] not in ([], ["--bytes"]):
        raise SystemExit(__doc__)
    # As an installation would: without bytecode every start compiles the package anew.
    compile_dir(Path(juspay_mcp.__file__).parent, quiet=1)
    with Simulator() as simulator:
        environ = {
            **os.environ,
            "JUSPAY_BASE_URL": simulator.url,
            "JUSPAY_API_KEY": API_KEY,
            "JUSPAY_MERCHANT_ID": MERCHANT_ID,
        }
        return print_bytes(environ) | (0 if sys.argv[1:] else print_times(environ))


def print_times(environ: dict[str, str]) -> int:
    """Spawn to first tool answer over stdio; 1 where it is over its budget."""
    starts = take_turns(environ)
    for name, taken in starts.items():
        print(f"{name:12} spawn to answer: {in_words(map(ELAPSED, taken))}")
        print(f"{'':12}  processor time: {in_words(map(PROCESSOR, taken))}")
    ratios = {
        "medians": ratio(starts, ELAPSED, statistics.median),
        "bests": ratio(starts, ELAPSED, min),
        "medians of processor time": ratio(starts, PROCESSOR, statistics.median),
    }
    over = min(ratios.values()) > BUDGET
    said = ", ".join(f"of {what} {value:.3f}" for what, value in ratios.items())
    print(f"ratio {said} (budget {BUDGET:.2f}){'  OVER' if over else ''}")
    return int(over)


def take_turns(environ: dict[str, str]) -> dict[str, list[Start]]:
    """Starts of each server, after one to warm up; neither is always the first."""
    starts: dict[str, list[Start]] = {name: [] for name in COMMANDS}
    for run in range(RUNS + 1):
        for name in sorted(COMMANDS, reverse=bool(run % 2)):
            starts[name].append(start_to_answer(COMMANDS[name], environ))
    return {name: taken[1:] for name, taken in starts.items()}


def in_words(values: Iterable[float]) -> str:
    """The median of values, and how far they are spread."""
    ordered = sorted(values)
    low, median, high = statistics.quantiles(ordered, n=4)
    return f"median {median:4.0f} ms, half of them {low:.0f} to {high:.0f}, best {ordered[0]:.0f}"


def ratio(
    starts: dict[str, list[Start]], value: Callable[[Start], float], measure: Callable[[list[float]], float]
) -> float:
    """Our measure over the floor's."""
    floor, ours = (measure([value(start) for start in taken]) for taken in starts.values())
    return ours / floor


def start_to_answer(command: list[str], environ: dict[str, str]) -> Start:
    """Starts a server, and ends it at its first tool answer, which must not be an error."""
    before, started = processor_time(), time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as process:
        arguments = {"name": "refresh_customer_wallets", "arguments": {"customer_id": "cth_stale"}}
        result = ask(process, "tools/call", arguments)
        elapsed = time.perf_counter() - started
        process.kill()
    if result.get("isError"):
        raise SystemExit(result["content"][0]["text"])
    return Start(elapsed * 1000, (processor_time() - before) * 1000)


def processor_time() -> float:
    """Seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def ask(process: "subprocess.Popen[bytes]", method: str, params: Mapping[str, object]) -> dict[str, Any]:
    """One request of the 2026 era, which needs no handshake, and its result."""
    if process.stdin is None or process.stdout is None:
        raise TypeError
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": META, **params}}
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    result: dict[str, Any] = json.loads(process.stdout.readline())["result"]
    return result


def print_bytes(environ: dict[str, str]) -> int:
    """What every conversation pays: the tool's description, and an answer."""
    with subprocess.Popen(
        [sys.executable, *COMMANDS["this server"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as process:
        listed = len(json.dumps(ask(process, "tools/list", {}), separators=(",", ":"), ensure_ascii=False).encode())
        sizes = {"tools/list": (listed, 3_000)}
        arguments = {"name": "refresh_customer_wallets", "arguments": {"customer_id": "cth_all_linked"}}
        text = ask(process, "tools/call", arguments)["content"][0]["text"]
        sizes["text for 3 linked wallets"] = (len(text.encode()), 800)
        if process.stdin:
            process.stdin.close()
    for name, (size, budget) in sizes.items():
        print(f"{name}: {size} bytes (budget {budget}){'' if size <= budget else '  OVER'}")
    return int(any(size > budget for size, budget in sizes.values()))


if __name__ == "__main__":
    sys.exit(main())
