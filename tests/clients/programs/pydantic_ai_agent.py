"""pydantic-ai: an agent that is offered the server's tools answers a question."""

import asyncio
import json
import os
from typing import Any

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

TASK = json.loads(os.environ["TASK"])


def toolset() -> MCPToolset:
    server = TASK["server"]
    if "url" in server:
        return MCPToolset(server["url"], headers=server["headers"])
    return MCPToolset(StdioTransport(**server))


async def main() -> dict[str, Any]:
    provider = OpenAIProvider(base_url=TASK["model"], api_key="none")
    agent = Agent(OpenAIChatModel("scripted", provider=provider), toolsets=[toolset()])
    async with agent:
        result = await agent.run(TASK["question"])
    parts = [part for message in result.all_messages() for part in message.parts]
    returned = [part.content for part in parts if isinstance(part, ToolReturnPart)]
    structured = [content for content in returned if isinstance(content, dict)]
    return {"answer": result.output, "structured": structured}


print(json.dumps(asyncio.run(main())))
