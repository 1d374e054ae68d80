"""`llamune finetune export`: a version as a file for other programs."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from llamune.cli import finetune_recipe
from llamune.cli.parser import Parser, one_of
from llamune.errors import TrainingError
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.training.versions import Version

FORMS = ("gguf", "lora", "safetensors", "modelfile")


def arguments(parser: Parser) -> None:
    """Adds its arguments."""
    parser.add_argument("version", metavar=_("NAME"), help=_("NAME or NAME:VERSION; without a version: the newest"))
    parser.add_argument("file", metavar=_("FILE"), type=Path, help=_("where to write it"))
    parser.add_argument("--to", metavar="|".join(FORMS), type=one_of(*FORMS), default="gguf", help=_("which form"))


def run(args: argparse.Namespace) -> None:
    """Writes the file. Raises UsageError, TrainingError."""
    from llamune import paths
    from llamune.cli.output import show
    from llamune.training.versions import Versions

    version = Versions(paths.find().own).finished(args.version)
    try:
        _write(version, args.to, args.file)
    except OSError as error:
        raise TrainingError(
            _("{path} cannot be written: {reason}").format(path=args.file, reason=error.strerror or error)
        ) from error
    show(_("Written: {path}").format(path=args.file))


def _write(version: "Version", form: str, file: Path) -> None:
    model = version.folder / "model.gguf"
    weights = version.folder / "checkpoints" / "best" / "weights.safetensors"
    if form == "modelfile":
        file.write_text(f"FROM {model}\n", encoding="utf-8")
    elif form == "lora":
        finetune_recipe.needs_extra("gguf", "safetensors")
        from llamune.training import lora
        from llamune.training.recipe import Recipe

        lora.write(weights, model, Recipe.parse(dict(version.job["recipe"])), file)
    else:
        shutil.copyfile(model if form == "gguf" else weights, file)
