"""`llamune knowledge`: collections of documents: added, brought up to date, searched, taken along, measured."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llamune.cli import start
from llamune.cli.parser import Parser, Verbs, count, json_flag, yes_flag
from llamune.i18n import N_, _

if TYPE_CHECKING:
    from llamune.knowledge.shelf import Shelf

Verb = Callable[[argparse.Namespace, "Shelf"], Awaitable[int | None]]
FOLDER = "knowledge"  # of the collections, in the data folder
MEASURED = ("add", "update", "evaluate")  # work that is evidence, too; the others are over sooner than measured


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: Verbs = {
        "add": (N_("read files and folders into a collection; makes it where there is none"), _name, _add, json_flag),
        "update": (N_("read what changed, let go of what is gone"), _name, _making, json_flag),
        "list": (N_("every collection"), json_flag),
        "show": (N_("one collection: what is in it, and how it is searched"), _name, json_flag),
        "sources": (N_("the documents of a collection"), _name, json_flag),
        "search": (N_("the passages that may answer a question"), _name, _search, json_flag),
        "preview": (N_("how a file would be cut into passages"), _preview, json_flag),
        "remove": (N_("take documents out of a collection, or remove it as a whole"), _name, _remove, yes_flag),
        "export": (N_("write a collection into one file"), _name, _export),
        "import": (N_("take a collection in from a file"), _import),
        "evaluate": (N_("measure the search with questions whose answers are known"), _name, _evaluate, json_flag),
    }
    parser.words("verb", verbs, required=True)


def _name(parser: Parser) -> None:
    parser.add_argument("name", metavar=_("NAME"), help=_("a collection"))


def _add(parser: Parser) -> None:
    parser.add_argument("paths", metavar=_("PATH"), nargs="+", type=path, help=_("files and folders"))
    parser.add_argument("--department", metavar=_("TEXT"), default="", help=_("of documents that name none"))
    parser.add_argument("--tag", metavar=_("TEXT"), action="append", default=[], help=_("for all these documents"))
    _making(parser)


def _making(parser: Parser) -> None:
    parser.add_argument(
        "--embedder",
        metavar=_("WHICH"),
        default="",
        help=_("what makes the vectors from now on: builtin, ollama:MODEL, folder:PATH, or none"),
    )
    parser.add_argument(
        "--questions", metavar=_("MODEL"), default="", help=_("let a model write the questions each passage answers")
    )


def _search(parser: Parser) -> None:
    parser.add_argument("question", metavar=_("QUESTION"), help=_("what to look for"))
    parser.add_argument("--limit", metavar=_("COUNT"), type=count, default=5, help=_("how many passages at most"))
    parser.add_argument("--rerank", metavar=_("MODEL"), default="", help=_("let a model put them in order"))


def _preview(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=path, help=_("a file"))
    parser.add_argument("--embedder", metavar=_("WHICH"), default="builtin", help=_("for whose vectors it is cut"))


def _remove(parser: Parser) -> None:
    parser.add_argument("paths", metavar=_("PATH"), nargs="*", type=path, help=_("only what was added from there"))


def _export(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=path, help=_("a new file"))


def _import(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=path, help=_("a file"))
    parser.add_argument("name", metavar=_("NAME"), nargs="?", default="", help=_("another name for it"))


def _evaluate(parser: Parser) -> None:
    parser.add_argument(
        "--questions",
        metavar=_("FILE"),
        type=path,
        required=True,
        help=_("JSON Lines: question, evidence, kind, answer"),
    )
    parser.add_argument(
        "--unanswerable", metavar=_("FILE"), type=path, help=_("questions without an answer; default: a file beside it")
    )
    parser.add_argument("--rerank", metavar=_("MODEL"), default="", help=_("with a model that puts passages in order"))
    parser.add_argument(
        "--answer", metavar=_("MODEL"), action="append", default=[], help=_("compare its answers without and with them")
    )
    parser.add_argument("--html", metavar=_("FILE"), type=path, help=_("write a page with plots, too"))


def path(word: str) -> Path:
    """An argument type: a path as a shell would give it."""
    return Path(word).expanduser().absolute()


def run(args: argparse.Namespace) -> int:
    """Runs one verb. Returns the exit code; raises LlamuneError."""
    from llamune.cli import knowledge_change, knowledge_evaluate, knowledge_look

    verbs: dict[str, Verb] = {
        "add": knowledge_change.add, "update": knowledge_change.update, "remove": knowledge_change.remove,
        "export": knowledge_change.export, "import": knowledge_change.import_, "list": knowledge_look.list_,
        "show": knowledge_look.show, "sources": knowledge_look.sources, "search": knowledge_look.search,
        "preview": knowledge_look.preview, "evaluate": knowledge_evaluate.run,
    }  # fmt: skip

    async def work() -> int:
        async with opened(args) as shelf:
            return await verbs[args.verb](args, shelf) or 0

    return asyncio.run(work())


@asynccontextmanager
async def opened(args: argparse.Namespace) -> AsyncIterator["Shelf"]:
    """The collections of this home folder, with the engines that may have embedding models."""
    from llamune.knowledge.shelf import Shelf

    app = start.app(args)
    app.paths.make()
    catalog = app.open_catalog()
    shelf = Shelf(app.paths.home / FOLDER, catalog, lambda: getattr(args, "rerank", "") or app.settings.search_model)
    if args.verb in MEASURED:
        await asyncio.to_thread(app.measure, "knowledge")
    try:
        yield shelf
    finally:
        await shelf.aclose()
        await app.close()
