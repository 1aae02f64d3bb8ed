"""Runs cases with pydantic-evals: each several times, some at a time, and what it came to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_ai.models import Model
from pydantic_evals import Case as Entry
from pydantic_evals import Dataset
from pydantic_evals.evaluators import EvaluationReason, Evaluator, EvaluatorContext
from pydantic_evals.evaluators.llm_as_a_judge import judge_input_output
from typing_extensions import override

from evals.case import Case
from evals.checks import CHECKS, check
from evals.checks.verdict import Group, Verdict
from evals.conversation import converse
from evals.servers import Servers
from evals.transcript import Transcript

WORDING: Final = "wording (judge)"
"""What the judge's opinion is called in a report. No bar counts it."""
_RUBRIC: Final = (
    "The output answers a support agent's question about a customer's wallets. It is clear, brief and polite, and in "
    "the language of the question. Judge the wording alone: whether the figures are right is checked elsewhere."
)


@dataclass(frozen=True)
class Run:
    """One conversation about a case. `error` if it broke off for a reason that isn't the model's."""

    case: Case
    transcript: Transcript | None
    verdicts: Sequence[Verdict]
    seconds: float
    opinion: Verdict | None = None
    error: str | None = None

    @property
    def faults(self) -> list[Verdict]:
        """The checks that found something."""
        return [verdict for verdict in self.verdicts if verdict.fault]

    @property
    def passed(self) -> bool:
        """Whether no check found anything; the judge isn't asked."""
        return self.error is None and not self.faults


@dataclass(frozen=True)
class Outcome:
    """All runs."""

    runs: Sequence[Run]

    @property
    def share(self) -> float:
        """How many of the runs passed, between 0 and 1."""
        return sum(run.passed for run in self.runs) / len(self.runs)

    def share_of(self, *groups: Group) -> float:
        """In how many of the runs all checks of some groups passed, between 0 and 1."""
        return sum(run.error is None and not any(f.group in groups for f in run.faults) for run in self.runs) / len(
            self.runs
        )

    @property
    def errors(self) -> list[Run]:
        """The runs that broke off."""
        return [run for run in self.runs if run.error]


# pydantic-evals makes the subclasses of its base class dataclasses of their own.
@dataclass
class _Deterministic(Evaluator[Case, Transcript, None]):
    """All checks, each as an assertion with its reason."""

    done: Callable[[str, bool, float], None]

    @override
    def evaluate(self, ctx: EvaluatorContext[Case, Transcript, None]) -> dict[str, EvaluationReason]:
        verdicts = check(ctx.inputs, ctx.output)
        self.done(ctx.name or ctx.inputs.name, not any(each.fault for each in verdicts), ctx.duration)
        return {each.check: EvaluationReason(value=each.fault is None, reason=each.fault) for each in verdicts}


@dataclass
class _Wording(Evaluator[Case, Transcript, None]):
    """A judge's opinion on the wording of the last answer."""

    judge: Model

    @override
    async def evaluate(self, ctx: EvaluatorContext[Case, Transcript, None]) -> dict[str, EvaluationReason]:
        graded = await judge_input_output(ctx.inputs.ask, ctx.output.last.answer, _RUBRIC, self.judge)
        return {WORDING: EvaluationReason(value=graded.pass_, reason=graded.reason)}


async def run(  # noqa: PLR0913 - each is a choice of who runs it
    cases: Sequence[Case],
    model_for: Callable[[Case], Model],
    servers: Servers,
    *,
    repeat: int = 1,
    at_once: int = 4,
    judge: Model | None = None,
    done: Callable[[str, bool, float], None] = lambda *_: None,
) -> Outcome:
    """Runs each case `repeat` times. `done` is told each run's name, whether it passed, and its seconds."""
    await servers.start({case.server for case in cases})

    async def task(case: Case) -> Transcript:
        return await converse(case, model_for(case), servers)

    evaluators: list[Evaluator[Case, Transcript, None]] = [
        _Deterministic(done),
        *([_Wording(judge)] if judge else []),
    ]
    dataset: Dataset[Case, Transcript, None] = Dataset(
        name="juspay-wallets-mcp", cases=[Entry(name=case.name, inputs=case) for case in cases], evaluators=evaluators
    )
    report = await dataset.evaluate(task, repeat=repeat, max_concurrency=at_once, progress=False)
    runs = [_run_of(each) for each in report.cases]
    runs += [Run(each.inputs, None, [], 0.0, error=each.error_message) for each in report.failures]
    order = {case.name: place for place, case in enumerate(cases)}
    return Outcome(sorted(runs, key=lambda each: order[each.case.name]))


def _run_of(reported: Any) -> Run:  # noqa: ANN401 - the library's own, of three parameters
    verdicts = [
        Verdict(name, group, None if reported.assertions[name].value else reported.assertions[name].reason)
        for name, (group, _) in CHECKS.items()
        if name in reported.assertions
    ]
    # A check that broke must not count as one that passed. A judge that broke has no opinion.
    broken = [
        each.error_message
        for each in reported.evaluator_failures
        if WORDING not in each.name and each.name != "_Wording"
    ]
    wording = reported.assertions.get(WORDING)
    return Run(
        reported.inputs,
        reported.output,
        verdicts,
        reported.task_duration,
        opinion=wording and Verdict(WORDING, "rest", None if wording.value else wording.reason or "no"),
        error=f"a check failed: {broken[0]}" if broken else None,
    )
