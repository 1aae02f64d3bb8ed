"""Measures start-up and bytes against their budgets, side by side with a bare server, in one run.

Exits with 1 where a count of bytes is over its budget. Times are ratios of medians of interleaved runs, with one
warm-up each; on a busy machine they say less, so they are printed and don't fail.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from compileall import compile_dir
from pathlib import Path
from typing import Any

import juspay_mcp
from juspay_mcp.simulator import API_KEY, MERCHANT_ID, Simulator

RUNS = 15
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


def main() -> int:
    """Prints the measurements; 1 where a byte budget is broken."""
    # As an installation would: without bytecode every start compiles the package anew.
    compile_dir(Path(juspay_mcp.__file__).parent, quiet=1)
    with Simulator() as simulator:
        environ = {
            **os.environ,
            "JUSPAY_BASE_URL": simulator.url,
            "JUSPAY_API_KEY": API_KEY,
            "JUSPAY_MERCHANT_ID": MERCHANT_ID,
        }
        print_times(environ)
        return print_bytes(environ)


def print_times(environ: dict[str, str]) -> None:
    """Spawn to first tool answer over stdio."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for run in range(RUNS + 1):
        for name, command in COMMANDS.items():
            took = spawn_to_answer(command, environ)
            if run:
                seconds[name].append(took)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(f"{name:12} spawn to answer: median {medians[name] * 1000:4.0f} ms, best {min(values) * 1000:4.0f} ms")
    ratio = medians["this server"] / medians["floor"]
    best = min(seconds["this server"]) / min(seconds["floor"])
    print(f"ratio of medians {ratio:.3f}, of bests {best:.3f} (budget 1.10)")


def spawn_to_answer(command: list[str], environ: dict[str, str]) -> float:
    """Seconds from starting a server to its first tool answer, which must not be an error."""
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as process:
        result = ask(
            process, "tools/call", {"name": "refresh_customer_wallets", "arguments": {"customer_id": "cth_stale"}}
        )
        took = time.perf_counter() - started
        if process.stdin:
            process.stdin.close()
    if result.get("isError"):
        raise SystemExit(result["content"][0]["text"])
    return took


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
