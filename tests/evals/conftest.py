"""The servers of the evals, and how a scripted model that behaves comes through all cases."""

from collections.abc import AsyncIterator, Mapping

import pytest

from evals.case import Case, load_cases
from evals.runner import Outcome, run
from evals.servers import open_servers
from tests.evals.misbehaving import Seen
from tests.evals.remembering import RememberingServers
from tests.evals.scripted import Script, model_of

CASES = load_cases()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    return CASES


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[RememberingServers]:
    """The real servers over stdio."""
    async with open_servers(RememberingServers) as servers:
        await servers.start({case.server for case in CASES})
        yield servers


@pytest.fixture(scope="session")
async def behaved(servers: RememberingServers) -> Outcome:
    """All cases with the model that behaves: the first time that the servers are asked."""
    return await run(CASES, lambda case: model_of(Script(), case), servers, at_once=8)


@pytest.fixture(scope="session")
def seen(behaved: Outcome) -> Mapping[str, Seen]:
    """Each case with its conversation."""
    return {each.case.name: Seen(each.case, each.transcript) for each in behaved.runs if each.transcript}
