"""The code in the README, run as it stands there."""

import os
from pathlib import Path

import pytest

from tests.clients.model import ScriptedModel
from tests.clients.rig import INSTALLED, NODE, Machine
from tests.support.processes import COMMAND
from tests.support.readme import AGENTS, folded


@pytest.mark.parametrize(("name", "program"), AGENTS.items())
def test_the_code_in_the_readme_answers_with_the_total(name: str, program: str, tmp_path: Path) -> None:
    own = INSTALLED / Path(program).stem / "bin" / "python"
    command = [str(own), "-"] if program.endswith(".py") else [NODE, "--input-type=module"]
    path = f"{Path(COMMAND[0]).parent}{os.pathsep}{os.environ['PATH']}"
    with ScriptedModel() as model:
        variables = {"PATH": path, "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "none"}
        ended = Machine(tmp_path).run(command, folded(name), **variables)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "They hold 1770.49\n"
