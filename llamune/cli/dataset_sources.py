"""What a data set is made of, named on the command line; the making of it, and what became of the sources."""

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llamune.cli import finetune_recipe, knowledge
from llamune.cli.parser import Parser
from llamune.errors import TrainingError
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.training.dataset.build import Report
    from llamune.training.dataset.gather import Sources
    from llamune.training.pairs import Pair

REFUSED = 20  # files named that could not be read


def sources_arguments(parser: Parser) -> None:
    """Adds what a data set is made of."""
    more: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--docs", metavar=_("PATH"), **more, help=_("a folder or file of documents; may be repeated"))
    repo = _("a git repository: a folder, or an address that the policy allows")
    parser.add_argument("--repo", metavar=_("PLACE"), **more, help=repo)
    parser.add_argument("--ref", metavar=_("NAME"), default="", help=_("branch or tag of the repositories"))
    parser.add_argument("--include", metavar=_("PATTERN"), **more, help=_("only paths like this, as *.py"))
    parser.add_argument("--exclude", metavar=_("PATTERN"), **more, help=_("no paths like this"))
    data = _("JSON lines of pairs: Alpaca, messages, ShareGPT, completion")
    parser.add_argument("--data", metavar=_("FILE"), **more, help=data)
    corpus = _("a collection of documents, as llamune knowledge list shows them; may be repeated")
    parser.add_argument("--corpus", metavar=_("NAME"), **more, help=corpus)
    parser.add_argument("--conversations", action="store_true", help=_("your own answers that you chose or rated well"))
    writer = _("a local model that writes questions with proofs")
    parser.add_argument("--questions", metavar=_("MODEL"), default="", help=writer)


def sources_of(args: argparse.Namespace) -> "Sources":
    """The sources that the command line names."""
    from llamune.training.dataset.gather import Sources

    return Sources(
        tuple(args.docs), tuple(args.repo), args.ref, tuple(args.include), tuple(args.exclude), tuple(args.data),
        args.conversations, tuple(args.corpus),
    )  # fmt: skip


async def built(app: "App", name: str, sources: "Sources", writer: str) -> tuple["Report", "list[Pair]"]:
    """Makes the data set `name` and writes it. Raises TrainingError and what the sources raise.

    Args:
        writer: a model that writes questions, "" = by rules alone.
    """
    from llamune import files
    from llamune.cli.reading_bar import ReadingBar
    from llamune.training import pairs
    from llamune.training.dataset import build, gather, written
    from llamune.training.versions import Versions

    finetune_recipe.needs_extra("datasketch", "tree_sitter")
    target = Versions(app.paths.own).data(name)
    report = build.Report()
    await asyncio.to_thread(app.load)
    try:
        read = replace(sources, docs=(*sources.docs, *_folders(app, sources.corpora)))
        with ReadingBar() as bar:
            found = await asyncio.to_thread(gather.gathered, read, app.store, app.policy.pin().check, report, bar.show)
            collected = [*found.pairs, *gather.by_rule(found.documents)]
            if writer:
                engine, info = await app.catalog.find(writer)
                tally = written.Tally()
                async for pair in written.pairs(engine, info.name, app.state.num_ctx(info), found.documents, tally):
                    collected.append(pair)
                    bar.show(_("writing questions"), tally.asked, 0)
                report.written = {k: getattr(tally, k) for k in ("asked", "kept", "unproven", "unreadable")}
        settled = await asyncio.to_thread(build.prepared, collected, report)
    finally:
        await app.close()
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        pairs.write(settled, target / "dataset.jsonl")
        files.replace(
            target / "report.json", json.dumps({**report.json(), "sources": sources.json()}, ensure_ascii=False)
        )
    except OSError as error:
        raise TrainingError(
            _("{path} cannot be written: {reason}").format(path=target, reason=error.strerror or error)
        ) from error
    return report, settled


def _folders(app: "App", corpora: Sequence[str]) -> list[str]:
    """What the collections were made of: their documents as they are now. Raises KnowledgeError, TrainingError."""
    from llamune.knowledge.corpus import Corpus
    from llamune.knowledge.shelf import Shelf

    found = list[str]()
    for name in corpora:
        with closing(Corpus(Shelf(app.paths.home / knowledge.FOLDER).folder(name))) as corpus:
            roots = [str(root.path) for root in corpus.roots() if root.path.exists()]
        if not roots:
            raise TrainingError(
                _("The documents of the collection {name} are not on this machine.").format(name=name),
                _("Name them with --docs."),
            )
        found += roots
    return found


def told(report: "Report") -> str:
    """What became of the sources, for people."""
    from llamune.cli.finetune_told import labelled

    reading = _("{n} documents, {refused} refused").format(n=report.documents, refused=len(report.refused))
    cleaning = _("copies {copies} · syntax errors {syntax} · too many of one file {many}").format(
        copies=report.duplicates, syntax=report.syntax, many=report.unbalanced
    )
    splits = report.splits
    pairs = _("{n} pairs to learn, {held} kept back, {planted} planted secrets").format(
        n=splits.get("train", 0), held=splits.get("held", 0), planted=splits.get("canary", 0)
    )
    lines = [
        labelled(_("read"), reading),
        *(labelled("", f"{path}: {reason}") for path, reason in report.refused[:REFUSED]),
        labelled(_("clean"), cleaning),
        labelled(_("masked"), _counted(report.masked)) if report.masked else "",
        labelled(_("licences"), ", ".join(report.licences)) if report.licences else "",
        labelled(_("written"), _counted(report.written)) if report.written else "",
        labelled(_("data set"), pairs),
        labelled("", _counted(report.kinds)),
    ]
    return "\n".join(line for line in lines if line)


def _counted(found: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {n}" for kind, n in sorted(found.items()))
