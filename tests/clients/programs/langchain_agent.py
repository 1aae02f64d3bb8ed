"""LangChain with its MCP adapters: an agent that is offered the server's tools answers a question."""

import asyncio
import json
import os
from typing import Any

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_openai import ChatOpenAI

TASK = json.loads(os.environ["TASK"])


async def main() -> dict[str, Any]:
    transport = "streamable_http" if "url" in TASK["server"] else "stdio"
    client = MultiServerMCPClient({"wallets": {"transport": transport, **TASK["server"]}})
    model = ChatOpenAI(model="scripted", base_url=TASK["model"], api_key="none")
    agent = create_agent(model, await client.get_tools())
    messages = (await agent.ainvoke({"messages": [("user", TASK["question"])]}))["messages"]
    artifacts = [message.artifact for message in messages if message.type == "tool" and message.artifact]
    return {"answer": messages[-1].text, "structured": [artifact["structured_content"] for artifact in artifacts]}


print(json.dumps(asyncio.run(main())))
