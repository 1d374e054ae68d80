"""What was trained is what the engine says: every family, every method, compared through llama.cpp."""

from pathlib import Path
from typing import Any

import gguf
import psutil
import pytest
import tiny_base
import torch
from safetensors.torch import save_file

from llamune.errors import UsageError
from llamune.training import lora, verify
from llamune.training.child import adapter, base, merge, reference
from llamune.training.recipe import Recipe
from llamune.training.served import serving

PROMPTS = [[1, 300, 301, 302, 17, 450], [1, 600, 5, 77, 1200, 900, 31], [1, 44]]
LENGTH = 12


def changed(family: str, recipe: Recipe, folder: Path) -> tuple[Path, Path, list[Any]]:
    """A base, the merged file of a randomly changed adapter on it, and what transformers answers with that adapter."""
    opened = base.opened(tiny_base.write(folder / "base.gguf", family))
    model = adapter.prepare(base.load(opened, "float32"), recipe)
    torch.manual_seed(1)
    with torch.no_grad():
        for tensor in adapter.trained(model).values():
            tensor += torch.randn_like(tensor) * 0.1 * tensor.abs().mean().clamp(min=0.05)
    state = {n: t.detach().clone() for n, t in adapter.trained(model).items()}
    merge.write(opened, dict(adapter.changes(opened, state, recipe)), folder / "own.gguf", "own:1", recipe.kind)
    save_file(state, folder / "weights.safetensors")
    return opened.path, folder / "own.gguf", reference.answers(model, PROMPTS, LENGTH, [2], "cpu")


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize(
    "recipe",
    [Recipe(rank=4), Recipe(rank=4, rslora=True), Recipe(rank=4, dora=True), Recipe(method="full")],
    ids=["lora", "rslora", "dora", "full"],
)
async def test_merged_file_answers_as_the_trained_model(family: str, recipe: Recipe, tmp_path: Path) -> None:
    _base, own, wanted = changed(family, recipe, tmp_path)
    found = await verify.in_file(own, PROMPTS, wanted, 512)
    assert found.steps > LENGTH
    assert found.largest <= verify.LIMIT


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
async def test_the_base_alone_does_not_answer_so(family: str, tmp_path: Path) -> None:
    """Else the comparison above could not fail."""
    plain, _own, wanted = changed(family, Recipe(rank=4), tmp_path)
    assert (await verify.in_file(plain, PROMPTS, wanted, 512)).largest > 10 * verify.LIMIT


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("recipe", [Recipe(rank=4), Recipe(rank=4, alpha=7, rslora=True)], ids=["lora", "rslora"])
async def test_base_and_own_model_without_loading_again(family: str, recipe: Recipe, tmp_path: Path) -> None:
    """The adapter beside the base: with strength 1 it says what the merged file says, with 0 what the base says."""
    plain, own, _wanted = changed(family, recipe, tmp_path)
    adapter = tmp_path / "lora.gguf"
    lora.write(tmp_path / "weights.safetensors", own, recipe, adapter)
    async with serving(plain, 512, [adapter, adapter]) as beside:
        [loaded] = children()
        for path, strengths in ((own, (1, 0)), (plain, (0, 0)), (own, (0, 1))):
            async with serving(path, 512) as served:
                pairs = [(await served.next(prompt), await beside.next(prompt, strengths)) for prompt in PROMPTS]
            differences = [abs(found[i] - p) for wanted, found in pairs for i, p in wanted.items() if i in found]
            assert differences
            assert max(differences) <= verify.LIMIT
        assert children() == [loaded]


def children() -> list[Any]:
    """The processes of llama.cpp that we started; one for each file that was loaded."""
    return psutil.Process().children()


@pytest.mark.parametrize("recipe", [Recipe(rank=4, dora=True), Recipe(method="full")], ids=["dora", "full"])
def test_no_adapter_of_what_is_none(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Only LoRA"):
        lora.write(tmp_path / "weights.safetensors", tmp_path / "own.gguf", recipe, tmp_path / "lora.gguf")


def test_only_touched_tensors_change(tmp_path: Path) -> None:
    plain, own, _wanted = changed("qwen3", Recipe(rank=4), tmp_path)
    before, after = ({t.name: t for t in gguf.GGUFReader(p).tensors} for p in (plain, own))
    assert list(before) == list(after)
    for name, tensor in before.items():
        linear = name.startswith("blk.") and "norm" not in name
        assert after[name].tensor_type.name == ("F16" if linear else "F32")
        assert linear or (after[name].data == tensor.data).all()


def test_keys_are_taken_over(tmp_path: Path) -> None:
    plain, own, _wanted = changed("llama", Recipe(rank=4), tmp_path)
    before, after = (gguf.GGUFReader(p).fields for p in (plain, own))
    assert set(before) == set(after)
    assert after["general.name"].contents() == "own:1"
    assert after["tokenizer.ggml.merges"].contents() == before["tokenizer.ggml.merges"].contents()
