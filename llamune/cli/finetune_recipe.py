"""How a model is trained, as options of `llamune finetune`; and whether what that needs is installed."""

import argparse
from typing import TYPE_CHECKING

from llamune.cli.parser import Parser, count, one_of
from llamune.errors import TrainingError, UsageError
from llamune.i18n import N_, _

if TYPE_CHECKING:
    from llamune.training.recipe import Recipe

PACKAGE = "'llamune[finetune]'"
EXTRA = ("torch", "transformers", "peft", "gguf", "datasketch", "tree_sitter")
NUMBERS = (  # with their defaults, as in training.recipe
    ("--rank", 16, N_("of the LoRA matrices")),
    ("--alpha", 32, N_("strength of LoRA")),
    ("--epochs", 3, N_("times every pair is seen")),
    ("--steps", 0, N_("steps instead of epochs")),
    ("--batch", 16, N_("pairs a step")),
    ("--length", 1024, N_("tokens of a pair at most")),
)
CHOICES = (  # the first is the default
    ("--method", ("lora", "qlora", "full"), N_("what is trained")),
    ("--dtype", ("auto", "float32", "bfloat16", "nf4"), N_("type of the base's weights; auto tries them")),
    ("--kind", ("F16", "Q8_0"), N_("type of the changed tensors in the file")),
)
SWITCHES = (
    ("--rslora", N_("rank-stabilised LoRA")),
    ("--dora", N_("DoRA: lengths and directions apart")),
    ("--checkpointing", N_("less memory, a third slower")),
    ("--eco", N_("one thread, low priority")),
)


def arguments(parser: Parser) -> None:
    """Adds them."""
    for name, default, about in NUMBERS:
        parser.add_argument(name, metavar="N", type=count, default=default, help=_(about))
    for name, choices, about in CHOICES:
        parser.add_argument(name, metavar="|".join(choices), type=one_of(*choices), default=choices[0], help=_(about))
    for name, about in SWITCHES:
        parser.add_argument(name, action="store_true", help=_(about))
    rate = _("highest learning rate; without: by the method")
    parser.add_argument("--rate", metavar="R", type=_rate, default=0.0, help=rate)
    parser.add_argument("--seed", metavar="N", type=int, default=0, help=_("the same seed, the same model"))


def _rate(word: str) -> float:
    try:
        found = float(word)
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise UsageError(_("{name} cannot be {value}.").format(name="--rate", value=word))
    return found


def recipe(args: argparse.Namespace) -> "Recipe":
    """The recipe that the options say, checked. Raises UsageError."""
    from llamune.training.recipe import Recipe

    names = ("method", "rank", "alpha", "rslora", "dora", "epochs", "steps", "batch", "length", "dtype", "kind",
             "checkpointing", "eco", "seed")  # fmt: skip
    rate = args.rate or (2e-5 if args.method == "full" else 2e-4)
    return Recipe(rate=rate, **{n: getattr(args, n) for n in names}).check()


def needs_extra(*names: str) -> None:
    """Raises TrainingError where one of these packages is missing, with what to do, also without the internet.

    Args:
        names: of modules; none = everything that making a model needs.
    """
    from importlib.util import find_spec

    missing = [name for name in names or EXTRA if find_spec(name) is None]
    if missing:
        raise TrainingError(
            _("Making a model needs packages that are not installed: {names}").format(names=", ".join(missing)),
            _(
                "{install} (about 3 GB, 6 GB with CUDA). Without the internet: {download} elsewhere, then {offline}."
            ).format(
                install=f"pip install {PACKAGE}",
                download=f"pip download {PACKAGE}",
                offline=f"pip install --no-index --find-links FOLDER {PACKAGE}",
            ),
        )
