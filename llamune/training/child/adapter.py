"""What is trained on a base: LoRA (plain, rank-stabilised, DoRA), the same on four-bit weights, or every weight.

Hu et al. 2021 (LoRA), Dettmers et al. 2023 (QLoRA), Kalajdzievski 2023 (rsLoRA), Liu et al. 2024 (DoRA).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model

from llamune.training.child.base import ADAPTED, Base
from llamune.training.recipe import Recipe

NAME = "own"


def prepare(model: Any, recipe: Recipe) -> Any:
    """Makes of a frozen model one that learns what the recipe says."""
    torch.manual_seed(recipe.seed)
    if recipe.method == "full":
        model.requires_grad_(True)
    else:
        wanted = LoraConfig(
            r=recipe.rank, lora_alpha=recipe.alpha, target_modules=list(ADAPTED), lora_dropout=0.0,
            use_rslora=recipe.rslora, use_dora=recipe.dora,
        )  # fmt: skip
        model = inject_adapter_in_model(wanted, model, adapter_name=NAME)
        for tensor in trained(model).values():
            tensor.data = tensor.data.float()  # small, and Adam needs the precision
    if recipe.checkpointing:
        model.gradient_checkpointing_enable()
        model.enable_input_require_grads()
    return model


def trained(model: Any) -> dict[str, Any]:
    """The parameters that learn, by name."""
    return {n: p for n, p in model.named_parameters() if p.requires_grad}


def changes(base: Base, state: Mapping[str, Any], recipe: Recipe) -> Iterator[tuple[str, Any]]:
    """The tensors that training changed: GGUF name → what computes the new float32 weight in transformers' order.

    Computed tensor by tensor from the file's own weights, never from four-bit ones.
    """
    if recipe.method == "full":
        for name, tensor in state.items():
            yield base.place(name), lambda t=tensor: t.float().numpy()
        return
    for name in sorted({n.split(".lora_")[0] for n in state}):
        yield base.place(f"{name}.weight"), lambda n=name: _added(base, n, state, recipe)


def _added(base: Base, name: str, state: Mapping[str, Any], recipe: Recipe) -> np.ndarray[Any, Any]:
    """W + s·B·A; with DoRA each row brought to its learned length (equation 5 of the paper)."""
    a, b = (state[f"{name}.lora_{part}.{NAME}.weight"].float() for part in "AB")
    weight = torch.from_numpy(base.weight(base.place(f"{name}.weight"))) + recipe.scale * (b @ a)
    if recipe.dora:
        lengths = state[f"{name}.lora_magnitude_vector.{NAME}.weight"].float()
        weight *= (lengths / weight.norm(dim=1)).unsqueeze(1)
    return np.asarray(weight.numpy())
