"""Which models of an Ollama server can be used, and what is known of them. Pure: values in, values out.

Left out: cloud models (they would send the conversation away), tags that a newer server leaves behind when it rewrites
a file, and empty models without a family, which an old server makes of a failed `create`.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from llamune.chat.model import LoadedModel, ModelInfo
from llamune.engine.gguf import Footprint, footprint
from llamune.engine.ollama_wire import text, whole

_UNUSABLE: Final = re.compile(r"llamacpp:[0-9a-f]{64}|.*[:-]cloud", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Details:
    """What only /api/show tells."""

    context_length: int = 0
    memory: Footprint = field(default_factory=Footprint)
    capabilities: frozenset[str] = frozenset()


def full_name(model: str) -> str:
    """The name with its tag, as the server lists it."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


def entries(tags: Any) -> list[Mapping[str, Any]]:
    """The models of a /api/tags or /api/ps response; [] where it is none."""
    found = tags.get("models") if isinstance(tags, dict) else None
    return [m for m in found if isinstance(m, dict) and text(m, "name")] if isinstance(found, list) else []


def digest_of(entry: Mapping[str, Any]) -> str:
    """The content hash of a model of /api/tags, as hex."""
    return text(entry, "digest").removeprefix("sha256:")


def usable(entry: Mapping[str, Any]) -> bool:
    """Whether a model of /api/tags is local and whole."""
    family = text(_of(entry, "details"), "family")
    return not remote(entry) and bool(family) and not _UNUSABLE.fullmatch(text(entry, "name"))


def remote(entry: Mapping[str, Any]) -> bool:
    """Whether a model of /api/tags would run on another machine: a cloud model, or one that the server passes on."""
    elsewhere = entry.get("remote_host") or entry.get("remote_model")
    return bool(elsewhere) or text(entry, "name").endswith((":cloud", "-cloud"))


def details(show: Any) -> Details:
    """From a /api/show response."""
    info = _of(show, "model_info")
    listed = show.get("capabilities") if isinstance(show, dict) else None
    return Details(
        context_length=whole(info, f"{text(info, 'general.architecture')}.context_length"),
        memory=footprint(info),
        capabilities=frozenset(c for c in listed if isinstance(c, str)) if isinstance(listed, list) else frozenset(),
    )


def model_info(entry: Mapping[str, Any], known: Details) -> ModelInfo:
    """One model of /api/tags with its details."""
    told = _of(entry, "details")
    return ModelInfo(
        name=text(entry, "name"),
        engine="ollama",
        digest=digest_of(entry),
        size=whole(entry, "size"),
        parameters=text(told, "parameter_size"),
        quantisation=text(told, "quantization_level"),
        family=text(told, "family"),
        context_length=known.context_length or whole(told, "context_length"),
        **asdict(known.memory),
        capabilities=known.capabilities,
    )


def loaded_model(entry: Mapping[str, Any]) -> LoadedModel:
    """One model of /api/ps."""
    sizes = whole(entry, "size"), whole(entry, "size_vram")
    return LoadedModel(text(entry, "name"), "ollama", *sizes, context=whole(entry, "context_length"))


def _of(value: Any, key: str) -> Mapping[str, Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}
