"""llama.cpp as a program of its own: the child process that holds one model. Runs as a file, imports nothing of ours.

It reads one line of JSON from standard input, prints one line of JSON to standard output (`{"url": …}` when it serves,
`{"error": …}` when not), and serves llama-server's HTTP routes on 127.0.0.1 (at a path, where only Unix sockets can be
opened) until standard input ends. That end is how it learns that its parent is gone, however that died; so no orphan
holds memory. The key to its routes comes over standard input, where no other user of the machine can read it. What
llama.cpp says goes to standard error.
"""

import json
import os
import sys
from typing import Any


def main() -> int:
    config = json.loads(sys.stdin.readline())
    _die_with_parent()
    import xllamacpp  # type: ignore[import-untyped]

    try:
        server = xllamacpp.Server(_params(xllamacpp, config))
    except Exception as error:
        _say({"error": str(error)})
        return 1
    _say({"url": server.listening_address})
    sys.stdin.read()
    os._exit(0)  # a running answer is of no use to anybody now; memory goes back at once


def _params(xllamacpp: Any, config: dict[str, Any]) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = config["model"]
    params.hostnames = [config["socket"] or "127.0.0.1"]
    params.port = 0
    params.api_keys = [config["key"]]
    params.offline = True
    params.ui = False
    params.endpoint_slots = False
    params.warmup = False  # it would delay the first token by a whole pass
    params.verbosity = 1  # errors only: a log must not hold what the user asks
    params.n_parallel = 1
    params.n_ctx = config["num_ctx"]
    params.cpuparams.n_threads = config["threads"]
    params.cpuparams_batch.n_threads = config["threads"]
    params.n_batch = params.n_ubatch  # between two batches it hears that it was stopped; larger ones are no faster
    params.cache_ram_mib = config["cache_mib"]
    params.lora_adapters = [_adapter(xllamacpp, path) for path in config["adapters"]]
    if config["embedding"]:
        params.embedding = True
        params.n_batch = params.n_ubatch = config["num_ctx"]  # a text must fit into one batch
    return params


def _adapter(xllamacpp: Any, path: str) -> Any:
    found = xllamacpp.CommonAdapterLoraInfo()
    found.path, found.scale = path, 0.0
    return found


def _say(message: dict[str, str]) -> None:
    print(json.dumps(message), flush=True)


def _die_with_parent() -> None:
    """Linux kills us with our parent even while llama.cpp loads and no Python runs here."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    sys.exit(main())
