"""The trained model as one complete GGUF file: changed tensors anew, every other byte of the base as it was.

`gguf` can read every quantisation, but write only a few, so changed tensors become F16 or Q8_0; mixed types in one file
are normal. One tensor at a time is in memory.
"""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from llamune.training import order
from llamune.training.child.base import Base

KINDS = {"F16": gguf.GGMLQuantizationType.F16, "Q8_0": gguf.GGMLQuantizationType.Q8_0}
FILE_TYPES = {"F16": gguf.LlamaFileType.MOSTLY_F16, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
OWN_KEYS = ("general.architecture", "general.name", "general.file_type")


def write(base: Base, changes: Mapping[str, Any], path: Path, name: str, kind: str) -> int:
    """Writes the merged file beside its place and moves it there.

    Args:
        changes: GGUF name → what computes the new float32 weight, rows in transformers' order.
        kind: "F16" or "Q8_0", the type of changed matrices.

    Returns: how many tensors changed. Raises OSError.
    """
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(part, base.architecture)
    _keys(writer, base, name, _mostly(base, changes, kind))
    for tensor in base.tensors.values():
        if tensor.name in changes:
            _announce(writer, tensor, _kind(tensor, kind))
        else:
            writer.add_tensor_info(tensor.name, tensor.data.shape, tensor.data.dtype, tensor.data.nbytes,
                                   raw_dtype=tensor.tensor_type)  # fmt: skip
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in base.tensors.values():
        writer.write_tensor_data(_new(base, tensor, changes, kind) if tensor.name in changes else tensor.data)
    writer.close()
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    return len(changes)


def _new(base: Base, tensor: Any, changes: Mapping[str, Any], kind: str) -> Any:
    rows = order.permuted(changes[tensor.name](), base.heads(tensor.name))
    return gguf.quantize(np.ascontiguousarray(rows), _kind(tensor, kind))


def _kind(tensor: Any, kind: str) -> Any:
    """Vectors stay F32, as llama.cpp wants them; a width that Q8_0 cannot hold becomes F16."""
    if len(tensor.shape) < 2:
        return gguf.GGMLQuantizationType.F32
    block, _size = gguf.GGML_QUANT_SIZES[KINDS[kind]]
    return KINDS[kind] if int(tensor.shape[0]) % block == 0 else KINDS["F16"]


def _announce(writer: Any, tensor: Any, kind: Any) -> None:
    shape = [int(n) for n in reversed(tensor.shape)]
    whole = {"F32": np.float32, "F16": np.float16}.get(kind.name)
    if whole is not None:
        writer.add_tensor_info(tensor.name, shape, np.dtype(whole), int(np.prod(shape)) * np.dtype(whole).itemsize)
        return
    packed = gguf.quant_shape_to_byte_shape(shape, kind)
    writer.add_tensor_info(tensor.name, packed, np.dtype(np.uint8), int(np.prod(packed)), raw_dtype=kind)


def _keys(writer: Any, base: Base, name: str, file_type: int) -> None:
    writer.add_name(name)
    writer.add_file_type(file_type)
    for entry in base.reader.fields.values():
        if entry.name.startswith("GGUF.") or entry.name in OWN_KEYS:
            continue
        kind = entry.types[0]
        inner = entry.types[1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(entry.name, entry.contents(), kind, inner)


def _mostly(base: Base, changes: Mapping[str, Any], kind: str) -> int:
    """The file type that most numbers have; the base's own where fewer than half were changed."""
    counted: Counter[bool] = Counter()
    for tensor in base.tensors.values():
        counted[tensor.name in changes] += int(np.prod(tensor.shape))
    old = base.reader.fields.get("general.file_type")
    return int(FILE_TYPES[kind]) if counted[True] > counted[False] or old is None else int(old.contents())
