"""What the pages beside the README say of the program is so."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import juspay_mcp
from juspay_mcp import VERSION, errors
from juspay_mcp.cli.commands import cli
from juspay_mcp.cli.demo import simulated_server
from juspay_mcp.errors import UpstreamError, WalletsError
from juspay_mcp.http.auth import jwt as oauth
from juspay_mcp.settings.variables import VARIABLES
from juspay_mcp.simulator.api import API_KEY
from tests.support.checkout import ROOT
from tests.support.readme import code, rows
from tests.support.simulator import Simulator

PACKAGE = Path(juspay_mcp.__file__).parent
NAMES = (
    "CONTRIBUTING.md",
    "PRIVACY.md",
    "README.md",
    "SECURITY.md",
    "docs/README.md",
    "docs/answer.md",
    "docs/architecture.md",
    "docs/evals.md",
    "docs/hosts.md",
    "docs/identity-providers.md",
    "docs/operations.md",
    "docs/settings.md",
    "docs/team-server.md",
    "docs/troubleshooting.md",
)
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))
}
WORKFLOWS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")}
# github.com/GenAI-Security-Project/GenAI-LLM-Top10, 2026/README.md and the headings of 2026/final.
LLM_RISKS = (
    "Prompt Injection",
    "Sensitive Information Disclosure",
    "Excessive Agency",
    "Supply Chain",
    "Data and Model Poisoning",
    "Unbounded Consumption",
    "Misinformation",
    "Hidden Context Exposure",
    "Vector and Embedding Weaknesses",
    "Improper Output Handling",
)
MCP_RISKS = (
    "Token Mismanagement & Secret Exposure",
    "Privilege Escalation via Scope Creep",
    "Tool Poisoning",
    "Software Supply Chain Attacks & Dependency Tampering",
    "Command Injection & Execution",
    "Intent Flow Subversion",
    "Insufficient Authentication & Authorization",
    "Lack of Audit and Telemetry",
    "Shadow MCP Servers",
    "Context Injection & Over-Sharing",
)
# What starts a process or runs a text as code, by the name it is imported from.
RUNS = re.compile(
    r"(subprocess|multiprocessing|pickle|marshal|runpy)(\..*)?|webbrowser\..*|(builtins\.)?(eval|exec|compile|__import__)|"
    r"os\.(system|popen|startfile|fork\w*|exec\w+|(posix_)?spawn\w*)|asyncio\.subprocess(\..*)?|.*\.subprocess_\w+|"
    r"(anyio|asyncio)\.(create_subprocess_\w+|run_process|open_process|to_process(\..*)?)|importlib\.import_module|"
    r"concurrent\.futures\.(process|ProcessPool).*|mcp\.client\.stdio(\..*)?|uvicorn\.(run|supervisors(\..*)?)"
)


def anchors(text: str) -> set[str]:
    """What a link to a heading of a page ends with."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def calls(source: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def logged() -> Iterator[tuple[str, str]]:
    """What each log call of the package begins with, and its level."""
    for call in (call for source in SOURCES.values() for call in calls(source)):
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in {"_logger", "logger"}:
            texts = [each.value for each in call.args if isinstance(each, ast.Constant)]
            [level] = [call.func.attr.upper()] if call.func.attr != "log" else ["WARNING, INFO"]
            [text] = [text for text in texts if isinstance(text, str)][:1]
            yield re.split(r"[:,;(%]", text)[0].strip(), level


