"""The trained LoRA matrices as a GGUF adapter of their own: llama.cpp takes it beside the base and, with each request,
a strength (`"lora": [{"id": 0, "scale": 1}]`), so that base and own model are compared without loading anything again.

Keys and shapes are those of llama.cpp's src/llama-adapter.cpp. Ollama takes no adapters since 0.34.
"""

from pathlib import Path
from typing import Any

from llamune.errors import UsageError
from llamune.i18n import _
from llamune.training import order
from llamune.training.recipe import Recipe

PARTS = {".lora_A.own.weight": ".weight.lora_a", ".lora_B.own.weight": ".weight.lora_b"}


def write(weights: Path, model: Path, recipe: Recipe, path: Path) -> None:
    """Writes the adapter.

    Args:
        weights: what was trained, safetensors; model: any GGUF file of the same shape, such as the merged one.

    Raises: UsageError for what is no plain LoRA; OSError.
    """
    if not recipe.apart:
        raise UsageError(
            _("Only LoRA can be written apart from its base; this version was trained otherwise."),
            _("The whole model: {command}").format(command="--to gguf"),
        )
    import gguf  # of the extra finetune, which this module must not need to be imported
    import numpy as np
    from safetensors.numpy import load_file

    fields = gguf.GGUFReader(model).fields
    family = str(fields["general.architecture"].contents())
    layers, queries, keys = (
        int(fields[f"{family}.{key}"].contents())
        for key in ("block_count", "attention.head_count", "attention.head_count_kv")
    )
    table = gguf.get_tensor_name_map(next(k for k, n in gguf.MODEL_ARCH_NAMES.items() if n == family), layers)
    writer = gguf.GGUFWriter(path, family)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", recipe.scale * recipe.rank)
    for name, tensor in load_file(weights).items():
        part = next(p for p in PARTS if name.endswith(p))
        place = str(table.get_name(name.removesuffix(part)))
        turned = order.heads(family, f"{place}.", queries, keys) if "lora_B" in part else 0
        rows: Any = order.permuted(tensor.astype(np.float32), turned)
        writer.add_tensor(place + PARTS[part], np.ascontiguousarray(rows))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
