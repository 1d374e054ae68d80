"""What is known of a model, whatever engine has it."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model of one engine.

    Args:
        name: as the user types it and as the engine knows it ("qwen3:8b").
        engine: name of the engine that has it ("ollama", "embedded", "scripted").
        digest: content hash, "" when the engine has none.
        size: bytes of the weights.
        context_length: tokens the model was trained for; 0 = not known.
        kv_bytes_per_token: memory one token of context costs (K and V, f16); 0 = not known.
        kv_window_bytes: the part of it in layers that look back over `window` tokens only, and keep no more.
        work_bytes: working memory of one token of a batch, beside the attention mask; 0 = not known.
        capabilities: as Ollama names them: completion, thinking, embedding, tools, vision …
        note: one line about it for lists ("a tiny demonstration model that only knows Llamune").
    """

    name: str
    engine: str
    digest: str = ""
    size: int = 0
    parameters: str = ""
    quantisation: str = ""
    family: str = ""
    context_length: int = 0
    kv_bytes_per_token: int = 0
    kv_window_bytes: int = 0
    window: int = 0
    work_bytes: int = 0
    capabilities: frozenset[str] = field(default_factory=frozenset)
    note: str = ""
    path: str = ""

    @property
    def thinks(self) -> bool:
        return "thinking" in self.capabilities


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model an engine holds in memory. Sizes in bytes; `context` is the one in force."""

    name: str
    engine: str
    size: int = 0
    size_vram: int = 0
    context: int = 0


DEMONSTRATION = "guide:"  # the models that ship: they only know Llamune


def first_choice(models: Iterable[ModelInfo]) -> ModelInfo | None:
    """The model for somebody who has never chosen one: the first that can chat; else the smaller
    guide, which mixes its two languages less often than the larger one."""
    able = [m for m in models if "completion" in m.capabilities or "embedding" not in m.capabilities]
    real = [m for m in able if not m.name.startswith(DEMONSTRATION)]
    return real[0] if real else min(able, key=lambda m: m.size, default=None)
