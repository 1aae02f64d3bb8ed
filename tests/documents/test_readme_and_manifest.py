"""The documents say what the program does: names, defaults, tables, manifest and version are compared with it."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from importlib.metadata import metadata, requires
from pathlib import Path
from textwrap import dedent

import anyio
import jsonschema
import pytest
import yaml
from mcp import Client
from packaging.requirements import Requirement

from juspay_mcp.answer.model import Answer, WalletAnswer
from juspay_mcp.cli.commands import cli
from juspay_mcp.server import card, prompt
from juspay_mcp.server.mcp_server import build_server
from juspay_mcp.service.wallet_service import open_service
from juspay_mcp.settings.load import load_settings
from juspay_mcp.settings.variables import VARIABLES
from tests.support.checkout import ROOT
from tests.support.common import Host as Connect
from tests.support.readme import HOSTS_PAGE, README, code, rows

READERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "python": ast.parse,
    "sh": str,
    "js": str,
    "text": str,
    "yaml": yaml.safe_load,
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ANSWER = (ROOT / "docs" / "answer.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
MANIFEST = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))


TOKENS = {419: 150, 451: 90, 2_463: 820, 2_992: 850}
"""Bytes of a text, and its tokens: `bpe_openai.get_encoding("o200k_base")` of bpe-openai 0.1.4, rounded to tens.

