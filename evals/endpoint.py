"""The address of a model: from the environment, and whether it answers. The key is never printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx2
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

_NEEDED: Final = {
    "OPENAI_BASE_URL": "the address of an OpenAI-compatible server, such as http://127.0.0.1:8080/v1",
    "OPENAI_API_KEY": "its key; any word if it needs none",
    "EVAL_MODEL": "the name of the model there",
}
_SECONDS: Final = 10.0  # to answer whether it is there


class EndpointError(Exception):
    """The address can't be used; the message has a line for each reason."""


@dataclass(frozen=True)
class Endpoint:
    """Where the model is. `judge_model` is the name of a model there that judges wording, or empty."""

    base_url: str
    api_key: str = field(repr=False)
    model: str
    judge_model: str = ""

    def open(self, name: str) -> Model:
        """A model of that name at this address."""
        return OpenAIChatModel(name, provider=OpenAIProvider(base_url=self.base_url, api_key=self.api_key))

    def hide_key(self, text: str) -> str:
        """A text without the key, should a server have repeated it in an error."""
        return text.replace(self.api_key, "(key)") if len(self.api_key) >= 8 else text  # noqa: PLR2004 - not a word


def read_endpoint(environ: Mapping[str, str]) -> Endpoint:
    """The endpoint that the variables name.

    Raises:
        EndpointError: A variable is missing, or the address isn't one.
    """
    missing = [f"{name} isn't set: {what}" for name, what in _NEEDED.items() if not environ.get(name, "").strip()]
    if missing:
        raise EndpointError("\n".join(missing))
    base_url, api_key, model = (environ[name].strip() for name in _NEEDED)
    if not base_url.startswith(("http://", "https://")):
        raise EndpointError("OPENAI_BASE_URL must begin with http:// or https://")
    if "@" in base_url.split("/")[2]:
        raise EndpointError("OPENAI_BASE_URL has a name or password in it: give the key in OPENAI_API_KEY")
    return Endpoint(base_url.rstrip("/"), api_key, model, environ.get("EVAL_JUDGE_MODEL", "").strip())


def require_answer(endpoint: Endpoint) -> None:
    """Asks the address for its list of models, so that a wrong one shows before the first case.

    Raises:
        EndpointError: Nobody answers there, or the key is refused.
    """
    try:
        response = httpx2.get(
            f"{endpoint.base_url}/models", headers={"Authorization": f"Bearer {endpoint.api_key}"}, timeout=_SECONDS
        )
    except httpx2.HTTPError as error:
        reason = endpoint.hide_key(str(error)) or type(error).__name__
        raise EndpointError(f"nobody answers at OPENAI_BASE_URL ({endpoint.base_url}): {reason}") from None
    if response.status_code in {401, 403}:
        raise EndpointError(f"the server refuses OPENAI_API_KEY (HTTP {response.status_code})")
    if response.status_code >= 500:  # noqa: PLR2004 - the HTTP status
        raise EndpointError(f"the server at OPENAI_BASE_URL fails (HTTP {response.status_code})")