def raised(function: str) -> set[str]:
    """The texts that are given to a function or class of that name."""
    found = (call for source in SOURCES.values() for call in calls(source) if ast.unparse(call.func) == function)
    return {
        each.value
        for call in found
        for argument in call.args
        for each in ast.walk(argument)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


def origins(tree: ast.AST) -> dict[str, str]:
    """What a source calls the names it imports, and what they are called where they come from."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
    return found


def runs(source: str) -> set[str]:
    """What a source uses to start a process or to run a text as code."""
    tree = ast.parse(source)
    imported = origins(tree)
    used = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)]
    parts = [name.partition(".") for name in used]
    names = {*imported.values(), *(imported.get(first, first) + dot + rest for first, dot, rest in parts)}
    return {name for name in names if RUNS.fullmatch(name)}


def defined_tests() -> set[str]:
    files = [*(ROOT / "tests").rglob("test_*.py")]
    return set(re.findall(r"def (test_\w+)", "\n".join(path.read_text(encoding="utf-8") for path in files)))


def test_the_operations_page_lists_every_log_line_with_its_level() -> None:
    listed = [(code(row[0])[0], row[1]) for row in rows(PAGES["docs/operations.md"], "## Log lines")]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(logged())


def test_the_operations_page_lists_every_metric_and_its_alerts_use_no_other() -> None:
    listed = {code(row[0])[0]: row[1] for row in rows(PAGES["docs/operations.md"], "## Metrics")}
    source = SOURCES["observability/metrics.py"]
    created = dict(re.findall(r'create_(\w+)\(\s*"([\w.]+)"', source))
    assert sorted(listed) == sorted(re.findall(r'create_\w+\(\s*"([\w.]+)"', source))
    assert created.keys() == {"histogram", "counter", "up_down_counter", "gauge"}
    [block] = re.findall(r"```yaml\n(.*?)```", PAGES["docs/operations.md"], re.DOTALL)
    rules: Any = yaml.safe_load(block)["groups"][0]["rules"]
    used = {name for rule in rules for name in re.findall(r"juspay_mcp_[a-z_]+", rule["expr"])}
    assert len(rules) == 3
    assert {name.removesuffix("_total").replace(".", "_") for name in used} <= {
        each.replace(".", "_") for each in listed
    }
    codes = {leaf.code for leaf in vars(errors).values() if isinstance(leaf, type) and hasattr(leaf, "code")}
    for pattern in (each for rule in rules for each in re.findall(r'outcome=~"([^"]+)"', rule["expr"])):
        assert all(any(re.fullmatch(part, known) for known in codes) for part in pattern.split("|"))


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md"])
def test_every_error_code_is_in_the_table_of_the_page(page: str) -> None:
    leaves = {leaf for leaf in vars(errors).values() if isinstance(leaf, type) and issubclass(leaf, WalletsError)}
    listed = [code(row[0])[0] for row in rows(PAGES[page], "## Errors")]
    assert len(listed) == len(set(listed))
    assert set(listed) == {leaf.code for leaf in leaves - {WalletsError, UpstreamError}}


def test_the_troubleshooting_page_names_log_lines_and_error_codes_that_exist() -> None:
    page = PAGES["docs/troubleshooting.md"]
    lines = set(re.findall(r"log (?:says|has) `(\w+)`", page))
    codes = set(re.findall(r"^\| `\[(\w+)\]`", page, re.MULTILINE))
    assert {"host_refused", "origin_refused", "token_refused", "audit_unwritable"} <= lines
    assert lines <= {line for line, _ in logged()}
    assert len(codes) >= 5
    assert codes <= {code(row[0])[0] for row in rows(PAGES["docs/operations.md"], "## Errors")}


def test_the_operations_page_lists_every_reason_to_refuse_a_token() -> None:
    listed = [
        reason for row in rows(PAGES["docs/operations.md"], "### Why a token is refused") for reason in code(row[0])
    ]
    by_pyjwt = {reason for _, reason in oauth.REASONS} | {"no_exp", "no_iss", "no_aud"}
    assert len(listed) == len(set(listed))
    assert set(listed) == raised("_Refused") | raised("log_refusal") - {"no_"} | by_pyjwt


def test_the_reference_is_what_the_program_says_of_itself() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "scripts.reference"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert printed.stdout == (ROOT / "docs" / "reference.md").read_text(encoding="utf-8"), "make reference"


@pytest.mark.parametrize("page", NAMES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGES[page]))
    assert named <= defined_tests()
    assert named or page not in {"PRIVACY.md", "SECURITY.md", "docs/architecture.md"}


@pytest.mark.parametrize(
    ("heading", "form", "risks"),
    [
        ("## OWASP Top 10 for LLM applications", "LLM{:02}:2026 {}", LLM_RISKS),
        ("## OWASP MCP Top 10", "MCP{:02}:2025 {}", MCP_RISKS),
    ],
)
def test_each_risk_of_both_lists_is_answered_with_a_test(heading: str, form: str, risks: tuple[str, ...]) -> None:
    answered = rows(PAGES["SECURITY.md"], heading)
    assert [row[0] for row in answered] == [form.format(number, risk) for number, risk in enumerate(risks, start=1)]
    assert all(code(row[2]) for row in answered)


def test_what_each_attacker_does_not_reach_is_shown_by_tests() -> None:
    assert all(re.search("`test_", row[3]) for row in rows(PAGES["SECURITY.md"], "## What an attacker reaches"))


def test_only_the_demo_a_checked_host_s_server_and_workers_are_processes_begun_here() -> None:
    found = {name: runs(source) for name, source in SOURCES.items() if runs(source)}
    assert found == {
        "cli/check_host.py": {"mcp.client.stdio.stdio_client"},
        "cli/demo.py": {"mcp.client.stdio.stdio_client"},
        "cli/card_preview.py": {"mcp.client.stdio.stdio_client", "webbrowser.open"},
        "http/serve.py": {
            "multiprocessing.parent_process",
            "multiprocessing.process.BaseProcess",
            "uvicorn.supervisors.Multiprocess",
            "uvicorn.supervisors.multiprocess.Process",
        },
    }
    with Simulator() as simulator:
        assert simulated_server(simulator, API_KEY).args == ["-P", "-m", "juspay_mcp"]


@pytest.mark.parametrize("page", NAMES)
def test_every_variable_and_link_of_a_page_is_sound(page: str) -> None:
    assert set(re.findall(r"\bJUSPAY_[A-Z_]+", PAGES[page])) <= {known.name for known in VARIABLES}
    for target, anchor in re.findall(r"\]\(([^):#]*)(?:#([^)]+))?\)", PAGES[page]):
        linked = (ROOT / page).parent.joinpath(target) if target else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text(encoding="utf-8")), anchor


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize("page", NAMES)
def test_every_shell_block_of_a_page_is_sound(page: str) -> None:
    for block in re.findall(r"```sh\n(.*?)```", PAGES[page], re.DOTALL):
        subprocess.run(["bash", "-n"], input=block.encode(), check=True)


@pytest.mark.parametrize("page", NAMES)
def test_every_command_of_a_page_is_one_of_the_program(page: str) -> None:
    named = re.findall(r"(?:^|\$\()(juspay-wallets-mcp .*?)(?:\)|$)", PAGES[page], re.MULTILINE)
    for line in named:
        name, *arguments = shlex.split(line, comments=True)[1:]
        with click.Context(cli.commands[name]) as context:
            cli.commands[name].parse_args(context, arguments)
    assert named or page not in {"PRIVACY.md", "docs/operations.md"}


def test_contributing_lists_every_target_with_what_the_makefile_says_of_it() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):.*## (.*)$", makefile, re.MULTILINE)
    assert [(code(row[0])[0], row[1]) for row in contributing()] == [(f"make {name}", said) for name, said in targets]


def contributing() -> list[list[str]]:
    table = PAGES["CONTRIBUTING.md"].split("\n|---|---|---|\n", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_contributing_marks_what_ci_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    needs = {name: set(line.split()) for name, line in re.findall(r"^([a-z-]+):([^#\n]*)", makefile, re.MULTILINE)}
    reached = set(re.findall(r"^make ([a-z-]+)$", run, re.MULTILINE))
    while more := {each for name in reached for each in needs[name] if each in needs} - reached:
        reached |= more
    assert {code(row[0])[0].removeprefix("make ") for row in contributing() if row[2] == "CI"} == reached


def test_every_place_that_names_the_version_names_this_one() -> None:
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f"juspay-wallets-mcp:{VERSION}\n" in (ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")
    assert f"juspay-wallets-mcp:{VERSION} --repo" in (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0] == VERSION


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_every_action_is_pinned_by_its_commit(name: str) -> None:
    used = re.findall(r"uses: (.*)$", WORKFLOWS[name], re.MULTILINE)
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used)


def test_every_tool_is_pinned_by_its_version() -> None:
    for pins in [ROOT / "constraints.txt", *(ROOT / "tests" / "clients" / "constraints").glob("*.txt")]:
        lines = pins.read_text(encoding="utf-8").splitlines()
        assert lines
        assert [line for line in lines if not re.fullmatch(r"[\w.-]+==\d[\w.!+-]*", line)] == []
    installed = re.findall(r"pip install (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    # pip itself, which installs the rest, is whichever is new enough.
    assert [line for line in installed if "-c " not in line and not line.endswith('"pip>=25.1"')] == []


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_a_workflow_may_do_nothing_but_what_a_job_says_it_needs(name: str) -> None:
    workflow: Any = yaml.safe_load(WORKFLOWS[name])
    assert workflow["permissions"] == {}
    writing = {job: [what for what, may in each["permissions"].items() if may == "write"]
               for job, each in workflow["jobs"].items()}  # fmt: skip
    expected = {
        "attest": ["id-token", "attestations"],
        "publish": ["id-token"],
        "announce": ["contents"],
        "image": ["packages"] if name == "image.yml" else [],
        "sign": ["id-token", "attestations", "packages"],
        "name": ["packages"],
    }
    assert all(may == expected.get(job, []) for job, may in writing.items())


def test_a_release_is_published_only_when_every_file_of_it_is_attested() -> None:
    jobs: Any = yaml.safe_load(WORKFLOWS["release.yml"])["jobs"]
    [fetched, attested] = jobs["attest"]["steps"]
    assert re.match("actions/attest(-build-provenance)?@", attested["uses"])
    assert attested["with"] == {"subject-path": "dist/*"}
    assert jobs["publish"]["steps"][0] == fetched
    assert "attest" in jobs["publish"]["needs"]
    assert not {"if", "continue-on-error"} & {*jobs["attest"], *attested, *jobs["publish"]}


def test_an_image_has_its_name_only_when_what_is_under_its_digest_is_signed() -> None:
    jobs: Any = yaml.safe_load(WORKFLOWS["image.yml"])["jobs"]
    signed = jobs["sign"]["steps"][-1]
    assert re.match("actions/attest(-build-provenance)?@", signed["uses"])
    assert signed["with"]["subject-digest"] == "${{ needs.image.outputs.digest }}"
    [step] = jobs["name"]["steps"]
    assert step["env"]["DIGEST"] == signed["with"]["subject-digest"]
    assert "sign" in jobs["name"]["needs"]
    assert [name for name in jobs if "GITHUB_REF_NAME#v}" in str(jobs[name]["steps"][-1])] == ["name"]
    assert not {"if", "continue-on-error"} & {*jobs["sign"], *signed, *jobs["name"]}


def test_ci_runs_on_each_python_that_is_declared() -> None:
    declared = re.findall(r":: (3\.\d+)\"", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    workflow: Any = yaml.safe_load(WORKFLOWS["ci.yml"])
    assert workflow["jobs"]["python"]["strategy"]["matrix"]["python"] == declared
