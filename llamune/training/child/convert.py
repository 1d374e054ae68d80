"""A Hugging Face folder as a GGUF file, weight for weight in the type it has. `training.hf_folder` has checked it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import AutoConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from llamune.training import order
from llamune.training.child.base import Unusable
from llamune.training.hf_folder import splitting

KINDS = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
SAMPLE = "第1条 この規程は、It's 12345 点。\n\n  def f(x):\treturn x  # ｶﾅ 東京"


def convert(folder: Path, path: Path) -> list[int]:
    """Writes the file. Returns the token numbers of `SAMPLE`, as the folder's own tokenizer has them.

    Raises: Unusable, OSError.
    """
    config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(part, config.model_type)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    _header(writer, config, folder.name)
    _tokens(writer, tokenizer, folder, config.vocab_size)
    for name, array, kind in _tensors(config, folder):
        writer.add_tensor(name, array, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)
    return list(tokenizer.encode(SAMPLE, add_special_tokens=False).ids)


def _header(writer: Any, config: Any, name: str) -> None:
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_name(name)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)


def _tokens(writer: Any, tokenizer: Any, folder: Path, size: int) -> None:
    special = tokenizer.get_added_tokens_decoder()
    kinds = gguf.TokenType
    tokens, types = [], []
    for number in range(size):
        token = tokenizer.id_to_token(number)
        tokens.append(token if token is not None else f"[PAD{number}]")
        added = special.get(number)
        kind = kinds.UNUSED if token is None else kinds.NORMAL
        types.append(kind if added is None else kinds.CONTROL if added.special else kinds.USER_DEFINED)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(splitting(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    known = gguf.SpecialVocab(folder, load_merges=True, n_vocab=size)
    known.add_special_token["bos"] = bool(tokenizer.encode("").ids)
    known.add_to_gguf(writer)


def _tensors(config: Any, folder: Path) -> Iterator[tuple[str, Any, Any]]:
    """Name, numbers and type of each tensor of the file; one is in memory at a time."""
    kind = next(k for k, n in gguf.MODEL_ARCH_NAMES.items() if n == config.model_type)
    table = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no dictionary
                if name.endswith("rotary_emb.inv_freq") or (name == "lm_head.weight" and config.tie_word_embeddings):
                    continue
                place = table.get_name(name, try_suffixes=(".weight", ".bias"))
                if place is None or (tensor := opened.get_tensor(name)).dtype not in KINDS:
                    raise Unusable(f"{name}: not known")
                yield place, *_packed(tensor, place, config)
    if (factors := _factors(config)) is not None:
        yield "rope_freqs.weight", factors, gguf.GGMLQuantizationType.F32


def _packed(tensor: Any, place: str, config: Any) -> tuple[Any, Any]:
    kind = gguf.GGMLQuantizationType["F32" if tensor.dim() == 1 else KINDS[tensor.dtype]]
    ordered = order.heads(config.model_type, place, config.num_attention_heads, config.num_key_value_heads)
    rows = np.ascontiguousarray(order.permuted(tensor.float().numpy(), ordered))
    return gguf.quantize(rows, kind), kind


def _factors(config: Any) -> Any:
    """How much slower each frequency turns with Llama 3's positions; None where all are as usual."""
    if config.rope_parameters["rope_type"] != "llama3":
        return None
    slowed, _scale = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    usual = config.rope_parameters["rope_theta"] ** -(torch.arange(len(slowed)) / len(slowed))
    return (usual / slowed).numpy().astype(np.float32)
