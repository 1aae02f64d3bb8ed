"""Servers that are asked the same thing once: what they returned to the first script is returned to the others."""

import json
from typing import Any

from pydantic_ai import RunContext, ToolReturn
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset
from typing_extensions import override

from evals.case import ServerName
from evals.servers import Servers
from evals.simulated_juspay import SPENDS


class RememberingServers(Servers):
    """The real servers; only about a customer whose balance changes are they asked again."""

    memory: dict[str, Any]

    @override
    def toolset(self, name: ServerName) -> "AbstractToolset[Any]":
        if not hasattr(self, "memory"):
            self.memory = {}
        wrapped = Remembering(super().toolset(name))
        wrapped.server, wrapped.memory = name, self.memory
        return wrapped


class Remembering(WrapperToolset[Any]):
    """One server's tools; a call that was answered before isn't made again."""

    server: str
    memory: dict[str, Any]

    @override
    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: "RunContext[Any]", tool: "ToolsetTool[Any]"
    ) -> Any:
        key = json.dumps([self.server, name, tool_args], sort_keys=True)
        if tool_args.get("customer_id") == SPENDS:
            return await super().call_tool(name, tool_args, ctx, tool)
        if key not in self.memory:
            try:
                returned = await super().call_tool(name, tool_args, ctx, tool)
                self.memory[key] = returned.return_value if isinstance(returned, ToolReturn) else returned
            except ToolFailed as failed:
                self.memory[key] = failed
        if isinstance(self.memory[key], ToolFailed):
            raise ToolFailed(self.memory[key].message)
        return self.memory[key]
