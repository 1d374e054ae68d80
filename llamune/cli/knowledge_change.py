"""What changes a collection: add, update, remove, export, import. Stopped at any moment, the same command goes on."""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llamune.cli.hints import outside
from llamune.cli.knowledge_bar import Bar
from llamune.cli.output import confirmed, show, show_json
from llamune.commands.values import Column, Listing
from llamune.errors import KnowledgeError, UsageError
from llamune.i18n import _, ngettext
from llamune.knowledge.corpus import Root
from llamune.text import seconds

if TYPE_CHECKING:
    from llamune.knowledge.indexing import Indexer
    from llamune.knowledge.reading import Report
    from llamune.knowledge.shelf import Shelf


async def add(args: argparse.Namespace, shelf: "Shelf") -> int:
    """Exit code 1 where nothing could be taken in."""
    roots = [Root(path.resolve(), args.department, tuple(args.tag)) for path in args.paths]
    for path in args.paths:
        if not path.exists():
            raise UsageError(_("{path} does not exist.").format(path=path))
    shelf.create(args.name)
    try:
        report = await _brought(args, shelf, roots)
    except (KnowledgeError, UsageError):
        corpus = (await shelf.open(args.name)).corpus
        if not corpus.roots() and not corpus.count()[0]:
            await shelf.remove(args.name)  # it was made for nothing
        raise
    return 1 if report.refused and not report.added and not report.unchanged else 0


async def update(args: argparse.Namespace, shelf: "Shelf") -> None:
    roots = (await shelf.open(args.name)).corpus.roots()
    await _brought(args, shelf, roots)


async def remove(args: argparse.Namespace, shelf: "Shelf") -> int:
    shelf.folder(args.name)
    what = ", ".join(map(str, args.paths)) or args.name
    if not args.yes and not confirmed(_("Remove {what}? The files themselves stay.").format(what=what)):
        print(_("Nothing was removed."), file=sys.stderr)
        return 1
    if not args.paths:
        await shelf.remove(args.name)
        return 0
    with Bar() as bar:
        async with shelf.changing(args.name, bar.step) as indexer:
            count = sum([indexer.drop(path.resolve()) for path in args.paths])
            await indexer.embed()
    if not count:
        raise KnowledgeError(_("Nothing in {name} comes from {what}.").format(name=args.name, what=what))
    show(ngettext("{n} document removed.", "{n} documents removed.", count).format(n=count))
    return 0


async def export(args: argparse.Namespace, shelf: "Shelf") -> None:
    await shelf.export(args.name, args.file)


async def import_(args: argparse.Namespace, shelf: "Shelf") -> None:
    with Bar() as bar:
        name = await shelf.import_(args.file, args.name, bar.step)
    show(_("{name} is here now.").format(name=name))


async def _brought(args: argparse.Namespace, shelf: "Shelf", roots: Sequence[Root]) -> "Report":
    """Reads, embeds, measures, and says what came of it."""
    with Bar() as bar:
        async with shelf.changing(args.name, bar.step, args.embedder) as indexer:
            report = await indexer.read(roots)
            await indexer.embed()
            cost = await _questions(args.questions, shelf, indexer)
    if cost:
        print(cost, file=sys.stderr)
    if args.json:
        show_json(as_json(report))
    else:
        _say(args.name, report, (await shelf.open(args.name)).note)
    return report


async def _questions(model: str, shelf: "Shelf", indexer: "Indexer") -> str:
    """Lets a model write questions. Returns what that has cost, "" where there was nothing to do."""
    if not (helper := shelf.helper(model)):
        return ""
    started = time.monotonic()
    passages, questions = await indexer.ask(helper)
    await indexer.embed()
    if not passages:
        return ""
    told = _("{model} wrote {questions} questions for {passages} passages in {time}: {tokens} tokens")
    spent = seconds((time.monotonic() - started) * 1000)
    return told.format(
        model=model, questions=f"{questions:,}", passages=f"{passages:,}", time=spent, tokens=f"{helper.tokens:,}"
    )


def as_json(report: "Report") -> dict[str, object]:
    """What became of the files, for programs."""
    return {
        "added": [{"path": path, "chunks": chunks} for path, chunks in report.added],
        "refused": [{"path": r.path, "reason": r.reason} for r in report.refused],
        "skipped": [{"path": s.path, "reason": s.reason} for s in report.skipped],
    }


def _say(name: str, report: "Report", note: str) -> None:
    for title, left_out in ((_("refused"), report.refused), (_("passed over"), report.skipped)):
        if left_out:
            rows = [(item.path, item.reason) for item in left_out]
            show(Listing([Column(f"{title} ({len(rows)})"), Column(_("why"))], rows))
    documents, passages = len(report.added), sum(chunks for _path, chunks in report.added)
    parts = [
        ngettext("{n} document read", "{n} documents read", documents).format(n=f"{documents:,}"),
        ngettext("{n} passage", "{n} passages", passages).format(n=f"{passages:,}"),
        *([_("{n} unchanged").format(n=f"{report.unchanged:,}")] if report.unchanged else []),
        *([_("{n} gone").format(n=f"{report.removed:,}")] if report.removed else []),
    ]
    show(f"{name}: " + " · ".join(parts))
    if note:
        print(outside(note), file=sys.stderr)
