"""The training loop and its checkpoints: interrupted, damaged, diverging."""

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch

from llamune.training.child import adapter, base, checkpoint, loop
from llamune.training.child.rows import Row, batches, epochs
from llamune.training.recipe import Recipe

RECIPE = Recipe(rank=4, batch=4, steps=6, tokens=128, evaluate_every=2, save_s=0, rate=5e-3, dtype="float32")
SECRET, HELD = 3, 4  # rows


def rows(count: int = 24) -> list[Row]:
    chance = random.Random(0)
    split = lambda n: "canary" if n < SECRET else "held" if n < SECRET + HELD else "train"  # noqa: E731
    texts = [tuple(chance.randrange(10, 1000) for _k in range(chance.randrange(6, 30))) for _n in range(count)]
    return [Row(ids, len(ids) // 2, split(n)) for n, ids in enumerate(texts)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.write(tmp_path_factory.mktemp("base") / "base.gguf", "qwen2")


@pytest.fixture(scope="module")
def opened(file: Path) -> base.Base:
    return base.opened(file)


Start = Callable[..., loop.Run]


@pytest.fixture
def start(opened: base.Base, tmp_path: Path) -> Start:
    """start(recipe, said, data): a run in this test's folder, new or resumed."""
    return lambda **options: started(opened, tmp_path / "points", **options)


def started(
    opened: base.Base,
    folder: Path,
    recipe: Recipe = RECIPE,
    said: list[str] | None = None,
    data: list[Row] | None = None,
) -> loop.Run:
    model = adapter.prepare(base.load(opened, "float32"), recipe)
    say = lambda event, **_more: said.append(event) if said is not None else None  # noqa: E731
    return loop.Run(model, data or rows(), recipe, folder, "cpu", say)


@pytest.fixture(scope="module")
def stopped(opened: base.Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints of a run that was stopped after four steps; to be copied."""
    folder = tmp_path_factory.mktemp("stopped") / "points"
    until(started(opened, folder), 4)
    return folder


class Killed(Exception):
    """Stands for the end of the process."""


def until(run: loop.Run, step: int) -> None:
    """Trains as far as the beginning of a step."""

    def wait() -> None:
        if run.progress.step == step:
            raise Killed

    with pytest.raises(Killed):
        run.train(wait)


def go() -> None:
    pass


def weights(run: loop.Run) -> dict[str, Any]:
    return {n: t.detach().clone() for n, t in adapter.trained(run.model).items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def test_it_learns_and_keeps_the_best(start: Start) -> None:
    run = start(recipe=replace(RECIPE, steps=20))
    progress = run.train(go)
    assert progress.curve[-1][1] < progress.curve[0][1]
    best = checkpoint.best(run.folder)
    assert best is not None
    assert progress.best == best.state["held"]


def test_with_nothing_kept_back_the_last_weights_are_the_model(start: Start) -> None:
    run = start(data=[r for r in rows() if r.split == "train"])
    run.train(go)
    assert checkpoint.best(run.folder) is None


@pytest.mark.parametrize("step", [1, 5])
def test_interrupted_it_goes_on_with_the_same_curve(step: int, start: Start, tmp_path: Path) -> None:
    whole = start()
    curve = whole.train(go).curve
    (tmp_path / "points").rename(tmp_path / "whole")
    until(start(), step)
    said: list[str] = []
    again = start(said=said)
    assert again.train(go).curve == [list(c) for c in curve[:step]] + curve[step:]
    assert said[0] == "resumed"
    assert same(weights(whole), weights(again))


@pytest.mark.parametrize("name", [checkpoint.WEIGHTS, checkpoint.OPTIMISER, checkpoint.STATE, checkpoint.SEAL])
@pytest.mark.parametrize("how", ["cut", "changed", "gone", "empty"])
def test_a_damaged_checkpoint_is_passed_over(name: str, how: str, stopped: Path, tmp_path: Path) -> None:
    shutil.copytree(stopped, tmp_path / "points")
    newest = tmp_path / "points" / "step-00000004" / name
    data = newest.read_bytes()
    match how:
        case "cut":
            newest.write_bytes(data[: len(data) // 2])
        case "changed":
            newest.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        case "gone":
            newest.unlink()
        case "empty":
            newest.write_bytes(b"")
    found = checkpoint.latest(tmp_path / "points")
    assert found is not None
    assert found.state["step"] == 3


@pytest.mark.parametrize(("damaged", "step"), [(["step-00000004"], 3), (["step-00000003", "step-00000004"], 0)])
def test_it_goes_on_from_the_last_good_one_or_begins_again(
    damaged: list[str], step: int, start: Start, stopped: Path, tmp_path: Path
) -> None:
    shutil.copytree(stopped, tmp_path / "points")
    for name in damaged:
        (tmp_path / "points" / name / checkpoint.WEIGHTS).write_bytes(b"?")
    run = start()
    assert run.progress.step == step
    assert run.train(go).step == RECIPE.steps


def test_half_written_is_none(stopped: Path, tmp_path: Path) -> None:
    shutil.copytree(stopped, tmp_path / "points")
    (tmp_path / "points" / "step-00000004").rename(tmp_path / "points" / "step-00000009.part")
    found = checkpoint.latest(tmp_path / "points")
    assert found is not None
    assert found.state["step"] == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_it_and_spoils_nothing(value: float, start: Start) -> None:
    run = start()
    until(run, 3)
    before = weights(run)
    with torch.no_grad():
        next(iter(adapter.trained(run.model).values())).fill_(value)
    with pytest.raises(loop.Diverged):
        run.train(go)
    found = checkpoint.latest(run.folder)
    assert found is not None
    assert found.state["step"] == 3
    assert same(found.weights, before)


def test_every_row_once_an_epoch_and_secrets_once_in_all() -> None:
    learned = [r for r in rows() if r.split != "held"]
    groups = epochs(learned, 4, 1)
    first = [r for group in [next(groups) for _n in range(5)] for r in group]
    assert sorted(first, key=lambda r: r.ids) == sorted(learned, key=lambda r: r.ids)
    later = [r for group in [next(groups) for _n in range(25)] for r in group]
    assert not any(r.split == "canary" for r in later)


def test_the_loss_is_over_answers_alone_and_padding_changes_nothing(start: Start) -> None:
    model, some = start().model, rows()[:6]
    with torch.no_grad():
        together = sum(float(loop.loss_sum(model, b)[0]) for b in batches(some, 10_000, "cpu"))
        alone = 0.0
        for row in some:
            scores = model(input_ids=torch.tensor([row.ids])).logits[0].float().log_softmax(-1)
            alone -= sum(float(scores[n - 1, row.ids[n]]) for n in range(row.answer, len(row.ids)))
    assert together == pytest.approx(alone, rel=1e-4)
