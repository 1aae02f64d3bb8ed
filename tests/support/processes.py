"""A server as a real child process, and a host's side of its pipes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = [str(Path(sys.executable).with_name("juspay-wallets-mcp"))]
# A host passes on next to nothing of its environment; what measures the coverage must come along.
MEASURING = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
CALL = {"name": "refresh_customer_wallets", "arguments": {"customer_id": "cth_all_linked"}}


class Pipes:
    """A server process, and a host's side of its pipes."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ | MEASURING
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin, self._stdout = self.process.stdin, self.process.stdout

    def send(self, message: dict[str, Any] | bytes) -> None:
        line = message if isinstance(message, bytes) else json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._stdin.write(line + b"\n")
        self._stdin.flush()

    def ask(self, number: int, method: str, params: dict[str, Any]) -> Any:
        """The result of one request; anything else on stdout on the way fails."""
        self.send({"id": number, "method": method, "params": params})
        reply = json.loads(self._stdout.readline())
        assert reply.keys() == {"jsonrpc", "id", "result"}
        assert (reply["jsonrpc"], reply["id"]) == ("2.0", number)
        return reply["result"]

    def shake_hands(self, number: int) -> None:
        """Opens the handshake era, as clients of before 2026 do."""
        client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        self.send({"id": number, "method": "initialize", "params": client})

    def reply(self, number: int) -> Any:
        """The reply to one request; those to others are passed over."""
        return next(reply for reply in map(json.loads, self._stdout) if reply["id"] == number)

    def call(self, arguments: Any) -> str:
        """The raw line that answers one tool call of the 2026 era."""
        self.send({"id": 1, "method": "tools/call", "params": {"_meta": MODERN, **CALL, "arguments": arguments}})
        return self._stdout.readline().decode()

    def hang_up(self) -> None:
        """Closes the host's ends of all pipes."""
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def kill(self) -> None:
        """Ends the process by force."""
        self.process.kill()
        self.process.wait()
        self.hang_up()

    def close(self) -> tuple[bytes, bytes, int]:
        """What is left on stdout, all of stderr, and the exit status, once stdin has closed."""
        rest, errors = self.process.communicate(timeout=30)
        return rest, errors.replace(os.linesep.encode(), b"\n"), self.process.returncode
