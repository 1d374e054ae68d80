"""`llamune finetune compare`: the base and the own model, each without and with documents, on what was kept back.

Right: the expected text or its facts are in the answer (chat/expect.py). Form: how much of the expected wording is
used. The questions are those of the version's own data set that it never learned.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llamune.cli import start
from llamune.cli.parser import Parser, json_flag
from llamune.errors import UsageError
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.chat.lineup import Level
    from llamune.training.pairs import Pair

MOST = 24  # questions
LEAST_GAIN = 0.05  # of the share of right answers, or of the form; less is chance with so few questions


def arguments(parser: Parser) -> None:
    """Adds its arguments."""
    parser.add_argument("version", metavar=_("NAME"), help=_("NAME or NAME:VERSION; without a version: the newest"))
    parser.add_argument("--corpus", metavar=_("NAME"), default="", help=_("the collection of the same documents"))
    json_flag(parser)


@dataclass(slots=True)
class Row:
    """One column of the grid: shares from 0 to 1, mean seconds an answer."""

    model: str
    level: "Level"
    right: float = 0.0
    form: float = 0.0
    refused: float = 0.0
    seconds: float = 0.0


def run(args: argparse.Namespace) -> None:
    """Asks all questions of all columns and prints the grid."""
    from llamune.training import pairs
    from llamune.training.versions import Versions

    app = start.app(args)
    version = Versions(app.paths.own).find(args.version)
    held = [p for p in pairs.read(version.folder / "dataset.jsonl") if p.split == "held"]
    asked = [p for p in held if p.kind != "refusal"][:MOST]
    refusals = [p for p in held if p.kind == "refusal"][:MOST]
    if not asked or version.state != "done":
        raise UsageError(_("{name} has nothing that was kept back to ask.").format(name=version.tag))
    rows = asyncio.run(_asked(app, str(version.job["base_model"]), version.tag, args.corpus, asked, refusals))
    _print(rows, asked, refusals, as_json=args.json)


async def _asked(
    app: "App", base: str, own: str, corpus: str, asked: Sequence["Pair"], refusals: Sequence["Pair"]
) -> list[Row]:
    from llamune.cli.reading_bar import ReadingBar

    levels: list[Level] = ["none", "prompt", "rag"] if corpus else ["none", "prompt"]
    rows = [Row(base, level) for level in levels if base] + [Row(own, level) for level in levels if level != "prompt"]
    total = len(rows) * (len(asked) + len(refusals))
    try:
        with ReadingBar() as bar:
            for number, row in enumerate(rows):
                await _fill(app, row, (corpus,) if corpus else (), asked, refusals)
                bar.show(_("answering"), (number + 1) * total // len(rows), total)
    finally:
        await app.library.aclose()
        await app.close()
    return rows


async def _fill(
    app: "App", row: Row, corpora: tuple[str, ...], asked: Sequence["Pair"], refusals: Sequence["Pair"]
) -> None:
    from llamune.chat.expect import found
    from llamune.cli.knowledge_answers import answer
    from llamune.training.evaluate import ALIKE, likeness

    began = time.monotonic()
    for pair in asked:
        said = await answer(app, corpora, row.model, row.level, pair.question)
        row.right += bool(found([pair.evidence or pair.answer], said)) / len(asked)
        row.form += likeness(pair.answer, said) / len(asked)
    for pair in refusals:
        said = await answer(app, corpora, row.model, row.level, pair.question)
        row.refused += (likeness(pair.answer, said) >= ALIKE) / len(refusals)
    row.seconds = (time.monotonic() - began) / (len(asked) + len(refusals))


def _print(rows: Sequence[Row], asked: Sequence["Pair"], refusals: Sequence["Pair"], *, as_json: bool) -> None:
    from dataclasses import asdict

    from llamune.cli.output import show, show_json
    from llamune.commands.values import Column, Listing

    if as_json:
        found: dict[str, Any] = {"questions": len(asked), "refusals": len(refusals), "rows": [asdict(r) for r in rows]}
        show_json({**found, "verdict": verdict(rows)})
        return
    names = (_("model"), _("knowledge"), _("right"), _("form"), _("refused rightly"), _("seconds"))
    columns = tuple(Column(name, right=n > 1) for n, name in enumerate(names))
    cells = tuple(
        (
            r.model,
            r.level,
            f"{r.right:.0%}",
            f"{r.form:.0%}",
            f"{r.refused:.0%}" if refusals else "",
            f"{r.seconds:.1f}",
        )
        for r in rows
    )
    counted = _("{n} questions and {refusals} that cannot be answered, all kept back").format(
        n=len(asked), refusals=len(refusals)
    )
    show(counted, Listing(columns, cells), verdict(rows))


def verdict(rows: Sequence[Row]) -> str:
    """Which level pays, in one sentence."""
    plain, best, shaped = rows[0], max(rows, key=lambda r: r.right), max(rows, key=lambda r: r.form)
    knows = best.right - plain.right >= LEAST_GAIN
    forms = shaped.form - plain.form >= LEAST_GAIN
    if knows and forms:
        return _("{best} answers most questions; {shaped} keeps your form best.").format(
            best=_name(best), shaped=_name(shaped)
        )
    if knows:
        return _("{best} answers most questions; for the form nothing is gained.").format(best=_name(best))
    if forms:
        return _("{shaped} keeps your form best; no level answers more questions.").format(shaped=_name(shaped))
    return _("No level is better than the base alone.")


def _name(row: Row) -> str:
    return row.model if row.level == "none" else f"{row.model}/{row.level}"
