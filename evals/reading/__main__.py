"""The reading test: asks a model about the same customers in three forms of the answer, and counts right replies."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx2

from evals.reading.customers import FORMS
from evals.reading.model import Model
from evals.reading.prompts import prompt
from evals.reading.questions import draw_questions
from evals.reading.results import as_markdown, read_results
from evals.reading.run import run

_SECONDS = 600  # a long prompt on a busy processor
_NOT_ASKED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the command line asks for; 2 if the model can't be asked."""
    parser = argparse.ArgumentParser(prog="evals.reading", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="ask a model, and write every reply into a file")
    running.add_argument("--seed", type=int, required=True, help="of the customers and questions; 0 is the examples'")
    running.add_argument("--customers", type=int, default=35, help="three questions each (default: %(default)s)")
    running.add_argument("--out", type=Path, required=True, help="a file of JSON lines; overwritten")
    running.add_argument(
        "--base-url",
        default=os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8931/v1"),
        help="an OpenAI-compatible API (default: OPENAI_BASE_URL, or %(default)s); its key is in OPENAI_API_KEY",
    )
    running.add_argument(
        "--model",
        default=os.environ.get("EVAL_MODEL", "gemma-3-270m-q4_k_m"),
        help="the model's name there (default: EVAL_MODEL, or %(default)s)",
    )
    running.add_argument("--chat", action="store_true", help="ask by chat messages, as tuned models need it")
    reporting = commands.add_parser("report", help="print the tables of one or more such files, as Markdown")
    reporting.add_argument("files", type=Path, nargs="+")
    showing = commands.add_parser("show", help="print the prompts of one customer")
    showing.add_argument("--seed", type=int, default=1)
    showing.add_argument("--customer", type=int, default=0)
    wanted = parser.parse_args(arguments)

    if wanted.command == "report":
        print(as_markdown(read_results(wanted.files)))
    elif wanted.command == "show":
        customer, questions = list(draw_questions(wanted.seed, wanted.customer + 1))[wanted.customer]
        prompts = [f"=== {form}\n{prompt(form, customer, question)}" for form in FORMS for question in questions]
        print("\n\n".join(prompts))
    else:
        headers = {"Authorization": f"Bearer {key}"} if (key := os.environ.get("OPENAI_API_KEY")) else {}
        with httpx2.Client(headers=headers, timeout=_SECONDS) as client:
            model = Model(client=client, base_url=wanted.base_url.rstrip("/"), name=wanted.model, chat=wanted.chat)
            try:
                with wanted.out.open("w", buffering=1, encoding="utf-8") as out:
                    for result in run(model, wanted.seed, wanted.customers, _progress()):
                        out.write(result.as_line())
            except httpx2.HTTPError as error:
                print(
                    f"No reply from the model at {wanted.base_url}: {str(error) or type(error).__name__}",
                    file=sys.stderr,
                )
                return _NOT_ASKED
        print(as_markdown(read_results([wanted.out])))
    return 0


def _progress() -> Callable[[int, int], None]:
    """Says on stderr how many replies are in, and how long the rest will take."""
    begun = time.monotonic()

    def tell(done: int, wanted: int) -> None:
        left = (time.monotonic() - begun) / done * (wanted - done)
        print(f"\r{done} of {wanted} replies, {left:.0f} s left ", end="", file=sys.stderr, flush=True)
        if done == wanted:
            print(file=sys.stderr)

    return tell


if __name__ == "__main__":
    sys.exit(main())
