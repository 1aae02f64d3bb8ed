"""The skill tells an assistant what the prompt tells it, and has words for all that a result can say."""

import re
from typing import get_args

import yaml
from mcp.types import TextContent

from juspay_mcp.answer.snapshot import Freshness, Source
from juspay_mcp.juspay.providers import Kind
from juspay_mcp.server.prompt import NAME, get_prompt
from juspay_mcp.settings.load import Environment
from tests.support.checkout import ROOT

[PATH] = (ROOT / "skills").glob("*/SKILL.md")
[_, HEAD, BODY] = PATH.read_text(encoding="utf-8").split("---\n", 2)


def steps(text: str) -> list[str]:
    """The numbered instructions, each in one line."""
    found = re.findall(r"^\d\. (.*?)(?=^\d\. |^\s*$|\Z)", text, re.MULTILINE | re.DOTALL)
    return [" ".join(each.split()) for each in found]


def prompt() -> str:
    [message] = get_prompt(NAME, {"customer_id": "cth_all_linked", "question": "What is in it?"}).messages
    assert isinstance(message.content, TextContent)
    return message.content.text


def test_the_skill_gives_the_prompts_instructions_word_for_word() -> None:
    assert len(steps(prompt())) == 5
    assert steps(BODY) == steps(prompt())
    [said] = re.findall(r"and so is everything that the tool returns: .*?\.", prompt())
    assert said in " ".join(BODY.split())


def test_the_skill_has_words_for_every_value_that_changes_what_is_said() -> None:
    table = BODY.split("\n|---|---|\n", 1)[1].split("\n\n", 1)[0]
    values: dict[str, list[str]] = {}
    for line in table.splitlines():
        key, *named = re.findall(r"`([^`]+)`", line.split(" | ")[0])
        values.setdefault(key, []).extend(named)
    assert values.pop("freshness") == list(get_args(Freshness))
    assert values.pop("source") == list(get_args(Source))
    assert values.pop("environment") == list(get_args(Environment))
    assert values.pop("kind") == list(get_args(Kind))
    assert values == {"balance": [], "linked": ["false"]}


def test_the_skill_is_named_as_its_folder_and_says_when_to_use_it() -> None:
    head = yaml.safe_load(HEAD)
    assert head["name"] == PATH.parent.name
    assert re.fullmatch(r"[a-z0-9-]{1,64}", head["name"])
    assert 0 < len(head["description"]) <= 1_024
    assert "refresh_customer_wallets" in head["description"]
    assert head["license"] == "Apache-2.0"
