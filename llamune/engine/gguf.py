"""What a GGUF file says about itself: its key-value header, read without numpy and without trust.

The file comes from anywhere, so every length is bounded before it is believed, and whatever is wrong with it is one
exception, `BadGguf`. Of the tensors only the shapes are read, to count; the tokenizer's long lists are skipped.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
MOST_KEYS: Final = 10_000
MOST_TENSORS: Final = 100_000
MOST_DIMENSIONS: Final = 4
LONGEST_KEY: Final = 64 * 1024 - 1  # the format's own limit
LONGEST_TEXT: Final = 8 * 1024 * 1024  # bytes; chat templates are the longest texts there are
MOST_TEXTS: Final = 4_000_000  # in one list; the largest vocabularies have a quarter of a million
KEPT: Final = 4096  # items of a list of numbers that are kept: enough for one per layer
F16_BYTES: Final = 2
F32_BYTES: Final = 4
_EVERY_NTH_IS_WIDE: Final = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4}  # as in llama.cpp

_SAMPLING: Final = {
    "general.sampling.temp": "temperature", "general.sampling.top_k": "top_k", "general.sampling.top_p": "top_p",
    "general.sampling.min_p": "min_p", "general.sampling.penalty_repeat": "repeat_penalty",
}  # fmt: skip

_TEXT, _LIST = 8, 9
_NUMBERS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_FILE_TYPES: Final = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip

Value = int | float | bool | str | list[int | float | bool]


class BadGguf(Exception):
    """The file is no GGUF file, or a broken one. The text says why, in English, for a log or in brackets."""


@dataclass(frozen=True, slots=True)
class GgufInfo:
    """What is worth knowing before a model is loaded. 0 and "" mean that the file does not say."""

    architecture: str
    name: str
    kind: str  # "model", "adapter", "mmproj" …
    context_length: int
    memory: "Footprint"
    parameters: str
    quantisation: str
    chat_template: str
    pooling: bool  # it makes embeddings
    sampling: Mapping[str, float]  # options that its makers advise, as `SamplingOptions` spells them; unchecked


def read(path: Path) -> GgufInfo:
    """Reads the header of a file. Raises BadGguf, and OSError where the file cannot be read."""
    if path.exists() and not path.is_file():
        raise BadGguf("it is no ordinary file")  # opening a pipe would wait for ever
    with path.open("rb") as file:
        keys, elements = _Reader(file, path.stat().st_size).header()
    architecture = _text(keys, "general.architecture")
    if not architecture:
        raise BadGguf("general.architecture is missing")
    return GgufInfo(
        architecture=architecture,
        name=_text(keys, "general.name"),
        kind=_text(keys, "general.type") or "model",
        context_length=_whole(keys, f"{architecture}.context_length"),
        memory=footprint(keys),
        parameters=_text(keys, "general.size_label") or _short(elements),
        quantisation=_FILE_TYPES.get(_whole(keys, "general.file_type", -1), ""),
        chat_template=_text(keys, "tokenizer.chat_template"),
        pooling=f"{architecture}.pooling_type" in keys or "bert" in architecture,
        sampling={name: round(v, 6) for key, name in _SAMPLING.items() if isinstance(v := keys.get(key), int | float)},
    )


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a loaded model needs beside its weights, in bytes; 0 = not told. See `ModelInfo` for each."""

    kv_bytes_per_token: int = 0
    kv_window_bytes: int = 0
    window: int = 0
    work_bytes: int = 0


def footprint(keys: Mapping[str, object]) -> Footprint:
    """Memory per token, as llama.cpp lays it out: K and V in f16; of windowed layers only the window is kept.

    Args:
        keys: GGUF keys, from a file or from Ollama's `model_info`, which leaves long lists out.
    """
    prefix = str(keys.get("general.architecture", ""))
    hidden, heads = _whole(keys, f"{prefix}.embedding_length"), _whole(keys, f"{prefix}.attention.head_count")
    kept = _whole(keys, f"{prefix}.block_count") - _whole(keys, f"{prefix}.attention.shared_kv_layers")
    layers = max(0, min(kept, KEPT))
    per_layer = keys.get(f"{prefix}.attention.head_count_kv")
    one = _number(per_layer) or heads
    kv_heads = [_number(n) for n in per_layer][:layers] if isinstance(per_layer, list) else [one] * layers
    usual = hidden // heads if heads > 0 else 0
    window = max(0, _whole(keys, f"{prefix}.attention.sliding_window"))
    local = _windowed(keys, prefix, len(kv_heads)) if window else [False] * len(kv_heads)
    wide = sum(n * _width(keys, prefix, "", usual) for n, near in zip(kv_heads, local, strict=True) if not near)
    near = sum(n * _width(keys, prefix, "_swa", usual) for n, near in zip(kv_heads, local, strict=True) if near)
    work = F32_BYTES * (3 * _whole(keys, f"{prefix}.feed_forward_length") + 5 * hidden)
    total = max(0, (wide + near) * F16_BYTES)
    return Footprint(total, min(total, max(0, near * F16_BYTES)), window if near > 0 else 0, max(0, work))


