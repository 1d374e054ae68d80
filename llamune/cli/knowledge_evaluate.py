"""`llamune knowledge evaluate`: the searches side by side on questions whose answers are known."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llamune.cli.knowledge_bar import Bar
from llamune.cli.output import show, show_json
from llamune.commands.values import Column, Listing
from llamune.errors import UsageError
from llamune.i18n import _
from llamune.knowledge import evaluate
from llamune.knowledge.calibrate import area
from llamune.knowledge.evaluate import Question, Tally
from llamune.knowledge.followup import complete
from llamune.knowledge.helper import ORDERED, Helper
from llamune.knowledge.retrieve import Ways

if TYPE_CHECKING:
    from llamune.knowledge.opened import Opened
    from llamune.knowledge.shelf import Shelf

CURVE = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)  # parts of the questions with an answer
RERANKED = "hybrid+rerank"
BESIDE = "unanswerable.jsonl"  # a file of that name beside the questions is used


async def run(args: argparse.Namespace, shelf: "Shelf") -> None:
    asked = evaluate.read(args.questions)
    beside = args.questions.with_name(BESIDE)
    unanswerable = args.unanswerable or (beside if beside.is_file() and beside != args.questions else None)
    without = [q for q in asked if not q.evidence] + (evaluate.read(unanswerable) if unanswerable else [])
    asked = [q for q in asked if q.evidence]
    if not asked:
        raise UsageError(_("There is no question with evidence in {path}.").format(path=args.questions))
    opened = await shelf.open(args.name)
    there = [path for (path,) in opened.corpus.rows("SELECT path FROM document WHERE removed IS NULL")]
    if not any(evaluate.same(path, document) for q in asked for document, _quote in q.evidence for path in there):
        raise UsageError(
            _("No document that {path} names is in {name}.").format(path=args.questions, name=args.name),
            _("Is it another collection? {command} lists them.").format(command="llamune knowledge list"),
        )
    with Bar() as bar:
        found = await measured(opened, asked, without, bar, shelf.helper(args.rerank))
    if args.answer:
        from llamune.cli import knowledge_answers

        found["answers"] = await knowledge_answers.grid(args, asked)
    if args.json:
        show_json(found)
    else:
        _say(found)
    if args.html:
        from llamune.cli import knowledge_html

        knowledge_html.write(args.html, found)


async def measured(
    opened: "Opened", asked: Sequence[Question], without: Sequence[Question], bar: Bar, helper: Helper | None = None
) -> dict[str, Any]:
    """What `--json` prints."""
    ways = {"hybrid": Ways(), "keyword": Ways(vector=False), "vector": Ways(keyword=False)}
    if opened.embedder is None:
        ways = {"hybrid": Ways(vector=False), "keyword": Ways(vector=False)}
    tallies: dict[str, Tally] = {name: Tally() for name in ways}
    if helper:
        tallies[RERANKED] = Tally()
    kinds: dict[str, Tally] = {}
    sure: list[float] = []
    for number, question in enumerate(asked):
        bar.step("measure", number, len(asked) + len(without))
        for name, way in ways.items():
            passages = await _passages(opened, question, way)
            tallies[name].add(question, passages)
            if name == next(iter(ways)):
                if helper:
                    order = await helper.order(question.text, [p.text for p in passages[:ORDERED]])
                    tallies[RERANKED].add(question, [*(passages[n] for n in order), *passages[ORDERED:]])
                kinds.setdefault(question.kind, Tally()).add(question, passages)
                sure.append(passages[0].score if passages else 0.0)
    unsure = []
    for number, question in enumerate(without):
        bar.step("measure", len(asked) + number, len(asked) + len(without))
        passages = await _passages(opened, question, next(iter(ways.values())))
        unsure.append(passages[0].score if passages else 0.0)
    return {
        "corpus": opened.corpus.name,
        "embedder": (opened.corpus.setting("embedder") or {}).get("name", "none"),
        "questions": len(asked),
        "passage_characters": _size(opened),
        "retrieval": {name: tally.figures() for name, tally in tallies.items()},
        "kinds": {kind: {"questions": t.asked, **t.figures()} for kind, t in kinds.items() if kind},
        "unanswerable": _refusing(opened, sure, unsure),
    }


async def _passages(opened: "Opened", question: Question, way: Ways) -> Any:
    text = complete(question.text, question.history)
    passages, _note = await opened.searcher().search(text, opened.scale, max(evaluate.CUTS), way)
    return passages


def _refusing(opened: "Opened", sure: Sequence[float], unsure: Sequence[float]) -> dict[str, Any]:
    """`auc` None = there was no question without an answer. The shares are those of the lower threshold."""
    lower = opened.scale.lower
    return {
        "questions": len(unsure),
        "auc": round(area(sure, unsure), 4) if unsure else None,
        "refused": round(sum(score < lower for score in unsure) / len(unsure), 4) if unsure else None,
        "wrongly_refused": round(sum(score < lower for score in sure) / len(sure), 4),
        "curve": _curve(sorted(sure), unsure) if unsure else {},
    }


def _curve(sure: Sequence[float], unsure: Sequence[float]) -> dict[str, float]:
    """Part of the questions with an answer that a threshold refuses → part of those without one that it refuses."""
    limits = {f"{part:.0%}": sure[int(part * len(sure))] for part in CURVE}
    return {name: round(sum(score < limit for score in unsure) / len(unsure), 4) for name, limit in limits.items()}


def _size(opened: "Opened") -> int:
    """Mean length of a passage: large ones flatter the figures."""
    ((size,),) = opened.corpus.rows("SELECT coalesce(avg(length(text)), 0) FROM chunk")
    return round(float(size))


def _say(found: dict[str, Any]) -> None:
    names = ("recall@1", "recall@3", "recall@5", "recall@20", "mrr")
    columns = [Column(_("search")), *(Column(name, right=True) for name in names)]
    rows = [(way(name), *(f"{f[figure]:.2f}" for figure in names)) for name, f in found["retrieval"].items()]
    kinds = [(f"  {k} ({f['questions']})", *(f"{f[name]:.2f}" for name in names)) for k, f in found["kinds"].items()]
    show(about(found), Listing(columns, [*rows, *kinds]), *refusing(found["unanswerable"]))
    if grid := found.get("answers"):
        columns = [Column(_("candidate")), Column(_("right"), right=True)]
        show(Listing(columns, [(name, f"{f['right']:.2f}") for name, f in grid.items()]))


def about(found: Mapping[str, Any]) -> str:
    """What was measured, in one line."""
    told = _("{n} questions, passages of {size} characters on average, embedder: {embedder}")
    return told.format(n=found["questions"], size=found["passage_characters"], embedder=found["embedder"])


def refusing(figures: Mapping[str, Any]) -> list[str]:
    """What is said about questions without an answer; nothing where there were none."""
    if not figures["questions"]:
        return []
    told = _("{n} questions without an answer: {refused:.0%} refused; of those with one {wrongly:.0%}; AUC {auc:.2f}")
    shares = {"refused": figures["refused"], "wrongly": figures["wrongly_refused"], "auc": figures["auc"]}
    points = ", ".join(f"{wrongly} → {refused:.0%}" for wrongly, refused in figures["curve"].items())
    curve = _("refused of those with an answer → of those without one: {points}")
    return [told.format(n=figures["questions"], **shares), curve.format(points=points)]


def way(name: str) -> str:
    """A way of searching as people read it."""
    return {
        "hybrid": _("both"),
        "keyword": _("keywords"),
        "vector": _("vectors"),
        RERANKED: _("both, put in order"),
    }.get(name, name)
