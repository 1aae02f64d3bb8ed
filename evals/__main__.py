"""`make evals`: asks a model the cases, and says how it did. Exit status: 0, 1 (bar not met), 2 (couldn't run)."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from evals.case import Case, CaseError, chosen, load_cases
from evals.endpoint import Endpoint, EndpointError, read_endpoint, require_answer
from evals.report import Bars, print_table, summarize, write_json, write_junit
from evals.runner import Outcome, Run, run
from evals.servers import Servers, open_servers


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        cases = chosen(load_cases(), options.only)
        if options.list:
            print("\n".join(f"{case.theme:16} {case.name:40} {case.why}" for case in cases))
            return 0
        endpoint = read_endpoint(os.environ)
        require_answer(endpoint)
    except (CaseError, EndpointError) as error:
        print(error, file=sys.stderr)
        return 2
    bars = Bars(options.bar)
    started = time.monotonic()
    outcome = asyncio.run(_run(cases, endpoint, options.repeat, options.at_once))
    summary = summarize(outcome, endpoint.model, bars, time.monotonic() - started)
    print_table(outcome, summary, bars, Console())
    if options.json:
        write_json(options.json, outcome, summary, bars)
    if options.junit:
        write_junit(options.junit, outcome)
    if summary.errors:
        return 2
    return 0 if summary.met else 1


async def _run(cases: Sequence[Case], endpoint: Endpoint, repeat: int, at_once: int) -> Outcome:
    model = endpoint.open(endpoint.model)
    judge = endpoint.open(endpoint.judge_model) if endpoint.judge_model else None
    all_runs, done_runs = len(cases) * repeat, 0

    def tell(name: str, passed: bool, seconds: float) -> None:  # noqa: FBT001 - the runner's callback
        nonlocal done_runs
        done_runs += 1
        print(
            f"{done_runs:>4}/{all_runs} {'pass' if passed else 'FAIL'} {name} ({seconds:.1f} s)",
            file=sys.stderr,
            flush=True,
        )

    async with open_servers(Servers) as servers:
        outcome = await run(cases, lambda _: model, servers, repeat=repeat, at_once=at_once, judge=judge, done=tell)
    return Outcome([_without_key(each, endpoint) for each in outcome.runs])


def _without_key(done: Run, endpoint: Endpoint) -> Run:
    error = done.error and endpoint.hide_key(done.error)
    return Run(done.case, done.transcript, done.verdicts, done.seconds, done.opinion, error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose name or theme has this in it")
    parser.add_argument("--list", action="store_true", help="list the cases, and ask nobody")
    parser.add_argument("--repeat", type=_at_least_one, default=1, metavar="N", help="run each case N times")
    parser.add_argument("--at-once", type=_at_least_one, default=4, metavar="N", help="conversations at one time")
    parser.add_argument("--bar", type=_share, default=0.9, metavar="SHARE", help="share of runs that must pass")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, with the conversations")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write what CI reads")
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("must be between 0 and 1")
    return share


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # the reader has enough; nothing more may be written, not even at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
