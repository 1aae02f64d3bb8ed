"""Each folder of the package imports only from those before it."""

import ast
import re
from pathlib import Path

import pytest

import juspay_mcp

PACKAGE = Path(juspay_mcp.__file__).parent
ROOMS = (
    "errors",
    "simulator",
    "settings",
    "values",
    "observability",
    "juspay",
    "answer",
    "audit",
    "service",
    "server",
    "http",
    "cli",
)
"""From the ground up: a room may import from itself and from those before it."""
ENTRY_POINTS = {"__main__": "cli", "asgi": "http"}
"""The files beside the rooms, which start the program, and the last room that each may import from."""
SHARED_BY_ALL = {"__init__"}
"""The version."""
READ_THE_ENVIRONMENT = {"asgi.py", "cli/check_command.py", "cli/commands.py", "cli/setup_command.py"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(module: Path) -> set[str]:
    """The folders that a file imports from, anywhere in it."""
    rooms = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("juspay_mcp.") for alias in node.names), f"{module.name}: use from"
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name} imports relatively"
            package, _, name = (node.module or "").partition(".")
            if package == "juspay_mcp" and name:
                rooms.add(name.partition(".")[0])
    return rooms


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_room_imports_only_from_itself_and_the_rooms_before_it(module: Path) -> None:
    if room(module) in SHARED_BY_ALL:
        assert imported_rooms(module) == set()
    else:
        last = ROOMS.index(ENTRY_POINTS.get(room(module), room(module)))
        assert imported_rooms(module) <= set(ROOMS[: last + 1])


def test_there_are_no_other_rooms() -> None:
    assert {room(module) for module in MODULES} == {*ROOMS, *ENTRY_POINTS, *SHARED_BY_ALL}


def test_the_simulator_shares_no_code_with_what_it_tests() -> None:
    assert all(imported_rooms(module) <= {"simulator"} for module in (PACKAGE / "simulator").glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_only_the_entry_points_read_the_environment_and_nothing_imports_httpx(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    assert "import httpx\n" not in source
    assert ("os.environ" in source) == (module.relative_to(PACKAGE).as_posix() in READ_THE_ENVIRONMENT)


def test_the_architecture_page_shows_the_rooms_in_their_order() -> None:
    page = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert (
        tuple(re.findall(r"^\| `(\w+)`", page.partition("## The folders")[2].partition("\n## ")[0], re.MULTILINE))
        == ROOMS
    )


def test_tests_share_helpers_by_the_support_folder_and_never_by_another_test() -> None:
    tests = Path(__file__).parent
    for path in tests.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
                parts = (node.module or "").split(".")
                assert not any(part == "conftest" or part.startswith("test_") for part in parts), path
    assert [path for path in tests.rglob("__init__.py") if path.read_text(encoding="utf-8").strip()] == []
