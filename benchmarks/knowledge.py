"""Collections of documents: how well they are searched (benchmarks/rag-ja), and how fast a large one is.

Usage: python benchmarks/knowledge.py [PASSAGES [EMBEDDER…]]
       PASSAGES: of the speed part, default 3,000; the target is 100,000. EMBEDDER: real ones to measure beside those
       that are made here, as `folder:PATH`.
"""

import asyncio
import itertools
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.embedders import Made, chance, constant, oracle, pairs
from llamune.cli.knowledge_bar import Bar
from llamune.cli.knowledge_evaluate import measured
from llamune.knowledge import evaluate
from llamune.knowledge.corpus import Corpus, Root
from llamune.knowledge.embedders import BUILT_IN, Embedder
from llamune.knowledge.evaluate import Question
from llamune.knowledge.indexing import Indexer
from llamune.knowledge.opened import Opened
from llamune.knowledge.reading import Report
from llamune.knowledge.shelf import Shelf

DATA = Path(__file__).parent / "rag-ja"
PER_FILE = 10  # passages
QUERIES = 60
CUTS = ("recall@1", "recall@3")
NOISES = (1.0, 1.6, 2.0, 2.5)
Figures = Mapping[str, Mapping[str, float]]


def made(corpus: Corpus, asked: Sequence[Question]) -> list[Made]:
    """Embedders of all kinds, see embedders.py."""
    found = [Made("chance", chance), Made("constant", constant), Made("pairs", pairs)]
    for blind, name in ((False, "oracle"), (True, "blind oracle")):
        knows = oracle(corpus, asked, blind=blind)
        found += [Made(f"{name}, noise {noise}", knows, noise) for noise in NOISES]
        for kinds in (("paraphrase", "synonym"), ("keyword", "number")):
            found.append(Made(f"{name} of {' and '.join(kinds)}", oracle(corpus, asked, kinds=kinds, blind=blind), 1.6))
    return found


async def fused(opened: Opened, embedder: Embedder, asked: Sequence[Question]) -> Figures:
    """What is found with another embedder: way of searching → measure → value."""
    indexer = Indexer(opened.corpus, opened.vectors, embedder)
    await indexer.embed()
    opened.embedder = embedder
    await indexer.measure(opened.searcher(), embedder)
    figures: Figures = (await measured(opened, asked, [], Bar()))["retrieval"]
    return figures


def below(found: Figures) -> dict[str, float]:
    """How far both searches together are from the better one."""
    return {cut: found["hybrid"][cut] - max(found["keyword"][cut], found["vector"][cut]) for cut in CUTS}


async def fusion(shelf: Shelf, real: Sequence[str]) -> None:
    """The table of all embedders."""
    asked = evaluate.read(DATA / "questions.jsonl")
    opened = await shelf.open("rules")
    print(f"  {' and '.join(CUTS):38} keyword      vectors      fused        difference")
    row(BUILT_IN, (await measured(opened, asked, [], Bar()))["retrieval"])
    for embedder in (*[await shelf.embedder(name) for name in real], *made(opened.corpus, asked)):
        assert embedder is not None
        row(embedder.name, await fused(opened, embedder, asked))


def row(name: str, found: Figures) -> None:
    """One line of the table."""
    shown = ("  ".join(f"{found[way][cut]:.3f}" for cut in CUTS) for way in ("keyword", "vector", "hybrid"))
    print(f"  {name[-38:]:38}", *shown, *(f"{value:+.3f}" for value in below(found).values()), sep="  ", flush=True)


async def quality(shelf: Shelf) -> None:
    """Recall and reciprocal rank of each search, and refusing."""
    await add(shelf, "rules", DATA / "docs")
    asked = evaluate.read(DATA / "questions.jsonl")
    found = await measured(await shelf.open("rules"), asked, evaluate.read(DATA / "unanswerable.jsonl"), Bar())
    print(f"{found['questions']} questions, passages of {found['passage_characters']} characters on average")
    for way, f in found["retrieval"].items():
        print(f"  {way:8} " + "  ".join(f"{name} {value:.3f}" for name, value in f.items()))
    print("  refusing", found["unanswerable"])


async def speed(shelf: Shelf, folder: Path, passages: int) -> None:
    """Taking in, searching, and bringing up to date."""
    write(folder, passages // PER_FILE)
    started = time.perf_counter()
    report = await add(shelf, "large", folder)
    count, took = sum(n for _path, n in report.added), time.perf_counter() - started
    print(f"{count:,} passages taken in: {count / took:,.0f} per second ({took:.0f} s)")
    questions = [q.text for q in evaluate.read(DATA / "questions.jsonl")][:QUERIES]
    await shelf.search(questions[0], ["large"])
    times = []
    for question in questions:
        started = time.perf_counter()
        await shelf.search(question, ["large"])
        times.append((time.perf_counter() - started) * 1000)
    print(f"search: median {statistics.median(times):.0f} ms, p95 {statistics.quantiles(times, n=20)[-1]:.0f} ms")
    (folder / "000000.md").write_text("# 改定\n\n日当は3,300円に改める。\n", encoding="utf-8")
    started = time.perf_counter()
    await add(shelf, "large", folder)
    print(f"one changed file of {passages // PER_FILE:,}: {time.perf_counter() - started:.2f} s")
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


async def add(shelf: Shelf, name: str, folder: Path) -> Report:
    """As `llamune knowledge add`."""
    shelf.create(name)
    steps: dict[str, float] = {}

    def step(what: str, _done: int, _total: int) -> None:
        steps.setdefault(what, time.perf_counter())

    async with shelf.changing(name, step) as indexer:
        report = await indexer.read([Root(folder)])
        await indexer.embed()
    ends = [*list(steps.values())[1:], time.perf_counter()]
    print(
        "  " + ", ".join(f"{what} {end - begin:.1f} s" for (what, begin), end in zip(steps.items(), ends, strict=True))
    )
    return report


def write(folder: Path, files: int) -> None:
    """Documents made of sentences of the data set, with names and numbers of their own."""
    sentences = [
        sentence
        for path in sorted((DATA / "docs").glob("*.md"))
        for sentence in path.read_text(encoding="utf-8").replace("\n", "").split("。")
        if 30 <= len(sentence) <= 90
    ]
    chance = random.Random(1)
    names = [
        "".join(pair) for pair in itertools.product("東西南北中山川海森林田原島橋", "京都部署所館園市村町港野口沢")
    ]
    folder.mkdir(exist_ok=True)
    for number in range(files):
        parts = [f"# {chance.choice(names)}支店規則 {number}"]
        for clause in range(PER_FILE):
            body = "。".join(chance.sample(sentences, 2))
            one, other, amount = chance.choice(names), chance.choice(names), chance.randint(1, 9999)
            parts.append(f"## 第{clause + 1}条（{one}）\n\n{other}では{body}{amount}円。")
        (folder / f"{number:06}.md").write_text("\n\n".join(parts), encoding="utf-8")


async def main(passages: int, real: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as home:
        shelf = Shelf(Path(home) / "knowledge")
        try:
            await quality(shelf)
            await fusion(shelf, real)
            await speed(shelf, Path(home) / "documents", passages)
        finally:
            await shelf.aclose()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000, sys.argv[2:]))