A text of another length must be counted again.
"""


def test_the_settings_page_lists_every_variable_with_its_default_and_meaning() -> None:
    expected = [
        [f"`{known.name}`", f"`{known.default}`" if known.default else "-", known.meaning] for known in VARIABLES
    ]
    assert rows(SETTINGS, "# Settings") == expected


def test_the_page_about_the_answer_lists_every_key_of_it() -> None:
    assert [key for row in rows(ANSWER, "The result is structured") for key in code(row[0])] == list(
        Answer.model_fields
    )


def test_the_page_about_the_answer_names_every_key_of_a_wallet() -> None:
    paragraph = ANSWER.split("Each wallet has", 1)[1].split("\n\n", 1)[0]
    assert set(WalletAnswer.model_fields) <= set(code(paragraph))


def test_the_readme_lists_every_command() -> None:
    listed = [code(row[0])[0].split() for row in rows(README, "## Commands")]
    assert sorted(words[1] for words in listed if len(words) > 1) == sorted(cli.commands)


def test_the_readme_gives_a_reason_for_every_runtime_dependency_and_no_other() -> None:
    declared = [Requirement(line) for line in requires("juspay-wallets-mcp") or []]
    names = sorted(requirement.name for requirement in declared if requirement.marker is None)
    assert sorted(name for row in rows(README, "## What it depends on") for name in code(row[0])) == names


def test_the_page_about_the_answer_names_the_card_and_the_prompt_with_its_arguments() -> None:
    section = ANSWER.split("## The card and the prompt", 1)[1].split("\n## ", 1)[0]
    [listed] = prompt.list_prompts().prompts
    names = [listed.name, *(argument.name for argument in listed.arguments or [])]
    assert [word for word in code(section) if word in {card.URI, *names}] == [card.URI, *names]


def test_the_readme_is_short_and_tells_nobody_to_install_a_name_that_is_on_no_index() -> None:
    assert len(README.splitlines()) <= 280
    pages = README + "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    assert re.findall(r"(?:uvx|(?:uv tool|pipx?) install) +'?juspay-wallets-mcp", pages) == []


def test_the_contents_of_the_readme_are_its_headings_in_their_order() -> None:
    contents = README.split("**Contents:** ", 1)[1].split("\n\n", 1)[0]
    assert re.findall(r"\[([^]]+)\]\(#", contents) == re.findall(r"^## (.+)$", README, re.MULTILINE)


def test_the_badges_of_the_readme_say_what_the_project_declares() -> None:
    [python] = re.findall(r"badge/python-([\d.]+)%20or%20newer-", README)
    [license_] = re.findall(r"badge/license-(\S+)-blue", README)
    assert PROJECT["project"]["requires-python"] == f">={python}"
    assert PROJECT["project"]["license"] == license_.replace("--", "-")
    [workflow] = set(re.findall(r"actions/workflows/([\w.]+)", README))
    assert (ROOT / ".github" / "workflows" / workflow).is_file()


async def test_the_example_of_the_readme_is_what_the_tool_returns(host: Connect) -> None:
    [shown] = [json.loads(each) for each in re.findall(r"^```json\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)]
    async with host() as client:
        result = await client.call_tool("refresh_customer_wallets", {"customer_id": "cth_all_linked"})
    assert result.structured_content is not None
    given = dict(result.structured_content)
    assert given.keys() == shown.keys()
    assert [given["wallets"][0].keys()] == [wallet.keys() for wallet in shown["wallets"]]
    same = ("customer", "source", "currency", "total_balance", "wallet_count", "linked_count")
    assert {name: given[name] for name in same} == {name: shown[name] for name in same}
    assert given["summary"].endswith(shown["summary"])
    moving = {"last_refreshed"}
    assert {key: value for key, value in given["wallets"][0].items() if key not in moving} == {
        key: value for key, value in shown["wallets"][0].items() if key not in moving
    }


async def test_each_answer_among_the_examples_of_the_readme_is_what_the_tool_says(host: Connect) -> None:
    examples = rows(README, "## Examples\n")
    assert len(examples) >= 3
    async with host() as client:
        for question, answer in examples:
            [customer] = re.findall(r"\bcth_\w+", question)
            result = await client.call_tool("refresh_customer_wallets", {"customer_id": customer})
            assert result.structured_content is not None
            assert result.structured_content["summary"] == f"Test figures (sandbox), not real money: {answer}"


def test_the_index_of_the_documentation_lists_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"\]\((\w[\w-]*\.md)\)", index))
    assert listed == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}


def test_every_block_of_the_pages_for_users_is_of_a_language_that_a_test_reads() -> None:
    pages = "\n".join(dedent(page) for page in (README, ANSWER, HOSTS_PAGE))
    fences = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", pages, re.MULTILINE | re.DOTALL)
    assert {language for language, _ in fences} == READERS.keys()
    for language, text in fences:
        assert READERS[language](text)


def test_the_extras_that_the_readme_installs_exist() -> None:
    named = re.findall(r"(?:pip|pipx|uv tool) install '?[.](?:\[(\w+)\])?", README)
    assert "" in named
    assert {extra for extra in named if extra} == set(metadata("juspay-wallets-mcp").get_all("Provides-Extra") or [])


async def instructions() -> str:
    """What a model is told before its first call."""
    async with Client(build_server(partial(open_service, load_settings({})))) as client:
        return client.instructions or ""


@pytest.mark.skipif(sys.platform == "win32", reason="the benchmark asks the system what Windows doesn't tell")
def test_the_page_about_the_answer_says_how_many_bytes_and_tokens_a_conversation_pays() -> None:
    counted = subprocess.run(
        [sys.executable, "-m", "scripts.budgets", "--bytes"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    sizes = [len(anyio.run(instructions).encode()), *map(int, re.findall(r": (\d+) bytes", counted.stdout))]
    assert [row[1] for row in rows(ANSWER, "## What it costs")] == [f"{size:,}" for size in sizes]
    assert [row[2] for row in rows(ANSWER, "## What it costs")] == [f"{TOKENS[size]:,}" for size in sizes]


def test_the_make_targets_the_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^)make (?:PYTHON=\S+ )?([a-z-]+)", text, re.MULTILINE))
        assert named <= targets
        assert named


def test_the_manifest_is_what_the_program_says_of_itself() -> None:
    printed = subprocess.run(
        [sys.executable, "scripts/server_json.py"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert json.loads(printed.stdout) == MANIFEST, "make manifest"


def test_the_credentials_are_secret_and_nothing_else_is() -> None:
    secret = {known.name for known in VARIABLES if known.secret}
    assert secret == {"JUSPAY_API_KEY", "JUSPAY_PROXY", "JUSPAY_MCP_AUDIT_KEY", "JUSPAY_MCP_RATE_LIMIT_STORAGE"}


def test_the_registry_finds_its_name_in_the_package_s_description() -> None:
    assert f"mcp-name: {MANIFEST['name']} -->" in metadata("juspay-wallets-mcp").json["description"]


def test_the_manifest_is_valid_and_has_no_key_the_schema_does_not_know() -> None:
    schema = json.loads((Path(__file__).parents[1] / "schemas" / "server.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(MANIFEST, schema)
    known = set(re.findall(r'"(\$?[A-Za-z]+)": \{', json.dumps(schema)))
    assert set(re.findall(r'"(\$?[A-Za-z]+)":', json.dumps(MANIFEST))) <= known | {"$schema"}


def test_every_place_that_names_the_public_home_names_the_one_of_the_project() -> None:
    urls = PROJECT["project"]["urls"]
    home = urls["Repository"]
    owner, _, name = MANIFEST["name"].removeprefix("io.github.").partition("/")
    assert home == f"https://github.com/{owner}/{name}"
    assert all(url.startswith(home) for url in urls.values())
    assert f"\ngit clone {home} && cd {name}\nmake demo " in README
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert all(f"{home}/" in each["replacement"] for each in hook["substitutions"])


def test_a_weakness_is_reported_where_the_project_says() -> None:
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml").read_text(encoding="utf-8"))
    [link] = form["contact_links"]
    assert link["url"] == PROJECT["project"]["urls"]["Security"]
    assert link["url"].endswith("/security/advisories/new")


FORBIDDEN = re.compile(  # in such a way that it finds nothing in this file either
    r"/(work|farm|root)/|/tmp/ba[s]h_jobs|//[a-z.-]*(pypi|npm|debian|pythonhosted)[a-z.-]*[.](org|com)"
    r"|\b(ghcr|docker|quay|crates)[.]io\b"
)
OURS = {".ci", ".github", ".gitignore"}
MADE = {"__pycache__", "artifacts", "build", "dist"}


def is_ours(path: Path) -> bool:
    """Whether the project keeps a file, or a tool has made it."""
    parts = path.relative_to(ROOT).parts
    return path.is_file() and not any(part in MADE or (part[0] == "." and part not in OURS) for part in parts)


def test_no_file_names_a_machine_or_a_registry_host() -> None:
    files = [path for path in ROOT.rglob("*") if is_ours(path)]
    assert len(files) > 50
    found = {path.name for path in files if FORBIDDEN.search(path.read_text(encoding="utf-8", errors="replace"))}
    assert found == set()
