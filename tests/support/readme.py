"""Parts of the README and of the page about hosts."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


README = (ROOT / "README.md").read_text(encoding="utf-8")


HOSTS_PAGE = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")


AGENTS = {
    "OpenAI Agents SDK": "openai_agent.py",
    "pydantic-ai": "pydantic_ai_agent.py",
    "LangChain": "langchain_agent.py",
    "AI SDK": "ai_sdk.mjs",
}


def folded(name: str) -> str:
    """The block that opens under a name."""
    found: list[str] = re.findall(
        rf"<summary><b>{re.escape(name)}</b>.*?</summary>\n\n```\w+\n(.*?)\n```\n\n</details>", HOSTS_PAGE, re.DOTALL
    )
    [text] = found
    return text
