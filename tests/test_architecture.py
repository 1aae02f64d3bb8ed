"""The layers: which module may import which. This table is the architecture."""

import ast
from pathlib import Path

import pytest

import juspay_mcp

PACKAGE = Path(juspay_mcp.__file__).parent

# Bottom to top. A module may import those on its right, and nothing else of this package.
IMPORTS = {
    # what everything stands on
    "version": set(),
    "errors": set(),
    "masking": set(),
    "money": set(),
    "times": set(),
    "providers": set(),
    "decoding": set(),
    "schemas": set(),
    # Juspay's reply, read
    "customers": {"errors"},
    "wallets": {"masking", "money", "providers", "times"},
    "snapshot": {"money", "providers", "wallets"},
    "replies": {"decoding", "errors", "settings", "wallets"},
    # the answer, made
    "summary": {"money", "providers", "settings", "snapshot", "wallets"},
    "answer": {"customers", "masking", "money", "providers", "settings", "snapshot", "summary", "times", "wallets"},
    # the settings, and the way to Juspay
    "variables": {"errors"},
    "watched": {"variables"},
    "settings": {"errors", "variables", "watched"},
    "credentials": {"settings", "variables", "watched"},
    "tokens": set(),
    "tokens_file": {"times", "tokens", "variables", "watched"},
    "outgoing": set(),
    "spans": {"errors", "version"},
    "failures": {"errors"},
    "tls": {"variables"},
    "client": {
        "credentials", "customers", "errors", "failures", "outgoing", "replies", "settings", "spans", "times",
        "tls", "version", "wallets",
    },
    "issuer": {"decoding", "errors", "settings", "tls", "version"},
    "oauth": {"errors", "issuer", "tokens"},
    "limiter": {"errors"},
    "shared_limiter": {"errors", "limiter", "variables"},
    "retry": {"errors"},
    "callers": set(),
    "logfile": set(),
    "writer": {"logfile"},
    "audit": {
        "callers", "credentials", "customers", "errors", "logfile", "settings", "snapshot", "spans", "times",
        "variables", "writer",
    },
    "boundary": {"errors"},
    "flights": {"boundary", "errors", "retry"},
    "connection_slots": {"callers", "errors"},
    "lookup": {
        "callers", "client", "connection_slots", "customers", "errors", "retry", "settings", "snapshot",
        "times", "wallets",
    },
    "service": {
        "answer", "audit", "callers", "client", "customers", "errors", "flights", "limiter", "lookup",
        "retry", "settings", "shared_limiter", "simulator", "snapshot", "times",
    },
    # the shells
    "logs": {"errors", "times"},
    "card": set(),
    "prompt": {"customers", "errors"},
    "tool": {"answer", "boundary", "callers", "card", "customers", "errors", "flights", "schemas", "service", "text"},
    "messages": {"errors", "version"},
    "telemetry": {"errors", "version"},
    "server": {"callers", "card", "messages", "prompt", "service", "settings", "tool", "version"},
    "json_rpc": set(),
    "stdio": {"errors", "json_rpc", "server", "service", "settings"},
    "access": {"oauth", "settings", "tokens", "tokens_file"},
    "web": {"access", "callers", "endpoint", "errors", "server", "service", "settings", "telemetry"},
    "asgi": {"connections", "logs", "settings", "web"},
    "connections": set(),
    "gc_tuning": set(),
    "serve": {"access", "connections", "errors", "gc_tuning", "logs", "service", "settings", "telemetry", "web"},
    "tables": {"answer", "money", "providers", "snapshot", "times"},
    "hosts": set(),
    "demo": {"answer", "hosts", "simulator", "tables"},
    "gallery": {"demo", "simulator"},
    "check": {
        "client", "credentials", "customers", "errors", "masking", "service", "settings", "times",
        "variables", "version", "wallets",
    },
    "cli": {
        "audit", "boundary", "callers", "check", "credentials", "customers", "demo", "errors", "gallery",
        "gc_tuning", "logs", "serve", "service", "settings", "simulator", "stdio", "tables", "telemetry",
        "times", "tokens", "variables", "version",
    },
    "__init__": set(),
    "__main__": {"cli"},
    # beside all of them, sharing nothing with the client
    "simulator_data": set(),
    "simulator": {"simulator_data"},
    "endpoint": {"message_check", "settings"},
    "message_check": {"json_rpc"},
    "text": {"answer", "providers", "snapshot", "summary", "times"},
}  # fmt: skip


def imported(module: Path) -> set[str]:
    """The modules of this package that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "juspay_mcp":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= (
                {(node.module or "").removeprefix("juspay_mcp.")}
                if (node.module or "")[:11] == "juspay_mcp."
                else set()
            )
            assert node.level == 0, f"{module.name} imports relatively"
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("juspay_mcp") for alias in node.names), f"{module.name}: use from"
    return names


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_a_module_imports_what_the_table_says(module: Path) -> None:
    assert imported(module) == IMPORTS[module.stem]


def test_the_table_names_every_module_and_no_other() -> None:
    assert set(IMPORTS) == {path.stem for path in PACKAGE.glob("*.py")}


def test_imports_point_one_way() -> None:
    """Taking away, again and again, the modules that import nothing that is left, takes away all."""
    left = dict(IMPORTS)
    while free := {name for name, imports in left.items() if not imports & left.keys()}:
        left = {name: imports for name, imports in left.items() if name not in free}
    assert left == {}


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_nobody_imports_httpx_or_reads_the_environment_but_who_starts_the_process(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    assert "import httpx\n" not in source
    assert ("os.environ" in source) == (module.stem in {"asgi", "cli"})
