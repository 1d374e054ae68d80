"""`llamune models`: what can answer here. Taking models in, renaming and removing them is models_change.py's part."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llamune.cli import start
from llamune.cli.parser import Parser, Verbs, count, json_flag, one_of, yes_flag
from llamune.i18n import N_, _

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.chat.model import ModelInfo


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: Verbs = {
        "list": (N_("every model of every engine"), json_flag),
        "show": (N_("all that is known of a model"), _model, json_flag),
        "fit": (N_("which models fit into this machine's memory, with the figures"), _fit_arguments, json_flag),
        "import": (N_("make a GGUF file usable"), _import_arguments),
        "pull": (N_("let Ollama download a model; only where the setting allow_pull says so"), _pull_arguments),
        "alias": (N_("give a model another name"), _alias_arguments),
        "rm": (N_("remove a model; conversations stay"), _model, yes_flag),
    }
    parser.words("verb", verbs, required=True)


def _model(parser: Parser) -> None:
    parser.add_argument("name", metavar=_("MODEL"), help=_("its name"))


def _fit_arguments(parser: Parser) -> None:
    parser.add_argument("names", metavar=_("MODEL"), nargs="*", help=_("their names; several: also beside one another"))
    parser.add_argument("--context", metavar=_("COUNT"), type=count, default=0, help=_("tokens; without: as in use"))


def _import_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=_path, help=_("a .gguf file"))
    parser.add_argument("--name", metavar=_("NAME"), help=_("what to call it; without: like the file"))
    parser.add_argument(
        "--to",
        metavar="embedded|ollama",
        type=one_of("embedded", "ollama"),
        help=_("who shall run it: the built-in llama.cpp, which uses the file where it is, or Ollama, which copies it"),
    )
    parser.epilog = _("Without --to: Ollama where it runs, else the built-in llama.cpp.")


def _path(word: str) -> Path:
    return Path(word).expanduser()


def _pull_arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar=_("MODEL"), help=_("its name in the library that Ollama asks"))


def _alias_arguments(parser: Parser) -> None:
    parser.add_argument("alias", metavar=_("NAME"), help=_("the new name"))
    parser.add_argument("name", metavar=_("MODEL"), help=_("the model's name"))


def run(args: argparse.Namespace) -> int:
    """Runs one verb. Returns the exit code."""
    from llamune.cli import models_change, models_fit

    verbs: dict[str, Callable[[App, argparse.Namespace], Awaitable[None]]] = {
        "list": _list, "show": _show, "fit": models_fit.run, "import": models_change.take_in,
        "pull": models_change.pull, "alias": models_change.alias, "rm": models_change.remove,
    }  # fmt: skip
    app = start.app(args)

    async def main() -> None:
        catalog = app.open_catalog()
        try:
            await verbs[args.verb](app, args)
        finally:
            await catalog.aclose()

    asyncio.run(main())
    return 0


async def _list(app: "App", args: argparse.Namespace) -> None:
    from llamune.cli.models_fit import fit_json
    from llamune.cli.output import show, show_json
    from llamune.commands import wording
    from llamune.commands.models import fits_of, memory_line
    from llamune.commands.values import Column, Listing
    from llamune.text import size

    catalog = app.open_catalog()
    models = await catalog.models(refresh=True)
    machine, fits = await fits_of(app, models, {m.name: m for m in await catalog.loaded()})
    if args.json:
        return show_json([{**_model_json(m), "fit": fit_json(fits[m.name])} for m in models])
    columns = [
        Column(_("model"), least=12),
        Column(_("size"), right=True),
        Column(_("parameters"), right=True, spare=3),
        Column(_("quantised"), spare=5),
        Column(_("context"), right=True, spare=4),
        Column(_("fits")),
        Column(_("engine"), spare=1),
        Column("", least=10, spare=2),
    ]
    rows = [
        (
            m.name,
            size(m.size) if m.size else "",
            m.parameters,
            m.quantisation,
            _tokens(m),
            wording.verdict(fits[m.name]),
            m.engine,
            m.note,
        )
        for m in models
    ]
    show(Listing(columns, rows, memory_line(machine), empty=_("No engine has a model.")))
    for error in catalog.problems.values():
        print(_("Note: {message}").format(message=error.message), file=sys.stderr)


def _tokens(model: "ModelInfo") -> str:
    return f"{model.context_length:,}" if model.context_length else ""


def _model_json(model: "ModelInfo") -> dict[str, Any]:
    return {
        "name": model.name,
        "engine": model.engine,
        "digest": model.digest,
        "size": model.size,
        "parameters": model.parameters,
        "quantisation": model.quantisation,
        "family": model.family,
        "context_length": model.context_length or None,
        "capabilities": sorted(model.capabilities),
        "note": model.note,
        "path": model.path or None,
    }


async def _show(app: "App", args: argparse.Namespace) -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.values import Fields
    from llamune.text import size

    _engine, model = await app.open_catalog().find(args.name)
    if args.json:
        return show_json(_model_json(model))
    rows = [
        (_("model"), model.name),
        (_("engine"), model.engine),
        (_("size"), size(model.size)),
        (_("parameters"), model.parameters),
        (_("quantised"), model.quantisation),
        (_("family"), model.family),
        (_("context"), _tokens(model)),
        (_("context in use"), f"{app.state.sizes[model.name]:,}" if model.name in app.state.sizes else ""),
        (_("can"), ", ".join(sorted(model.capabilities))),
        (_("file"), model.path),
        (_("digest"), model.digest),
        (_("note"), model.note),
    ]
    show(Fields([(name, value) for name, value in rows if value]))