def _width(keys: Mapping[str, object], prefix: str, kind: str, usual: int) -> int:
    """Numbers of one K and one V head; windowed layers (`_swa`) may have a width of their own."""
    names = (
        (f"{prefix}.attention.{part}_length{kind}", f"{prefix}.attention.{part}_length") for part in ("key", "value")
    )
    return sum(_whole(keys, own) or _whole(keys, plain) or usual for own, plain in names)


def _windowed(keys: Mapping[str, object], prefix: str, layers: int) -> list[bool]:
    """Which layers see a window only: by the file's list, or all but each n-th, by the file or the family's habit."""
    told = keys.get(f"{prefix}.attention.sliding_window_pattern")
    if isinstance(told, list):
        return [bool(near) for near in told][:layers] + [False] * max(0, layers - len(told))
    every = _number(told) or _EVERY_NTH_IS_WIDE.get(prefix, 0)
    return [every > 1 and n % every < every - 1 for n in range(layers)]


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and abs(value) < 2**62 else 0


def _whole(keys: Mapping[str, object], key: str, default: int = 0) -> int:
    return _number(keys[key]) if key in keys else default


def _short(count: int) -> str:
    """A number of parameters as people write it: 649K, 5.7M, 8B."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + unit
    return str(count) if count else ""


def _text(keys: Mapping[str, object], key: str) -> str:
    value = keys.get(key)
    return value if isinstance(value, str) else ""


class _Reader:
    """Walks through the header; never reads or skips beyond the end of the file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def header(self) -> tuple[dict[str, Value], int]:
        """The keys, and how many numbers all tensors hold."""
        if self._file.read(4) != MAGIC:
            raise BadGguf("it does not begin with GGUF")
        version, tensors, count = self._unpack("IQQ")
        if version not in VERSIONS:
            raise BadGguf(f"version {version} is not known")
        if count > MOST_KEYS or tensors > MOST_TENSORS:
            raise BadGguf(f"{count} keys and {tensors} tensors")
        keys, shapes = self._keys(count), [self._tensor() for _n in range(tensors)]
        if shapes and max(offset for _elements, offset in shapes) >= self._left():
            raise BadGguf("its end is missing")
        return keys, sum(elements for elements, _offset in shapes)

    def _tensor(self) -> tuple[int, int]:
        """How many numbers it holds, and where, in bytes after the header."""
        self._string(LONGEST_KEY)
        (dimensions,) = self._unpack("I")
        if dimensions > MOST_DIMENSIONS:
            raise BadGguf(f"a tensor of {dimensions} dimensions")
        shape = self._unpack(f"{dimensions}Q")
        _kind, offset = self._unpack("IQ")
        return math.prod(shape), offset

    def _keys(self, count: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for _n in range(count):
            key = self._string(LONGEST_KEY)
            value = self._value(*self._unpack("I"))
            if value is not None:
                found[key] = value
        return found

    def _value(self, kind: int) -> Value | None:
        if kind == _TEXT:
            return self._string(LONGEST_TEXT)
        if kind == _LIST:
            return self._list(*self._unpack("IQ"))
        if kind not in _NUMBERS:
            raise BadGguf(f"value type {kind}")
        value: int | float | bool = self._unpack(_NUMBERS[kind])[0]
        return value

    def _list(self, kind: int, count: int) -> Value | None:
        if kind == _TEXT:
            self._skip_texts(count)
            return None
        if kind not in _NUMBERS:
            raise BadGguf(f"list of type {kind}")
        width = struct.calcsize("<" + _NUMBERS[kind])
        kept = min(count, KEPT)
        if count * width > self._left():
            raise BadGguf("a list is longer than the file")
        values: list[int | float | bool] = list(self._unpack(f"{kept}{_NUMBERS[kind]}"))
        self._file.seek((count - kept) * width, 1)
        return values

    def _skip_texts(self, count: int) -> None:
        if count > min(MOST_TEXTS, self._left() // 8):
            raise BadGguf("a list is longer than the file")
        for _n in range(count):
            self._skip(*self._unpack("Q"))

    def _string(self, longest: int) -> str:
        (length,) = self._unpack("Q")
        if length > longest:
            raise BadGguf("a text is too long")
        return self._take(length).decode("utf-8", "replace")

    def _unpack(self, layout: str) -> tuple[int, ...]:
        return struct.unpack("<" + layout, self._take(struct.calcsize("<" + layout)))

    def _take(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise BadGguf("the file ends in its header")
        return data

    def _skip(self, length: int) -> None:
        if length > self._left():
            raise BadGguf("a text is longer than the file")
        self._file.seek(length, 1)

    def _left(self) -> int:
        return self._size - self._file.tell()
