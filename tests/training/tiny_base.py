"""Tiny random models of each family as GGUF files, with the tokenizer and template of a shipped guide model.

Fewer key and value heads than query heads, and values that differ everywhere: a wrong order of rows cannot hide.
"""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

from llamune.paths import shipped
from llamune.training.order import permuted

WIDTH, LAYERS, HEADS, KV_HEADS, INNER = 64, 3, 4, 2, 160
CONFIGS: dict[str, Any] = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}


def write(path: Path, family: str, seed: int = 0) -> Path:
    """Writes the file and returns its path."""
    guide = gguf.GGUFReader(shipped("guide") / "guide-1m.gguf")
    vocabulary = len(guide.fields["tokenizer.ggml.tokens"].contents())
    torch.manual_seed(seed)
    config = CONFIGS[family](
        vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, head_dim=WIDTH // HEADS, rms_norm_eps=1e-6,
        max_position_embeddings=512, tie_word_embeddings=False, initializer_range=0.15,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    writer = gguf.GGUFWriter(path, family)
    _keys(writer, guide)
    table = gguf.get_tensor_name_map(next(k for k, n in gguf.MODEL_ARCH_NAMES.items() if n == family), LAYERS)
    for name, tensor in model.state_dict().items():
        place = str(table.get_name(name, try_suffixes=(".weight", ".bias")))
        rows = tensor.numpy()
        if family == "llama" and ".attn_q." in place:
            rows = permuted(rows, HEADS)
        if family == "llama" and ".attn_k." in place:
            rows = permuted(rows, KV_HEADS)
        writer.add_tensor(place, np.ascontiguousarray(rows))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _keys(writer: Any, guide: Any) -> None:
    writer.add_name("tiny")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(WIDTH // HEADS)
    writer.add_value_length(WIDTH // HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for entry in guide.fields.values():
        if entry.name.startswith("tokenizer."):
            kind = entry.types[0]
            inner = entry.types[1] if kind == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(entry.name, entry.contents(), kind, inner)
