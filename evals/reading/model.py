"""Asks a model through an OpenAI-compatible API, always greedily."""

from dataclasses import dataclass

import httpx2

_MAX_TOKENS = 24  # a time to the second needs the most, 21


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model behind an address. `chat`: ask by messages, as models tuned for conversations need it."""

    client: httpx2.Client
    base_url: str
    name: str
    chat: bool = False

    def reply(self, prompt: str) -> tuple[str, int | None]:
        """The first line of the reply, and how many tokens the prompt had, if the server says.

        Raises:
            httpx2.HTTPError: The server can't be reached, or answers with an error.
        """
        wanted: dict[str, object] = {"model": self.name, "max_tokens": _MAX_TOKENS, "temperature": 0}
        if self.chat:
            wanted["messages"] = [{"role": "user", "content": prompt}]
        else:
            wanted |= {"prompt": prompt, "stop": ["\n"]}
        response = self.client.post(f"{self.base_url}/{'chat/' if self.chat else ''}completions", json=wanted)
        body = response.raise_for_status().json()
        choice, usage = body["choices"][0], body.get("usage") or {}
        text = choice["message"]["content"] if self.chat else choice["text"]
        return (text or "").strip().partition("\n")[0], usage.get("prompt_tokens")

    def count_tokens(self, text: str) -> int | None:
        """How many tokens a text is, by the `/tokenize` of llama.cpp; None if the server has none."""
        response = self.client.post(f"{self.base_url.removesuffix('/v1')}/tokenize", json={"content": text})
        return len(response.json()["tokens"]) if response.is_success else None
