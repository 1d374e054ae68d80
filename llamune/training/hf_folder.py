"""A Hugging Face folder as a base: whether it can be one, told before any work, without torch.

What is refused here could only be converted wrongly: other architectures, other tokenizers than byte-level BPE with a
splitting that llama.cpp knows, weights that are quantised already.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llamune.errors import TrainingError
from llamune.i18n import _

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPLITTINGS = {  # pattern of tokenizer.json → what llama.cpp calls it
    "": "gpt-2",
    rf"{_WORDS}|\p{{N}}|{_REST}": "qwen2",
    rf"{_WORDS}|\p{{N}}{{1,3}}|{_REST}": "llama-bpe",
}
ROPES = ("default", "llama3")
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")


def found(name: str) -> Path | None:
    """The folder of this name, where there is one; also one that cannot be looked into."""
    folder = Path(name).expanduser()
    try:
        there = (folder / FILES[0]).exists()
    except PermissionError:
        there = True
    return folder.absolute() if there else None


def check(folder: Path, families: tuple[str, ...]) -> None:
    """Raises TrainingError where the folder cannot be a base, with what would work."""
    try:
        config, tokenizer, about = (json.loads((folder / name).read_text(encoding="utf-8")) for name in FILES)
    except (OSError, ValueError) as error:
        raise TrainingError(
            _("{path} cannot be read: {reason}").format(path=folder, reason=getattr(error, "strerror", None) or error)
        ) from error
    reason = next(_reasons(folder, families, config, tokenizer, about), "")
    if reason:
        raise TrainingError(
            _("{name} cannot be a base: {reason}").format(name=folder, reason=reason),
            _(
                "Possible: instruct models of the families {families} in safetensors, not quantised, with byte-level"
                " BPE; or any model of these families as a .gguf file."
            ).format(families=", ".join(families)),
        )


def _reasons(folder: Path, families: tuple[str, ...], config: Any, tokenizer: Any, about: Any) -> Iterator[str]:
    if config.get("model_type") not in families:
        yield _("its family is {name}").format(name=config.get("model_type"))
    if not any(folder.glob("*.safetensors")):
        yield _("there are no .safetensors files in it")
    if config.get("quantization_config"):
        yield _("its weights are quantised")
    if (rope := _rope(config)) not in ROPES or config.get("use_sliding_window"):
        yield _("its positions ({name}) are not verified").format(name=rope)
    if tokenizer.get("model", {}).get("type") != "BPE" or splitting(tokenizer) is None:
        yield _("its tokenizer is no byte-level BPE that is known")
    if not about.get("chat_template") and not (folder / "chat_template.jinja").exists():
        yield _("it has no chat template")


def splitting(tokenizer: Any) -> str | None:
    """What llama.cpp calls the way in which tokenizer.json splits text; None when it is no known one."""
    first = tokenizer.get("pre_tokenizer") or {}
    steps = first.get("pretokenizers", [first])
    if not steps or steps[-1].get("type") != "ByteLevel" or steps[-1].get("add_prefix_space"):
        return None
    patterns = [s["pattern"].get("Regex", "?") for s in steps[:-1] if s.get("type") == "Split"]
    if len(patterns) != len(steps) - 1 or bool(patterns) == steps[-1].get("use_regex", True):
        return None
    return SPLITTINGS.get("|".join(patterns))


def _rope(config: Any) -> str:
    said = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return str(said.get("rope_type", said.get("type", "default")))
