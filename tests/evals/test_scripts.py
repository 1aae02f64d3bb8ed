"""A model that behaves passes every case; one that does a thing wrong fails where that shows, and nowhere else."""

from collections.abc import Mapping

import anyio
import pytest
from typing_extensions import override

from evals.case import Case
from evals.checks import CHECKS, check
from evals.conversation import converse
from evals.runner import Outcome
from evals.servers import Servers
from tests.evals.misbehaving import MISBEHAVIOURS, Misbehaviour, Seen
from tests.evals.scripted import Script, Situation, model_of


async def test_a_model_that_behaves_passes_every_case(behaved: Outcome, cases: list[Case]) -> None:
    assert {each.case.name: each.error or each.faults for each in behaved.runs if not each.passed} == {}
    assert len(behaved.runs) == len(cases) >= 40
    assert all(len(each.verdicts) == len(CHECKS) for each in behaved.runs)


@pytest.mark.parametrize("wrong", MISBEHAVIOURS, ids=lambda wrong: type(wrong.script).__name__)
async def test_a_misbehaviour_fails_the_cases_that_it_shows_in_and_no_other(
    wrong: Misbehaviour, seen: Mapping[str, Seen], servers: Servers
) -> None:
    found = await faults_of(wrong.script, seen, servers)
    expected = {name for name, each in seen.items() if wrong.shows_in(each)}
    assert expected
    assert {name: faults for name, faults in found.items() if faults and name not in expected} == {}
    assert {name for name in expected if not found[name] & wrong.seen_by} == set()


def test_every_check_is_the_one_that_sees_some_misbehaviour() -> None:
    watched = {name for wrong in MISBEHAVIOURS for name in wrong.seen_by}
    assert set(CHECKS) - watched == {"words"}, "what a case's own phrases ask for is shown below"


async def test_a_phrase_that_a_case_asks_for_is_missed(seen: Mapping[str, Seen], servers: Servers) -> None:
    class LeavesThePhraseOut(Script):
        """Answers with the figures alone."""

        @override
        def closing(self, situation: Situation) -> str:
            return "You are welcome."

    asks = {name for name, each in seen.items() if each.case.says_one_of and each.case.name != "points-asked-for"}
    found = await faults_of(LeavesThePhraseOut(), seen, servers)
    missed = {name for name, faults in found.items() if "words" in faults}
    assert {"capital-of-karnataka", "unmask-mobile", "can-they-pay"} <= missed <= asks


async def faults_of(script: Script, seen: Mapping[str, Seen], servers: Servers) -> dict[str, set[str]]:
    """The checks that find something in each case. Where it would be the same as before, that is known: nothing."""
    found: dict[str, set[str]] = {name: set() for name in seen}
    limit = anyio.Semaphore(8)

    async def ask(case: Case) -> None:
        async with limit:
            transcript = await converse(case, model_of(script, case), servers)
        found[case.name] = {each.check for each in check(case, transcript) if each.fault}

    async with anyio.create_task_group() as group:
        for each in (each for each in seen.values() if not each.would_be_the_same(script)):
            group.start_soon(ask, each.case)
    return found
