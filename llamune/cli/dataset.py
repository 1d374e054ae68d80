"""`llamune dataset`: what an own model will learn from: built from sources, looked at, checked, taken along."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llamune.cli import dataset_sources, start
from llamune.cli.parser import Parser, Verbs, count, json_flag, one_of
from llamune.errors import TrainingError, UsageError
from llamune.i18n import N_, _, ngettext

if TYPE_CHECKING:
    from llamune.training.pairs import Pair

SHOWN = 20
FORMS = ("messages", "alpaca", "completion")


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: Verbs = {
        "build": (
            N_("make a data set from documents, repositories, conversations, files"),
            _name,
            dataset_sources.sources_arguments,
            json_flag,
        ),
        "show": (N_("its pairs and what was left out"), _name, _limit, json_flag),
        "check": (N_("whether a file of pairs can be used, with the places that cannot"), _check_arguments),
        "export": (N_("write it as JSON lines: messages, Alpaca or completion"), _name, _export_arguments),
        "scan": (N_("find secrets and personal data in files"), _path, json_flag),
    }
    parser.words("verb", verbs, required=True)


def _name(parser: Parser) -> None:
    parser.add_argument("name", metavar=_("NAME"), help=_("what to call it; the own model will be called so, too"))


def _limit(parser: Parser) -> None:
    parser.add_argument("-n", "--limit", metavar=_("COUNT"), type=count, default=SHOWN, help=_("how many at most"))


def _check_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=Path, help=_("JSON lines"))


def _export_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=Path, help=_("where to write it"))
    parser.add_argument(
        "--form", metavar="|".join(FORMS), type=one_of(*FORMS), default="messages", help=_("which form")
    )


def _path(parser: Parser) -> None:
    parser.add_argument("path", metavar=_("PATH"), type=Path, help=_("a file or folder"))


def run(args: argparse.Namespace) -> int:
    """Runs one verb. Returns the exit code."""
    verbs: dict[str, Callable[[argparse.Namespace], None]] = {
        "build": _build, "show": _show, "check": _check, "export": _export, "scan": _scan,
    }  # fmt: skip
    verbs[args.verb](args)
    return 0


def _build(args: argparse.Namespace) -> None:
    from llamune.cli.output import show, show_json

    app = start.app(args)
    report, _pairs = asyncio.run(
        dataset_sources.built(app, args.name, dataset_sources.sources_of(args), args.questions)
    )
    if args.json:
        show_json(report.json())
    else:
        show(dataset_sources.told(report))


def _dataset(name: str) -> Path:
    from llamune import paths
    from llamune.training.versions import Versions

    folder = Versions(paths.find().own).data(name)
    if not (folder / "dataset.jsonl").exists():
        raise UsageError(
            _("There is no data set called {name}.").format(name=name),
            _("Make it: {command}").format(command=f"llamune dataset build {name} --docs FOLDER"),
        )
    return folder


def _show(args: argparse.Namespace) -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.values import Column, Listing
    from llamune.text import one_line
    from llamune.training import pairs
    from llamune.training.dataset.build import Report

    folder = _dataset(args.name)
    found = list(pairs.read(folder / "dataset.jsonl"))
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    if args.json:
        show_json({"report": report, "pairs": [pairs.row(p) for p in found]})
        return
    report.pop("sources", None)
    columns = [Column(_("split")), Column(_("kind")), Column(_("question"), least=12), Column(_("answer"), least=12)]
    rows = [(p.split, p.kind, one_line(p.question), one_line(p.answer)) for p in found[: args.limit]]
    path = _("All of it, to look at and edit: {path}").format(path=folder / "dataset.jsonl")
    show(dataset_sources.told(Report(**report)), Listing(tuple(columns), tuple(rows)), path)


def _check(args: argparse.Namespace) -> None:
    from llamune.cli.output import show
    from llamune.training import pairs

    found = list(pairs.read(args.file))
    show(ngettext("{n} pair, all understood", "{n} pairs, all understood", len(found)).format(n=len(found)))


def _export(args: argparse.Namespace) -> None:
    from llamune import files
    from llamune.cli.output import show
    from llamune.training import pairs

    found = [p for p in pairs.read(_dataset(args.name) / "dataset.jsonl") if p.split != "canary"]
    forms: dict[str, Callable[[Pair], dict[str, Any]]] = {
        "messages": pairs.row,
        "alpaca": lambda p: {"instruction": p.question, "input": "", "output": p.answer},
        "completion": lambda p: {"prompt": p.question, "completion": p.answer},
    }
    try:
        with files.replaced(args.file) as file:
            file.writelines(json.dumps(forms[args.form](p), ensure_ascii=False) + "\n" for p in found)
    except OSError as error:
        raise TrainingError(
            _("{path} cannot be written: {reason}").format(path=args.file, reason=error.strerror or error)
        ) from error
    show(ngettext("{n} pair written", "{n} pairs written", len(found)).format(n=len(found)))


def _scan(args: argparse.Namespace) -> None:
    from dataclasses import asdict

    from llamune.cli.output import show, show_json
    from llamune.commands.values import Column, Listing
    from llamune.text import clean
    from llamune.training.dataset.scan import scan

    if not args.path.exists():
        raise UsageError(_("There is no file {path}.").format(path=args.path))
    unread = list[str]()
    found = list(scan(args.path, unread))
    if unread:
        told = ngettext("{n} file could not be looked into: {names}", "{n} files could not be looked into: {names}",
                        len(unread))  # fmt: skip
        print(clean(told.format(n=len(unread), names=", ".join(unread))), file=sys.stderr)
    if args.json:
        show_json({"findings": [asdict(f) for f in found]})
        return
    columns = (Column(_("place"), least=12), Column(_("kind")), Column(_("found")))
    rows = tuple((f.path if f.line is None else f"{f.path}:{f.line}", f.kind, f.masked) for f in found)
    total = ngettext("{n} finding", "{n} findings", len(found)).format(n=len(found))
    show(*((Listing(columns, rows),) if rows else ()), total)
