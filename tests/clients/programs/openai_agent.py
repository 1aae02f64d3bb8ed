"""The OpenAI Agents SDK: an agent that is offered the server's tools answers a question."""

import asyncio
import json
import os
from typing import Any

from agents import Agent, OpenAIChatCompletionsModel, Runner, ToolCallOutputItem, set_tracing_disabled
from agents.mcp import MCPServer, MCPServerStdio, MCPServerStreamableHttp
from openai import AsyncOpenAI

TASK = json.loads(os.environ["TASK"])


def connection() -> MCPServer:
    kind = MCPServerStreamableHttp if "url" in TASK["server"] else MCPServerStdio
    return kind(params=TASK["server"], use_structured_content=True)


async def main() -> dict[str, Any]:
    set_tracing_disabled(disabled=True)
    model = OpenAIChatCompletionsModel("scripted", AsyncOpenAI(base_url=TASK["model"], api_key="none"))
    async with connection() as wallets:
        result = await Runner.run(Agent("clerk", model=model, mcp_servers=[wallets]), TASK["question"])
    outputs = [item.output for item in result.new_items if isinstance(item, ToolCallOutputItem)]
    structured = [json.loads(output) for output in outputs if isinstance(output, str)]
    return {"answer": result.final_output, "structured": structured}


print(json.dumps(asyncio.run(main())))
