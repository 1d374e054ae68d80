"""The training loop: steps over the rows, an evaluation now and then, checkpoints, a pause while the machine answers.

The loss is the mean over answer tokens of a step; logits are made for those only, which with a vocabulary of 150,000
is most of the work and the memory that can be saved.
"""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from llamune.training.child import checkpoint
from llamune.training.child.adapter import trained
from llamune.training.child.rows import Batch, Row, batches, epochs
from llamune.training.recipe import Recipe

WARM_UP = 0.05  # of the steps, the rate rises
LEAST_RATE = 0.1  # of the rate, at the end of the cosine
LARGEST_STEP = 1.0  # gradient norm
SPLITS = ("held", "general", "canary")
LOGITS = 1024  # positions whose logits are made at once
Say = Callable[..., None]


class Diverged(Exception):
    """The loss is no number any more."""


@dataclass(slots=True)
class Progress:
    """Where a run is; saved with each checkpoint. `curve` holds (step, loss) of every step."""

    step: int = 0
    tokens: int = 0
    best: float = math.inf
    before: dict[str, float] = field(default_factory=dict)
    curve: list[tuple[int, float]] = field(default_factory=list)


def loss_sum(model: Any, batch: Batch) -> tuple[Any, int]:
    """Sum of the losses of all answer tokens, and how many there are."""
    hidden = model.model(input_ids=batch.ids).last_hidden_state[:, :-1][batch.learned]
    wanted = batch.ids[:, 1:][batch.learned]
    total = hidden.new_zeros((), dtype=torch.float32)
    for some, targets in zip(hidden.split(LOGITS), wanted.split(LOGITS), strict=True):
        total = total + cross_entropy(model.lm_head(some).float(), targets, reduction="sum")
    return total, len(wanted)


def losses(model: Any, rows: Sequence[Row], recipe: Recipe, device: str) -> dict[str, float]:
    """Mean loss per answer token of each split that has rows."""
    found = {}
    model.eval()
    with torch.no_grad():
        for split in SPLITS:
            sums = [loss_sum(model, b) for b in batches([r for r in rows if r.split == split], recipe.tokens, device)]
            if count := sum(n for _, n in sums):
                found[split] = float(sum(s for s, _ in sums)) / count
    return found


def steps_of(recipe: Recipe, rows: int) -> int:
    """Optimiser steps of a whole run."""
    return recipe.steps or max(1, math.ceil(rows * recipe.epochs / recipe.batch))


def rate(step: int, steps: int, top: float) -> float:
    """The learning rate of a step, counted from 0: a short rise, then a cosine."""
    warm = max(1, round(steps * WARM_UP))
    if step < warm:
        return top * (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return top * (LEAST_RATE + (1 - LEAST_RATE) * (1 + math.cos(math.pi * done)) / 2)


class Run:
    """One training run in its folder, new or resumed."""

    def __init__(self, model: Any, rows: Sequence[Row], recipe: Recipe, folder: Path, device: str, say: Say) -> None:
        self.model, self.recipe, self.folder, self.device, self.say = model, recipe, folder, device, say
        self.rows = rows
        self.learning = [r for r in rows if r.split in ("train", "canary")]
        self.steps = steps_of(recipe, len(self.learning))
        self.progress = Progress()
        self.optimiser = torch.optim.AdamW(trained(model).values(), lr=recipe.rate, weight_decay=0.0, fused=True)
        self._resume()

    def _resume(self) -> None:
        if (saved := checkpoint.latest(self.folder)) is None:
            return
        with torch.no_grad():
            for name, tensor in trained(self.model).items():
                tensor.copy_(saved.weights[name])
        self.optimiser.load_state_dict(saved.optimiser())
        self.progress = Progress(**saved.state)
        self.say("resumed", step=self.progress.step, steps=self.steps)

    def train(self, wait: Callable[[], None]) -> Progress:
        """Trains to the end. `wait` returns when the machine is free for the next step.

        Raises: Diverged; torch.OutOfMemoryError; OSError when the disk is full.
        """
        now = self.progress
        if not now.before:
            now.before = losses(self.model, self.rows, self.recipe, self.device)
            self.say("evaluated", step=0, **now.before)
        groups = itertools.islice(epochs(self.learning, self.recipe.batch, self.recipe.seed), now.step, self.steps)
        saved_at = time.monotonic()
        for group in groups:
            wait()
            self._step(group)
            last = now.step == self.steps
            if now.step % self.recipe.evaluate_every == 0 or last:
                self._evaluate()
            if last or time.monotonic() - saved_at > self.recipe.save_s:
                self.save()
                saved_at = time.monotonic()
        return now

    def _step(self, group: Sequence[Row]) -> None:
        began, now = time.monotonic(), self.progress
        self.model.train()
        for options in self.optimiser.param_groups:
            options["lr"] = rate(now.step, self.steps, self.recipe.rate)
        count = sum(len(r.ids) - r.answer for r in group)
        total, tokens = 0.0, 0
        for batch in batches(group, self.recipe.tokens, self.device):
            loss, _n = loss_sum(self.model, batch)
            (loss / count).backward()
            total, tokens = total + float(loss.detach()), tokens + batch.tokens
        norm = float(torch.nn.utils.clip_grad_norm_(trained(self.model).values(), LARGEST_STEP))
        if not math.isfinite(total) or not math.isfinite(norm):  # before the weights are spoilt and saved
            raise Diverged(f"step {now.step + 1}")
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        now.step, now.tokens = now.step + 1, now.tokens + tokens
        now.curve.append((now.step, total / count))
        self.say("step", step=now.step, steps=self.steps, loss=round(total / count, 4), tokens=tokens,
                 seconds=round(time.monotonic() - began, 4))  # fmt: skip

    def _evaluate(self) -> None:
        found = losses(self.model, self.rows, self.recipe, self.device)
        self.say("evaluated", step=self.progress.step, **{k: round(v, 4) for k, v in found.items()})
        if found.get("held", math.inf) < self.progress.best:  # with nothing kept back the last step is the best
            self.progress.best = found["held"]
            checkpoint.save_best(self.folder, trained(self.model), {"step": self.progress.step, **found})

    def save(self) -> None:
        """Writes a checkpoint of this step."""
        now = self.progress
        state = {"step": now.step, "tokens": now.tokens, "best": now.best, "before": now.before, "curve": now.curve}
        checkpoint.save(self.folder, trained(self.model), self.optimiser.state_dict(), state)
        self.say("saved", step=now.step)
