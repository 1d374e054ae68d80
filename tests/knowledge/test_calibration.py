"""Putting keyword search and vectors together costs at most 2 points against the better one, whatever the embedder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import cache
from pathlib import Path

import pytest

from benchmarks.embedders import Made, chance, oracle
from benchmarks.knowledge import DATA, Figures, below, fused
from llamune.knowledge import evaluate, keyword
from llamune.knowledge.calibrate import restored, stored
from llamune.knowledge.corpus import Root
from llamune.knowledge.opened import Opened
from llamune.knowledge.retrieve import Scale
from llamune.knowledge.shelf import Shelf

MOST = 0.02
ASKED = evaluate.read(DATA / "questions.jsonl")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the documents that the questions are about."""
    home = tmp_path_factory.mktemp("knowledge")

    async def read() -> None:
        async with aclosing(Shelf(home)) as shelf:
            shelf.create("rules")
            async with shelf.changing("rules", lambda *_: None, "none") as indexer:
                await indexer.read([Root(DATA / "docs")])

    asyncio.run(read())
    return home


@pytest.fixture
async def opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Opened]:
    monkeypatch.setattr(keyword, "fold", cache(keyword.fold))  # every question is matched with the same passages
    async with aclosing(Shelf(home)) as shelf:
        yield await shelf.open("rules")


async def test_useless_vectors_cost_nothing(opened: Opened) -> None:
    assert no_worse(await fused(opened, Made("chance", chance), ASKED))


async def test_good_vectors_are_not_dragged_down(opened: Opened) -> None:
    found = await fused(opened, Made("oracle", oracle(opened.corpus, ASKED), 2.5), ASKED)
    assert no_worse(found)
    assert found["hybrid"]["recall@1"] > found["keyword"]["recall@1"] + 0.2


async def test_each_question_goes_by_the_part_that_understands_it(opened: Opened) -> None:
    embedder = Made("mixed", oracle(opened.corpus, ASKED, kinds=("keyword", "number")), 1.6)
    assert no_worse(await fused(opened, embedder, ASKED))


async def test_striking_vectors_count_though_the_phrases_say_nothing_for_them(opened: Opened) -> None:
    embedder = Made("blind", oracle(opened.corpus, ASKED, blind=True), 1.3)
    assert no_worse(await fused(opened, embedder, ASKED))


def test_a_scale_of_an_earlier_version_is_read() -> None:
    kept = stored(Scale(weight=0.4))
    del kept["chance"], kept["blank"]
    assert restored(kept) == Scale(weight=0.4)


def no_worse(found: Figures) -> bool:
    return min(below(found).values()) >= -MOST
