"""The order of rows in which llama.cpp keeps the queries and keys of architecture llama.

Source: `LlamaModel.permute` of llama.cpp's convert_hf_to_gguf.py; the other families keep the order of transformers.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


def heads(architecture: str, place: str, queries: int, keys: int) -> int:
    """Attention heads whose rows are in another order there; 0 = the order is the same."""
    if architecture != "llama":
        return 0
    return queries if ".attn_q." in place else keys if ".attn_k." in place else 0


def unpermuted(rows: "np.ndarray[Any, Any]", heads: int) -> "np.ndarray[Any, Any]":
    """Rows in llama.cpp's order → in the order of transformers."""
    if not heads:
        return rows
    shape = rows.shape
    return rows.reshape(heads, shape[0] // heads // 2, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def permuted(rows: "np.ndarray[Any, Any]", heads: int) -> "np.ndarray[Any, Any]":
    """Rows in the order of transformers → in llama.cpp's order."""
    if not heads:
        return rows
    shape = rows.shape
    return rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)
