"""Writes GGUF files for tests with the standard library alone: any header, a model that babbles for ever, an embedder.

The models are made of noise, the same noise every time. What they say means nothing; that they run is the point.
"""

import random
import struct
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

ALIGNMENT = 32
TEXT, LIST = 8, 9
Value = int | float | str | bool | Sequence[int] | Sequence[str]
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}a: {% endif %}"
)


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(item: Value) -> bytes:
    """One value with its type in front: whole numbers as uint32, others as float32."""
    if isinstance(item, bool):
        return struct.pack("<IB", 7, item)
    if isinstance(item, int):
        return struct.pack("<II", 4, item)
    if isinstance(item, float):
        return struct.pack("<If", 6, item)
    if isinstance(item, str):
        return struct.pack("<I", TEXT) + text(item)
    if item and isinstance(item[0], str):
        return struct.pack("<IIQ", LIST, TEXT, len(item)) + b"".join(text(str(t)) for t in item)
    return struct.pack("<IIQ", LIST, 5, len(item)) + struct.pack(f"<{len(item)}i", *map(int, item))


def header(keys: Mapping[str, Value], tensors: int = 0, *, version: int = 3) -> bytes:
    body = b"".join(text(k) + value(v) for k, v in keys.items())
    return b"GGUF" + struct.pack("<IQQ", version, tensors, len(keys)) + body


def write(path: Path, keys: Mapping[str, Value], tensors: Mapping[str, tuple[Sequence[int], array]]) -> Path:
    """A whole file; a tensor is its shape (fastest dimension first) and its float32 numbers."""
    infos, data = bytearray(), bytearray()
    for name, (shape, numbers) in tensors.items():
        infos += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += numbers.tobytes()
        data += bytes(-len(data) % ALIGNMENT)
    head = header(keys, len(tensors)) + bytes(infos)
    path.write_bytes(head + bytes(-len(head) % ALIGNMENT) + bytes(data))
    return path


def _noise(seed: str, count: int, scale: float) -> array:
    """Numbers that repeat after 2^16, so that large models are made quickly."""
    draw, piece = random.Random(seed).gauss, min(count, 2**16)
    return (array("f", (draw(0, scale) for _n in range(piece))) * -(-count // max(piece, 1)))[:count]


def _byte_tokens() -> list[str]:
    """GPT-2's letters for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(others)) for b in range(256)]


def babbler(path: Path, *, context: int = 8192, template: str = TEMPLATE, hidden: int = 64, layers: int = 2) -> Path:
    """A chat model that never ends by itself: the embedding of its end token is 0, so another is always likelier."""
    heads, ffn = 4, 128
    tokens = [*_byte_tokens(), "<end>", "ab"]
    keys: dict[str, Value] = {
        "general.architecture": "llama", "general.name": "babbler", "general.file_type": 0,
        "llama.context_length": context, "llama.embedding_length": hidden, "llama.block_count": layers,
        "llama.feed_forward_length": ffn, "llama.attention.head_count": heads, "llama.attention.head_count_kv": 2,
        "llama.rope.dimension_count": hidden // heads, "llama.attention.layer_norm_rms_epsilon": 1e-6,
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * 256 + [3, 1], "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.eos_token_id": 256, "tokenizer.ggml.add_bos_token": False, "tokenizer.chat_template": template,
    }  # fmt: skip
    embedding = _noise("embd", hidden * len(tokens), 1.0)
    embedding[256 * hidden : 257 * hidden] = array("f", [0.0] * hidden)
    tensors = {"token_embd.weight": ((hidden, len(tokens)), embedding), "output_norm.weight": _ones(hidden)}
    shapes = {
        "attn_q": (hidden, hidden), "attn_k": (hidden, hidden // 2), "attn_v": (hidden, hidden // 2),
        "attn_output": (hidden, hidden), "ffn_gate": (hidden, ffn), "ffn_up": (hidden, ffn), "ffn_down": (ffn, hidden),
    }  # fmt: skip
    for block in range(layers):
        for part in ("attn_norm", "ffn_norm"):
            tensors[f"blk.{block}.{part}.weight"] = _ones(hidden)
        for part, shape in shapes.items():
            name = f"blk.{block}.{part}.weight"
            tensors[name] = (shape, _noise(name, shape[0] * shape[1], 0.3))
    return write(path, keys, tensors)


def embedder(path: Path, *, context: int = 512) -> Path:
    """A BERT of noise that makes vectors of 64 numbers."""
    hidden, ffn, layers = 64, 128, 2
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789", *(chr(c) for c in range(0x3041, 0x3097)), *"東京日本語規程"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *("\u2581" + c for c in letters), *letters]
    keys: dict[str, Value] = {
        "general.architecture": "bert", "general.name": "noise", "general.file_type": 0, "bert.context_length": context,
        "bert.embedding_length": hidden, "bert.block_count": layers, "bert.feed_forward_length": ffn,
        "bert.attention.head_count": 4, "bert.attention.layer_norm_epsilon": 1e-12, "bert.attention.causal": False,
        "bert.pooling_type": 1, "tokenizer.ggml.model": "bert", "tokenizer.ggml.pre": "jina-v2-en",
        "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": [3] * 5 + [1] * (len(tokens) - 5),
        "tokenizer.ggml.token_type_count": 2, "tokenizer.ggml.bos_token_id": 2, "tokenizer.ggml.eos_token_id": 3,
        "tokenizer.ggml.unknown_token_id": 1, "tokenizer.ggml.seperator_token_id": 3,
        "tokenizer.ggml.padding_token_id": 0, "tokenizer.ggml.mask_token_id": 4,
    }  # fmt: skip
    tensors = {}
    for name, rows in {"token_embd": len(tokens), "position_embd": context, "token_types": 2}.items():
        tensors[f"{name}.weight"] = ((hidden, rows), _noise(name, hidden * rows, 0.1))
    _add_norm(tensors, "token_embd_norm", hidden)
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (hidden, hidden))
    shapes |= {"ffn_up": (hidden, ffn), "ffn_down": (ffn, hidden)}
    for block in range(layers):
        for part, shape in shapes.items():
            name = f"blk.{block}.{part}"
            tensors[f"{name}.weight"] = (shape, _noise(name, shape[0] * shape[1], 0.1))
            tensors[f"{name}.bias"] = ((shape[1],), _noise(name + "b", shape[1], 0.1))
        _add_norm(tensors, f"blk.{block}.attn_output_norm", hidden)
        _add_norm(tensors, f"blk.{block}.layer_output_norm", hidden)
    return write(path, keys, tensors)


def _ones(count: int) -> tuple[tuple[int], array]:
    return (count,), array("f", [1.0] * count)


def _add_norm(tensors: dict[str, tuple[Sequence[int], array]], name: str, hidden: int) -> None:
    tensors[f"{name}.weight"] = _ones(hidden)
    tensors[f"{name}.bias"] = ((hidden,), _noise(name, hidden, 0.1))
