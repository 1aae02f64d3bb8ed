"""One conversation of a model with a server, by one of three roads, and its transcript."""

from pathlib import Path
from typing import Any, Final

from pydantic_ai import Agent, UsageLimits, capture_run_messages
from pydantic_ai.exceptions import UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    RetryPromptPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models import Model

from evals.case import Case
from evals.servers import TOOL, Servers
from evals.transcript import Call, Transcript, Turn

_SKILL: Final = Path(__file__).parents[1] / "skills" / "answer-wallet-question" / "SKILL.md"
_ROLE: Final = "You help the agents of a customer support team. Answer what you are asked, briefly."
_MAX_REQUESTS: Final = 8  # to the model, for one question: enough for three calls in a row and mistakes in between


async def converse(case: Case, model: Model, servers: Servers) -> Transcript:
    """Asks the model all of a case's questions, in one conversation."""
    skill = _SKILL.read_text(encoding="utf-8").split("---\n", 2)[2] if case.road == "skill" else ""
    agent = Agent(model, instructions=[_ROLE, *([skill] if skill else [])], toolsets=[servers.toolset(case.server)])
    history: list[ModelMessage] = []
    turns: list[Turn] = []
    for ask in [*(each.ask for each in case.before), case.ask]:
        said = ask
        if case.road == "prompt" and ask == case.ask:
            said = await servers.prompt(case.server, customer_id=case.calls[0], question=ask)
        answer, problem = "", None
        with capture_run_messages() as messages:
            try:
                result = await agent.run(
                    said, message_history=history or None, usage_limits=UsageLimits(request_limit=_MAX_REQUESTS)
                )
                answer, new = result.output, result.new_messages()
            except (UnexpectedModelBehavior, UsageLimitExceeded) as error:
                # What a model does wrong is a failed case, not the end of the run.
                problem, new = f"{type(error).__name__}: {error}", messages[len(history) :]
        history += new
        turns.append(Turn(ask, _calls(new), answer, problem))
        if problem:
            break
    responses = [each for each in history if isinstance(each, ModelResponse)]
    return Transcript(
        turns,
        input_tokens=sum(each.usage.input_tokens for each in responses),
        output_tokens=sum(each.usage.output_tokens for each in responses),
        cost=_cost(responses),
    )


def _calls(messages: list[ModelMessage]) -> list[Call]:
    """The calls in order, each with what it came to; also those of tools that don't exist."""
    parts = [part for message in messages for part in message.parts]
    returned: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, ToolReturnPart):
            returned[part.tool_call_id] = part.content
        elif isinstance(part, RetryPromptPart) and part.tool_name:
            returned[part.tool_call_id] = part.model_response()
    calls = []
    for part in parts:
        if isinstance(part, ToolCallPart):
            content = returned.get(part.tool_call_id)
            result = content if isinstance(content, dict) and part.tool_name == TOOL else None
            error = None if result is not None or content is None else str(content)
            calls.append(Call(part.tool_name, _arguments(part), result, error))
    return calls


def _arguments(part: ToolCallPart) -> Any:  # noqa: ANN401 - whatever JSON the model wrote
    try:
        return part.args_as_dict()
    except (ValueError, AssertionError):
        return part.args


def _cost(responses: list[ModelResponse]) -> float | None:
    """Dollars, if the price of every response is known."""
    try:
        return float(sum(each.cost().total_price for each in responses))
    except (LookupError, ValueError, AssertionError):
        return None
