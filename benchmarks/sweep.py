"""How often models are loaded, and how long a comparison takes, in our order and in others.

    python benchmarks/sweep.py [RUNS]

First by simulation: 50 models × 6 presets × 100 questions on a server that holds three models (least recently used
goes first), which every run of any program can repeat exactly. Then, where tests/live has built a real Ollama server,
by its own record: `llamune compare` with 2 models × 3 presets against the same six requests one after the other in
random order, without any program around them; once with room for both models and once for one. And the loads of all six
presets. The best run of each counts: other programs on the machine can only make one slower.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from llamune.chat.lineup import Candidate  # noqa: E402
from llamune.chat.sweep import LOAD_MS, Job, Question, order  # noqa: E402

LOAD_S = 4.0  # a model of 5 GB from an SSD
PROMPT_S = 400 / 200  # tokens of a prompt, tokens/s on a CPU
ANSWER_S = 200 / 20
FITTING = 3  # models in memory
PRESETS = ("balanced", "code", "creative")
QUESTION = "How do I compare the answers of several models?"


@dataclass(frozen=True)
class Cost:
    """What a sweep cost; `inside` are the seconds of its requests alone."""

    loads: int
    seconds: float
    inside: float = 0.0


def simulate(jobs: Iterable[Job], candidates: Sequence[Candidate], questions: Sequence[Question]) -> Cost:
    """A server that holds FITTING models and, of each, the prompt it read last."""
    memory: OrderedDict[str, tuple[str, str] | None] = OrderedDict()
    loads, seconds = 0, 0.0
    for job in jobs:
        model, question = candidates[job.candidate].model, questions[job.question]
        if model not in memory:
            loads += 1
            seconds += LOAD_S
            memory[model] = None
            if len(memory) > FITTING:
                memory.popitem(last=False)
        memory.move_to_end(model)
        prompt = (question.system, question.text)
        seconds += ANSWER_S + (PROMPT_S if memory[model] != prompt else 0.0)
        memory[model] = prompt
    return Cost(loads, seconds)


def naive(candidates: Sequence[Candidate], questions: Sequence[Question]) -> list[Job]:
    """Question by question, every preset for every model: the loops as one would write them."""
    presets = list(dict.fromkeys(c.preset for c in candidates))
    ranked = sorted(range(len(candidates)), key=lambda n: presets.index(candidates[n].preset))
    return [Job(q, c) for q in range(len(questions)) for c in ranked]


def shuffled(candidates: Sequence[Candidate], questions: Sequence[Question]) -> list[Job]:
    """In random order, the same one in every run."""
    jobs = order(candidates, questions)
    random.Random(1).shuffle(jobs)
    return jobs


def simulated() -> Iterator[str]:
    candidates = [Candidate(f"model{m}", f"preset{p}") for m in range(50) for p in range(6)]
    questions = [Question(f"question {n}", system=f"system {n % 2}") for n in range(100)]
    ways: dict[str, Callable[..., list[Job]]] = {"llamune": order, "naive": naive, "random": shuffled}
    yield f"simulated: 50 models × 6 presets × 100 questions, {FITTING} models fit"
    for name, way in ways.items():
        cost = simulate(way(candidates, questions), candidates, questions)
        yield f"  {name:10} {cost.loads:7,} loads   {cost.seconds / 3600:6.1f} h"


# a real server


def post(address: str, path: str, body: object) -> list[dict[str, object]]:
    """The objects that Ollama answers."""
    request = urllib.request.Request(f"http://{address}{path}", json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=600) as response:
        return [json.loads(line) for line in response]


def unload(address: str, models: Sequence[str]) -> None:
    for model in models:
        post(address, "/api/chat", {"model": model, "messages": [], "keep_alive": 0})
    while True:
        with urllib.request.urlopen(f"http://{address}/api/ps", timeout=60) as response:
            if not json.load(response)["models"]:
                return
        time.sleep(0.1)


def compared(address: str, models: Sequence[str], home: str, presets: Sequence[str] = PRESETS) -> Cost:
    """`llamune compare`, with its start."""
    words = [w for m in models for w in ("-m", m)] + ["-p", ",".join(presets), "--seeds", "1", "--json", QUESTION]
    environment = {**os.environ, "OLLAMA_HOST": address, "LLAMUNE_HOME": home}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "llamune", "compare", *words], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    taken = time.perf_counter() - started
    found = json.loads(done.stdout)
    return Cost(sum(found["loads"].values()), taken, found["seconds"])


def one_by_one(address: str, requests: Sequence[dict[str, object]]) -> Cost:
    """The requests as they stand."""
    started, loads = time.perf_counter(), 0
    for request in requests:
        last = post(address, "/api/chat", request)[-1]
        loads += int(str(last["load_duration"])) / 1e6 > LOAD_MS
    taken = time.perf_counter() - started
    return Cost(loads, taken, taken)


def requests_of(home: str, models: Sequence[str]) -> list[dict[str, object]]:
    """What `llamune compare` asks, preset by preset."""
    from llamune import presets
    from llamune.paths import shipped

    known = presets.load([shipped("presets")]).presets
    sizes = json.loads((Path(home) / "state.json").read_text())["sizes"]
    same = {"messages": [{"role": "user", "content": QUESTION}], "shift": False, "truncate": False}
    return [
        {"model": m, "options": {**known[p].options.given(), "num_ctx": sizes[m], "seed": 1}, **same}
        for p in PRESETS
        for m in models
    ]


def real(runs: int, fitting: int) -> Iterator[str]:
    from tests.live.ollama_live import FOLDER, serving

    if not (FOLDER / "new" / "ollama").exists():
        yield "no real server: make check builds it"
        return
    os.environ["OLLAMA_MAX_LOADED_MODELS"] = str(fitting)
    with tempfile.TemporaryDirectory() as folder, serving(FOLDER / "new", Path(folder) / "store") as found:
        address, home = f"{found.host}:{found.port}", f"{folder}/home"
        models = _install(found)
        compared(address, models, home)
        requests = requests_of(home, models)
        ours, others = [], []
        for run in range(runs):
            unload(address, models)
            ours.append(compared(address, models, home))
            unload(address, models)
            others.append(one_by_one(address, random.Random(run).sample(requests, len(requests))))
        yield f"Ollama, 2 models × 3 presets, room for {fitting}, {runs} runs"
        yield _line("llamune compare, from its start", ours)
        yield _line("six requests in random order", others)
        unload(address, models)
        yield _line("llamune compare, all six presets", [compared(address, models, home, ["all"])])


def _install(address: object) -> list[str]:
    """Both shipped demonstration models, on the server."""
    import asyncio

    from llamune.engine.http import Address
    from llamune.engine.ollama import OllamaEngine

    assert isinstance(address, Address)

    async def work() -> list[str]:
        from llamune.paths import shipped

        engine, names = OllamaEngine(address), []
        for gguf in sorted(shipped("guide").rglob("*.gguf")):
            names.append(f"{gguf.stem}:bench")
            await engine.install(gguf, names[-1], lambda *_step: None)
        await engine.aclose()
        return names

    return asyncio.run(work())


def _line(name: str, costs: Sequence[Cost]) -> str:
    loads = ", ".join(str(c.loads) for c in costs)
    whole, inside = (min(values) for values in ([c.seconds for c in costs], [c.inside for c in costs]))
    return f"  {name:32} {whole:5.2f} s   requests {inside:5.2f} s   loads {loads}"


def main(runs: int = 5) -> None:
    for line in simulated():
        print(line)
    for fitting in (2, 1):
        for line in real(runs, fitting):
            print(line)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
