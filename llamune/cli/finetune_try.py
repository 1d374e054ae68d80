"""`llamune finetune try`: the same question to a base and to own models made of it, from one loaded file.

llama.cpp takes what was trained beside the base and adds it with each answer at a strength of 0 or 1; nothing is loaded
again. Answers are greedy, so that only the training differs. To chat with a version is `llamune chat`.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from llamune.cli import finetune_recipe, start
from llamune.cli.parser import Parser
from llamune.errors import TrainingError, UsageError
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.training.served import Served
    from llamune.training.versions import Version

CONTEXT = 4096  # tokens; a base trained for less gets less
LENGTH = 512  # tokens of an answer


def arguments(parser: Parser) -> None:
    """Adds its arguments."""
    several = _("NAME or NAME:VERSION, one or more of the same base; without a version: the newest")
    parser.add_argument("versions", metavar=_("NAME"), nargs="+", help=several)
    parser.add_argument("-q", "--question", metavar=_("TEXT"), help=_("what to ask; without: line by line"))


def run(args: argparse.Namespace) -> None:
    """Asks until there is no further question. Raises UsageError, TrainingError, EngineError."""
    from llamune.training.versions import Versions

    if args.question is not None and not args.question.strip():
        raise UsageError(_("The question is empty."))
    app = start.app(args)
    versions = Versions(app.paths.own)
    chosen = [versions.finished(name) for name in dict.fromkeys(args.versions)]
    _checked(chosen)
    finetune_recipe.needs_extra("gguf", "safetensors")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            served = runner.run(_serve(stack, chosen))
            for question in [args.question] if args.question else _typed():
                runner.run(_answers(served, chosen, question))
        finally:
            runner.run(stack.aclose())


def _checked(chosen: Sequence["Version"]) -> None:
    """Raises UsageError where they cannot lie beside one base."""
    from llamune.training.recipe import Recipe

    for version in chosen:
        if not {"recipe", "base"} <= version.job.keys():
            raise _damaged(version)
        if not Recipe.parse(dict(version.job["recipe"])).apart:
            raise UsageError(
                _("{name} is no plain LoRA: what it learned cannot lie beside its base.").format(name=version.tag),
                _("As a model of its own: {command}").format(command=f"llamune chat --model {version.tag}"),
            )
        if version.job["base"] != chosen[0].job["base"]:
            raise UsageError(_("{a} and {b} have different bases.").format(a=chosen[0].tag, b=version.tag))


def _damaged(version: "Version") -> TrainingError:
    return TrainingError(
        _("The files of {name} are damaged or missing.").format(name=version.tag),
        _("To remove it: {command}").format(command=f"llamune finetune delete {version.tag}"),
    )


async def _serve(stack: AsyncExitStack, chosen: Sequence["Version"]) -> "Served":
    import tempfile

    from safetensors import SafetensorError

    from llamune.engine import gguf
    from llamune.training import bases, lora
    from llamune.training.recipe import Recipe
    from llamune.training.served import serving

    base = Path(chosen[0].job["base"])
    bases.present(str(base), chosen[0].tag)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    for n, version in enumerate(chosen):
        weights = version.folder / "checkpoints" / "best" / "weights.safetensors"
        recipe = Recipe.parse(dict(version.job["recipe"]))
        try:
            lora.write(weights, version.folder / "model.gguf", recipe, folder / str(n))
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise _damaged(version) from error
    context = min(CONTEXT, gguf.read(base).context_length or CONTEXT)
    return await stack.enter_async_context(serving(base, context, [folder / str(n) for n in range(len(chosen))]))


def _typed() -> Iterator[str]:
    """The questions on standard input; on a terminal until an empty line."""
    asks = sys.stdin.isatty()
    while True:
        if asks:
            print(_("question") + " ❯ ", end="", flush=True)
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            return print()
        if line.strip():
            yield line.strip()
        elif asks or not line:
            return


async def _answers(served: "Served", chosen: Sequence["Version"], question: str) -> None:
    """The base's answer, then those of the versions, each as it comes."""
    from llamune.chat.session import letter
    from llamune.cli.finetune_versions import base_of
    from llamune.cli.output import show
    from llamune.commands.values import Note
    from llamune.text import seconds

    for n, name in enumerate([base_of(chosen[0]), *(v.tag for v in chosen)]):
        show(f"{letter(n)} {name}")
        began = time.monotonic()
        await _answer(served, question, [float(n == k + 1) for k in range(len(chosen))])
        show(Note(seconds((time.monotonic() - began) * 1000), "dim"))


async def _answer(served: "Served", question: str, strengths: Iterable[float]) -> None:
    from llamune.chat.message import Message
    from llamune.cli.printers import TextPrinter

    printer = TextPrinter()
    async with aclosing(served.streamed([Message("user", question)], LENGTH, list(strengths))) as events:
        async for event in events:
            printer.show(event)
    printer.ended()
