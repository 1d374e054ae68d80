"""How a model is trained: the numbers of one run, checked, and what they will need in memory.

Shared by the parent and the training process, so nothing heavy is imported here.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from llamune.errors import UsageError
from llamune.i18n import _

Method = Literal["lora", "qlora", "full"]
METHODS: tuple[Method, ...] = ("lora", "qlora", "full")
Dtype = Literal["auto", "float32", "bfloat16", "nf4"]
RANGES = {"rank": (1, 512), "epochs": (1, 1000), "steps": (0, 1_000_000), "batch": (1, 4096), "seed": (0, 2**31)}


@dataclass(frozen=True, slots=True)
class Recipe:
    """The numbers of one training run.

    Args:
        method: "lora", "qlora" (LoRA on four-bit NF4 weights, double quantisation) or "full" (every weight).
        rank: of the LoRA matrices; alpha: their strength, scaled by alpha/rank (alpha/√rank with `rslora`).
        rate: highest learning rate; 0 = 2e-4 for LoRA, 2e-5 for full (the papers' usual values), as in `top_rate`.
        batch: rows a step; tokens: places a batch that goes through the model at once.
        epochs: times that every row is seen; steps: instead of epochs, 0 = by epochs.
        length: tokens a row has at most; longer ones are left out and counted.
        dtype: of the frozen weights; "auto" = by a probe.
        checkpointing: computes activations twice to hold them once.
        eco: one thread and low priority.
        kind: type of the changed tensors in the GGUF file.
    """

    method: Method = "lora"
    rank: int = 16
    alpha: int = 32
    rslora: bool = False
    dora: bool = False
    rate: float = 2e-4
    batch: int = 16
    tokens: int = 2048
    epochs: int = 3
    steps: int = 0
    length: int = 1024
    dtype: Dtype = "auto"
    checkpointing: bool = False
    eco: bool = False
    seed: int = 0
    evaluate_every: int = 50
    save_s: float = 30.0
    kind: Literal["F16", "Q8_0"] = "F16"

    @property
    def scale(self) -> float:
        """What B·A is multiplied with."""
        return self.alpha / (self.rank**0.5 if self.rslora else self.rank)

    @property
    def apart(self) -> bool:
        """Whether what is trained can lie beside the base, as matrices that are added to it."""
        return self.method != "full" and not self.dora

    def check(self) -> "Recipe":
        """Itself. Raises UsageError for a number outside its range or parts that exclude each other."""
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(
                    _("{name} cannot be {value}.").format(name=f"--{name}", value=getattr(self, name)),
                    _("{key} is {expected}.").format(
                        key=f"--{name}", expected=_("a whole number from {low} to {high}").format(low=low, high=high)
                    ),
                )
        if not 0 < self.rate < 1:
            raise UsageError(_("{name} cannot be {value}.").format(name="--rate", value=self.rate))
        if self.method == "full" and (self.dora or self.rslora or self.dtype == "nf4"):
            raise UsageError(_("--method full trains every weight; LoRA's options do not go with it."))
        return self

    def json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, data: dict[str, Any]) -> "Recipe":
        """From a dictionary of an older or newer program; unknown keys are ignored."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in data.items() if k in known})
