"""Four-bit weights learn, the merged file is made of the base's own weights, and eight-bit export stays close."""

from pathlib import Path
from typing import Any

import gguf
import pytest
import tiny_base
import torch

from llamune.training import verify
from llamune.training.child import adapter, base, loop, merge, reference
from llamune.training.child.rows import Row, batches
from llamune.training.recipe import Recipe

PROMPTS = [[1, 300, 301, 302, 17, 450], [1, 600, 5, 77, 1200, 900, 31]]
LENGTH = 8


def learned(folder: Path, recipe: Recipe, dtype: str) -> tuple[base.Base, dict[str, Any], float, float]:
    """A base, what a short run learned on it, and the loss before and after."""
    opened = base.opened(tiny_base.write(folder / "base.gguf", "llama"))
    model = adapter.prepare(base.load(opened, dtype), recipe)
    rows = [Row(tuple(range(10 + 20 * n, 30 + 20 * n)), 4, "train") for n in range(8)]
    run = loop.Run(model, rows, recipe, folder / "points", "cpu", lambda *_a, **_k: None)
    [batch] = batches(rows, 10_000, "cpu")
    before = float(loop.loss_sum(model, batch)[0].detach())
    run.train(lambda: None)
    after = float(loop.loss_sum(model, batch)[0].detach())
    return opened, {n: t.detach().clone() for n, t in adapter.trained(model).items()}, before, after


def answered(opened: base.Base, state: dict[str, Any], recipe: Recipe) -> list[Any]:
    """What the base's own weights say with what was learned."""
    model = adapter.prepare(base.load(opened, "float32"), recipe)
    with torch.no_grad():
        for name, tensor in adapter.trained(model).items():
            tensor.copy_(state[name])
    return reference.answers(model, PROMPTS, LENGTH, [2], "cpu")


@pytest.mark.parametrize("dora", [False, True], ids=["qlora", "qdora"])
async def test_four_bit_weights_learn_and_the_file_says_it(dora: bool, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    recipe = Recipe(method="qlora", rank=4, steps=6, batch=4, rate=5e-3, dora=dora)
    opened, state, before, after = learned(tmp_path, recipe, "nf4")
    assert after < before
    merge.write(opened, dict(adapter.changes(opened, state, recipe)), tmp_path / "own.gguf", "own:1", "F16")
    wanted = answered(opened, state, recipe)
    found = await verify.in_file(tmp_path / "own.gguf", PROMPTS, wanted, 512)
    assert found.steps > LENGTH
    assert found.largest <= verify.LIMIT


def test_four_bit_weights_take_less_memory(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    opened = base.opened(tiny_base.write(tmp_path / "base.gguf", "qwen2"))
    model = base.load(opened, "nf4")
    linear = model.get_submodule("model.layers.0.mlp.gate_proj").weight
    assert linear.dtype == torch.uint8
    assert linear.numel() * 2 == tiny_base.WIDTH * tiny_base.INNER
    assert linear.quant_state.nested  # the scales are quantised once more


@pytest.mark.parametrize("kind", ["Q8_0", "F16"])
async def test_eight_bits_cost_something_and_stay_within_their_limit(kind: str, tmp_path: Path) -> None:
    recipe = Recipe(rank=4, steps=6, batch=4, rate=5e-3)
    opened, state, _before, _after = learned(tmp_path, recipe, "float32")
    merge.write(opened, dict(adapter.changes(opened, state, recipe)), tmp_path / "own.gguf", "own:1", kind)
    types = {t.name: t.tensor_type.name for t in gguf.GGUFReader(tmp_path / "own.gguf").tensors}
    assert types["blk.0.attn_q.weight"] == kind
    assert types["blk.0.attn_norm.weight"] == "F32"
    found = await verify.in_file(tmp_path / "own.gguf", PROMPTS, answered(opened, state, recipe), 512)
    assert found.largest <= verify.LIMITS[kind]
    assert kind == "F16" or found.largest > verify.LIMIT / 10
