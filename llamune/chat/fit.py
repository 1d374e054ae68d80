"""Whether a model fits into this machine's memory, with the figures: fits, tight, or no.

What a model needs is computed before it is loaded, from its file's own keys. Beside real engines on Linux, processor
only, random weights (tests/live/test_live_fit.py; llama models of 68, 217 and 433 MiB at 1,024, 4,096 and 16,384
tokens): without `overhead` 0.2 to 0.6 % under what Ollama 0.34.4 reports, with it 1.5 to 6 % over the resident memory
of the built-in engine; for a gemma3 model of 212 MB, whose layers keep a window and whose working memory fills up with
use, 0.6 to 5 % and 8 % under to 11 % over; for one of 437 MiB 0.2 to 5 % and 5 to 7 % over. The words of a vocabulary
are not counted: 150,000 of them took 26 MiB in the built-in engine, none with Ollama. No GPU was measured. What keeps
old prompts for later (up to 8 GiB with Ollama, 1 GiB with the built-in engine) is not in it: for that a quarter of the
free memory stays. Nothing is measured or loaded here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llamune.chat.model import ModelInfo

Verdict = Literal["fits", "tight", "no"]
MIB = 2**20
FREE_SHARE = 0.75  # of free memory; the rest is for prompt caches, which no engine reports
ALL_SHARE = 0.9  # of all memory; the rest is the system's, whatever is closed
GPU_SHARE = 0.9  # of a GPU's free memory; the rest is for its driver's own and what the screen takes
OVERHEAD = {"embedded": 32 * MIB}  # the process beside weights, KV cache and work
USUAL_OVERHEAD = 40 * MIB  # 37 to 48 MiB were measured on Ollama 0.34.4
BATCH, WIDE_BATCH, WIDEST_BATCH = 512, 1024, 2048  # tokens worked on at once; Ollama takes more for long contexts
PADDING = 256  # tokens; llama.cpp rounds the cache of windowed layers up to this


@dataclass(frozen=True, slots=True)
class Gpu:
    """One graphics processor. Bytes; `unified`: its memory is the machine's own."""

    name: str
    total: int = 0
    free: int = 0
    unified: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory of this machine in bytes, 0 = not known. `free` is what programs can still get."""

    total: int = 0
    free: int = 0
    gpus: tuple[Gpu, ...] = ()

    @property
    def graphics(self) -> int:
        """Free bytes of memory that only GPUs have."""
        return sum(g.free for g in self.gpus if not g.unified)


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that a model takes at a context of `context` tokens."""

    weights: int
    cache: int
    work: int
    overhead: int
    context: int
    exact: bool = True  # False: the model's file does not tell the size of its cache

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.work + self.overhead


@dataclass(frozen=True, slots=True)
class Fit:
    """A verdict and what it rests on. `where`: the memory that it would be in; `have`: bytes of that which are free."""

    verdict: Verdict
    need: Need
    where: Literal["memory", "gpu", "both"]
    have: int


def need(model: ModelInfo, context: int) -> Need:
    """What a model takes.

    Args:
        context: tokens (num_ctx).
    """
    size = min(context, model.context_length) if model.context_length else context
    batch = min(size, _batch(model.engine, size))
    wide = (model.kv_bytes_per_token - model.kv_window_bytes) * size
    near = model.kv_window_bytes * min(size, -(-(model.window + batch) // PADDING) * PADDING)
    work = batch * (model.work_bytes + 2 * size) if model.work_bytes else 0
    overhead = OVERHEAD.get(model.engine, USUAL_OVERHEAD)
    return Need(model.size, wide + near, work, overhead, size, exact=bool(model.kv_bytes_per_token))


def _batch(engine: str, size: int) -> int:
    if engine == "embedded" or size <= 4096:
        return BATCH
    return WIDE_BATCH if size <= 32768 else WIDEST_BATCH


def fit(needs: Sequence[Need], machine: Machine, *, loaded: int = 0, on_gpu: bool = True) -> Fit | None:
    """Whether models fit beside one another; None where the machine's memory is not known.

    Args:
        needs: of each model; several presets of one model share one.
        loaded: bytes of these models that are in memory already, and count as free.
        on_gpu: whether their engine can use a GPU.
    """
    if not machine.total:
        return None
    whole = _sum(needs)
    graphics = machine.graphics if on_gpu else 0
    if graphics and whole.total <= (graphics + loaded) * GPU_SHARE:
        return Fit("fits", whole, "gpu", graphics)
    roomy = whole.total <= graphics * GPU_SHARE + (machine.free + loaded) * FREE_SHARE
    most = machine.total * ALL_SHARE + graphics
    verdict: Verdict = "fits" if roomy else "tight" if whole.total <= most else "no"
    return Fit(verdict, whole, "both" if graphics else "memory", machine.free + graphics)


def _sum(needs: Sequence[Need]) -> Need:
    return Need(
        sum(n.weights for n in needs),
        sum(n.cache for n in needs),
        sum(n.work for n in needs),
        sum(n.overhead for n in needs),
        max(n.context for n in needs),
        all(n.exact for n in needs),
    )
