"""The base model: a GGUF file as a trainable transformers model, weight for weight, and the way back of each tensor.

Weights are copied one tensor at a time into an empty model, so that memory holds the model once, in the type it is
trained in. Only families are read whose way out is verified by tests (`FAMILIES`).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from llamune.training import order
from llamune.training.recipe import Recipe

FAMILIES = ("llama", "qwen2", "qwen3")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "nf4": torch.bfloat16}
SIZES = {"float32": 4.0, "bfloat16": 2.0, "nf4": 0.52}  # bytes a weight; NF4 with its doubly quantised scales
PROGRAM = 700 * 2**20  # bytes that Python, torch and transformers take by themselves
ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class Unusable(Exception):
    """The file is no base that can be trained. The text says why, for people."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base file, opened.

    Args:
        architecture: as GGUF calls it.
        config: of transformers.
        tensors: GGUF name → tensor of the file, not yet dequantised.
    """

    path: Path
    architecture: str
    config: Any
    tensors: dict[str, Any]
    reader: Any

    def place(self, name: str) -> str:
        """The GGUF name of a transformers parameter."""
        kind = next(k for k, n in gguf.MODEL_ARCH_NAMES.items() if n == self.architecture)
        table = gguf.get_tensor_name_map(kind, self.config.num_hidden_layers)
        return str(table.get_name(name, try_suffixes=(".weight", ".bias")))

    def heads(self, place: str) -> int:
        """As `order.heads`, of this file."""
        config = self.config
        return order.heads(self.architecture, place, config.num_attention_heads, config.num_key_value_heads)

    def weight(self, place: str) -> np.ndarray[Any, Any]:
        """A tensor of the file as float32, rows in the order of transformers."""
        tensor = self.tensors[place]
        values = np.array(gguf.dequantize(tensor.data, tensor.tensor_type), np.float32)  # a copy: the file is read-only
        return order.unpermuted(values, self.heads(place))


def opened(path: Path) -> Base:
    """Reads what the file says about itself. Raises Unusable."""
    try:
        reader = gguf.GGUFReader(path)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise Unusable(f"{path.name}: {error}") from error
    architecture = str(reader.fields["general.architecture"].contents())
    if architecture not in FAMILIES:
        raise Unusable(f"architecture {architecture}; possible: {', '.join(FAMILIES)}")
    link = path if path.suffix == ".gguf" else _named(path)
    config = AutoConfig.from_pretrained(str(link.parent), gguf_file=link.name)
    config.tie_word_embeddings = not any(t.name == "output.weight" for t in reader.tensors)
    config.use_cache = False
    if width := reader.fields.get(f"{architecture}.attention.key_length"):
        config.head_dim = int(width.contents())  # which transformers does not read for every family
    return Base(path, architecture, config, {t.name: t for t in reader.tensors}, reader)


def _named(path: Path) -> Path:
    """A link that ends in .gguf, which transformers wants; blobs of an Ollama store have no ending."""
    import tempfile

    link = Path(tempfile.mkdtemp(prefix="llamune-")) / "base.gguf"
    os.symlink(path.resolve(), link)
    return link


def load(base: Base, dtype: str, device: str = "cpu") -> Any:
    """The model with the weights of the file, in `dtype` ("float32", "bfloat16", "nf4"), not training anything yet."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(base.config, dtype=DTYPES[dtype])
    for name, old in list(model.named_parameters()):
        if name == "lm_head.weight" and base.config.tie_word_embeddings:
            continue
        values = torch.from_numpy(np.ascontiguousarray(base.weight(base.place(name))))
        if values.shape != old.shape:
            raise Unusable(f"{name}: {tuple(values.shape)} in the file, {tuple(old.shape)} by its keys")
        _put(model, name, values, dtype, device)
    model.tie_weights()
    _rotary(model, base, device)
    model.requires_grad_(False)
    return model.eval()


def _put(model: Any, name: str, values: Any, dtype: str, device: str) -> None:
    owner_name, _dot, leaf = name.rpartition(".")
    owner = model.get_submodule(owner_name)
    if dtype == "nf4" and leaf == "weight" and owner_name.endswith(ADAPTED):
        owner = _four_bit(model, owner_name, owner)
        from bitsandbytes.nn import Params4bit

        bits = Params4bit(values, requires_grad=False, compress_statistics=True, quant_type="nf4")
        owner.weight = bits.to(device)
        model.is_loaded_in_4bit = True
        return
    setattr(owner, leaf, torch.nn.Parameter(values.to(device, DTYPES[dtype]), requires_grad=False))


def _four_bit(model: Any, name: str, old: Any) -> Any:
    from bitsandbytes.nn import Linear4bit

    new = Linear4bit(
        old.in_features, old.out_features, old.bias is not None, torch.bfloat16, compress_statistics=True,
        quant_type="nf4", device="meta",
    )  # fmt: skip
    parent, _dot, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, new)
    return new


def _rotary(model: Any, base: Base, device: str) -> None:
    """Positions: computed again, since an empty model has none; with Llama 3's factors, which its keys do not hold."""
    kind = type(model.model.rotary_emb)
    model.model.rotary_emb = kind(config=base.config).to(device)
    if (factors := base.tensors.get("rope_freqs.weight")) is not None:
        model.model.rotary_emb.inv_freq /= torch.from_numpy(np.array(factors.data)).to(device)


def needs(base: Base, recipe: Recipe) -> int:
    """Bytes that a run takes at most, estimated: weights, what learns (with gradient and both moments of Adam), what a
    batch leaves in each layer for the way back, and logits three times over."""
    config, size = base.config, SIZES[recipe.dtype]
    matrices = [t for t in base.tensors.values() if len(t.shape) == 2 and t.name.startswith("blk.")]
    inner = sum(int(t.n_elements) for t in matrices)
    outer = sum(int(t.n_elements) for t in base.tensors.values()) - inner
    learned = sum(recipe.rank * int(sum(t.shape)) for t in matrices) if recipe.method != "full" else inner + outer
    wide = max(size, 2)
    layer = 14 * config.hidden_size + 6 * config.intermediate_size
    kept = config.hidden_size * config.num_hidden_layers + layer if recipe.checkpointing else None
    a_token = wide * (kept or layer * config.num_hidden_layers)
    logits = 3 * 4 * config.vocab_size * min(recipe.tokens, 1024)
    return int(inner * size + outer * wide + 16 * learned + recipe.tokens * a_token + logits) + PROGRAM
