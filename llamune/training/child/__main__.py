"""The training process: `python -m llamune.training.child FOLDER WORK`, events as JSON lines on standard output.

FOLDER is a version's folder: job.json says what to do, tokens.jsonl holds the rows. WORK is "convert" (the base, a
folder, becomes base.gguf), a type to probe (such as "bfloat16": three steps in it, with speed and peak memory, unless
it cannot fit), or "train": train, write the merged file and the answers to compare. It ends with its parent: standard
input closed means that nobody waits any more.
"""

import errno
import fcntl
import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin cost 8 to 90 times when a core is shared
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1")

import torch

from llamune import files
from llamune.training.child import adapter, base, checkpoint, convert, loop, merge, reference
from llamune.training.child.rows import Row, epochs, read
from llamune.training.recipe import Recipe

PROBE_STEPS = 3
ANSWER = 24  # tokens compared for each prompt
PAUSE_S = 0.2
CPU_FULL = "DefaultCPUAllocator: "  # begins what torch says where a CPU has no memory left; it is no OutOfMemoryError


def say(event: str, **values: Any) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


def main() -> int:
    folder, work = Path(sys.argv[1]), sys.argv[2]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches us too; it is the parent that stops us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    recipe = Recipe.parse(job["recipe"])
    _behave(recipe)
    try:
        if work == "convert":
            path = folder / "base.gguf"
            say("converted", text=convert.SAMPLE, tokens=convert.convert(Path(job["folder"]), path))
        elif work == "train":
            _train(folder, job, recipe)
        else:
            _probe(folder, job, Recipe.parse({**job["recipe"], "dtype": work}))
    except base.Unusable as error:
        return _failed("base", str(error))
    except loop.Diverged as error:
        return _failed("diverged", str(error))
    except (torch.OutOfMemoryError, MemoryError):
        return _failed("memory", "?")
    except RuntimeError as error:
        if CPU_FULL not in str(error):
            raise
        return _failed("memory", "?")
    except OSError as error:
        return _failed(
            "disk" if error.errno in (None, errno.ENOSPC, errno.EFBIG) else "file", error.strerror or str(error)
        )
    return 0


def _failed(kind: str, detail: str) -> int:
    say("failed", kind=kind, detail=detail)
    return 1


def _behave(recipe: Recipe) -> None:
    """The same numbers on every run, and no more of the machine than was asked for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(1 if recipe.eco else max(1, cores))
    torch.use_deterministic_algorithms(True, warn_only=True)
    if recipe.eco:
        os.nice(15)


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(3)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _probe(folder: Path, job: dict[str, Any], recipe: Recipe) -> None:
    needed = base.needs(base.opened(Path(job["base"])), recipe)
    if needed > job["memory"] and _device() == "cpu":
        say("failed", kind="memory", detail=f"{needed / 2**30:.1f} GB")
        return
    model, rows = _ready(job, recipe), [r for r in read(folder / "tokens.jsonl") if r.split == "train"]
    run = loop.Run(model, rows, recipe, folder / "none", _device(), lambda *_a, **_k: None)
    longest = sorted(rows, key=lambda r: -len(r.ids))[: recipe.batch]
    run._step(longest)  # the largest step is the peak, and warms up
    began, tokens = time.monotonic(), 0
    for group, _n in zip(epochs(rows, recipe.batch, recipe.seed), range(PROBE_STEPS), strict=False):
        run._step(group)
        tokens += sum(len(r.ids) for r in group)
    say("probed", dtype=recipe.dtype, tokens_per_second=round(tokens / (time.monotonic() - began), 1), peak=_peak())


def _peak() -> int:
    """Bytes of memory that were in use at most; of the GPU where one is used."""
    if _device() == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _ready(job: dict[str, Any], recipe: Recipe) -> Any:
    opened = base.opened(Path(job["base"]))
    return adapter.prepare(base.load(opened, recipe.dtype, _device()), recipe)


def _train(folder: Path, job: dict[str, Any], recipe: Recipe) -> None:
    rows = read(folder / "tokens.jsonl")
    _export(folder, job, recipe, _trained(folder, job, recipe, rows), rows)


def _trained(folder: Path, job: dict[str, Any], recipe: Recipe, rows: list[Row]) -> dict[str, Any]:
    """The best weights of the whole run; the model itself is out of memory when this returns."""
    points = folder / "checkpoints"
    say("loading", device=_device(), dtype=recipe.dtype)
    run = loop.Run(_ready(job, recipe), rows, recipe, points, _device(), say)
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))

    def wait() -> None:
        _wait(Path(job["busy"]), stopped)
        if stopped:  # between two steps, so that what is saved is one moment
            run.save()
            sys.exit(128 + stopped[0])

    progress = run.train(wait)
    say("trained", step=progress.step, tokens=progress.tokens, before=progress.before, peak=_peak())
    kept = checkpoint.best(points)
    return kept.weights if kept else {n: t.detach().cpu() for n, t in adapter.trained(run.model).items()}


def _export(folder: Path, job: dict[str, Any], recipe: Recipe, weights: dict[str, Any], rows: list[Row]) -> None:
    """The merged file, and what the model with these very weights says inside transformers, at full precision."""
    opened = base.opened(Path(job["base"]))
    changed = merge.write(
        opened, dict(adapter.changes(opened, weights, recipe)), folder / "model.gguf", job["name"], recipe.kind
    )
    say("merged", tensors=changed, bytes=(folder / "model.gguf").stat().st_size)
    exact = "float32" if recipe.method != "qlora" or opened.path.stat().st_size < 2**31 else "bfloat16"
    plain = base.load(opened, exact, _device())
    asked = [job["prompts"], ANSWER, job["ends"], _device()]
    _write(folder / "reference-base.json", reference.answers(plain, *asked))
    tuned = adapter.prepare(plain, recipe)
    with torch.no_grad():
        for name, tensor in adapter.trained(tuned).items():
            tensor.copy_(weights[name])
    say("final", **{k: round(v, 4) for k, v in loop.losses(tuned, rows, recipe, _device()).items()})
    _write(folder / "reference.json", reference.answers(tuned, *asked))


def _write(path: Path, answers: list[Any]) -> None:
    """In one step: a resumed run takes what is there as finished."""
    files.replace(path, json.dumps(answers))


def _wait(busy: Path, stopped: list[int]) -> None:
    """Returns when no model generates: the chat holds a shared lock on this file while one does. Or when stopped."""
    handle = os.open(busy, os.O_RDWR | os.O_CREAT, 0o600)
    said = False
    try:
        while not stopped:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    say("paused")
                    said = True
                time.sleep(PAUSE_S)
    finally:
        os.close(handle)
    if said:
        say("goes_on")


if __name__ == "__main__":
    sys.exit(main())
