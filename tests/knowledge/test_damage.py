"""Whatever happens to a collection, its index and its database agree again, and nothing is lost."""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from llamune.chat.model import ModelInfo
from llamune.chat.passage import Found
from llamune.errors import EngineRefused, EngineUnreachable, KnowledgeError, ModelNotFound
from llamune.knowledge import chroma, schema
from llamune.knowledge.corpus import Root
from llamune.knowledge.schema import JOINED, LIVE
from llamune.knowledge.shelf import Shelf

T = TypeVar("T")
DATA = Path(__file__).parents[2] / "benchmarks" / "rag-ja" / "docs"
QUESTION = "創立記念日はいつですか"


class Models:
    """An engine with one embedding model that counts letters. `digest` and `gone` are the test's to change."""

    def __init__(self) -> None:
        self.digest, self.gone, self.longest = "one", False, 10_000
        self.largest = 0  # texts of one request

    async def find(self, name: str) -> "tuple[Source, ModelInfo]":
        if self.gone or name != "letters":
            raise ModelNotFound(f"no {name}")
        return Source(self), self.info()

    def info(self) -> ModelInfo:
        return ModelInfo(
            "letters", "ollama", self.digest, 1, "", "", frozenset({"embedding"}), context_length=512
        )  # fmt: skip


class Source:
    def __init__(self, models: Models) -> None:
        self._models = models

    async def find(self, name: str) -> ModelInfo | None:
        return None if self._models.gone else self._models.info()

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        if self._models.gone:
            raise EngineUnreachable("gone")
        if any(len(text) > self._models.longest for text in texts):
            raise EngineRefused("too long")
        self._models.largest = max(self._models.largest, len(texts))
        return [[float(text.count(c)) + 0.01 for c in "日月年時分休憩社員会費旅"] for text in texts]


def with_shelf(home: Path, work: Callable[[Shelf], Awaitable[T]], models: Models | None = None) -> T:
    async def run() -> T:
        shelf = Shelf(home / "knowledge", models)
        try:
            return await work(shelf)
        finally:
            await shelf.aclose()

    return asyncio.run(run())


def add(home: Path, folder: Path = DATA, embedder: str = "", models: Models | None = None) -> None:
    async def work(shelf: Shelf) -> None:
        shelf.create("rules")
        async with shelf.changing("rules", lambda *_: None, embedder) as indexer:
            report = await indexer.read([Root(folder)])
            assert not report.refused
            await indexer.embed()

    with_shelf(home, work, models)


def search(home: Path, models: Models | None = None, question: str = QUESTION) -> Found:
    return with_shelf(home, lambda shelf: shelf.search(question, ["rules"]), models)


async def agree(shelf: Shelf) -> None:
    """The keyword index, the vectors and Chroma know the same entries."""
    opened = await shelf.open("rules")
    await opened.vectors.sync()
    rows = opened.corpus.rows
    live = {number for (number,) in rows(f"SELECT entry.id FROM {JOINED} WHERE {LIVE}")}
    assert {n for (n,) in rows("SELECT rowid FROM term")} == live
    assert {n for (n,) in rows("SELECT entry FROM vector")} >= live
    assert rows("SELECT count(*) FROM pending") == [(0,)]
    held = await opened.vectors._call(lambda: opened.vectors._index._collection.get(include=[])["ids"])
    assert set(map(int, held)) == live
    opened.corpus.connection.execute("INSERT INTO term(term) VALUES ('integrity-check')")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a collection; to be copied."""
    home = tmp_path_factory.mktemp("ready")
    add(home)
    return home


@pytest.fixture
def home(ready: Path, tmp_path: Path) -> Path:
    shutil.copytree(ready, tmp_path / "home")
    return tmp_path / "home"


def _emptied(chroma: Path) -> None:
    shutil.rmtree(chroma)


def _cut(chroma: Path) -> None:
    (chroma / "chroma.sqlite3").write_bytes((chroma / "chroma.sqlite3").read_bytes()[:5000])


def _garbled(chroma: Path) -> None:
    for file in chroma.rglob("*"):
        if file.is_file():
            file.write_bytes(b"garbage" * 1000)


def _a_file(chroma: Path) -> None:
    shutil.rmtree(chroma)
    chroma.write_text("no folder", encoding="utf-8")


def _without_some(chroma: Path) -> None:
    import chromadb

    client = chromadb.PersistentClient(str(chroma))
    (collection,) = client.list_collections()
    collection.delete(ids=collection.get(include=[])["ids"][:7])
    client.close()


def test_a_small_change_reaches_the_vector_index_with_the_next_search(home: Path, tmp_path: Path) -> None:
    (tmp_path / "new.md").write_text("# 新しい規程\n\nペンギン休暇は年に5日とする。\n", encoding="utf-8")
    add(home, tmp_path / "new.md")
    found = search(home, question="ペンギン休暇は何日ですか").passages[0]
    assert (found.path, set(found.ranks)) == ("new.md", {"keyword", "vector"})
    with_shelf(home, agree)


@pytest.mark.parametrize("damage", [_emptied, _cut, _garbled, _a_file, _without_some])
def test_a_damaged_index_is_made_again(home: Path, damage: Callable[[Path], None]) -> None:
    before = search(home)
    damage(home / "knowledge" / "rules" / "chroma")
    assert search(home) == before
    with_shelf(home, agree)


def test_while_the_index_is_made_again_keyword_search_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _emptied(home / "knowledge" / "rules" / "chroma")
    monkeypatch.setattr(chroma, "PATIENCE", 0.0)
    found = search(home)
    assert set(found.passages[0].ranks) == {"keyword"}
    assert found.notes
    monkeypatch.undo()
    assert search(home).notes == ()
    with_shelf(home, agree)


def test_the_index_of_another_collection_is_not_taken(home: Path, tmp_path: Path) -> None:
    before = search(home)
    other = tmp_path / "other"
    add(other, DATA / "02-leave.md")
    shutil.rmtree(home / "knowledge" / "rules" / "chroma")
    shutil.copytree(other / "knowledge" / "rules" / "chroma", home / "knowledge" / "rules" / "chroma")
    assert search(home) == before


def test_killed_at_any_moment_the_same_command_completes_it(home: Path, tmp_path: Path) -> None:
    expected = search(home)
    killed, done = tmp_path / "killed", False
    environment = {"LLAMUNE_HOME": str(killed), "PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "llamune", "knowledge", "add", "rules", str(DATA)]
    for wait in (0.5, 0.8, 1.1, 1.5, 2.0, 2.7, 3.5):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
        time.sleep(wait)
        done = process.poll() == 0
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait()
        if (killed / "knowledge" / "rules" / "corpus.db").exists():
            with_shelf(killed, lambda shelf: shelf.search(QUESTION, ["rules"]))
    add(killed)
    with_shelf(killed, agree)
    found = search(killed)
    assert [p.text for p in found.passages] == [p.text for p in expected.passages]
    assert done or found.passages


def test_another_embedder_takes_over_when_it_is_complete(home: Path) -> None:
    models = Models()
    add(home, DATA, "ollama:letters", models)
    with_shelf(home, agree, models)
    assert models.largest > 1
    found = search(home, models)
    assert (found.notes, "vector" in found.passages[0].ranks) == ((), True)


def test_the_old_index_serves_until_the_new_one_is_complete(home: Path) -> None:
    models = Models()

    async def stopped(shelf: Shelf) -> None:
        async with shelf.changing("rules", lambda *_: None, "ollama:letters") as indexer:
            models.gone = True
            await indexer.embed()

    with pytest.raises(KnowledgeError):
        with_shelf(home, stopped, models)
    found = search(home)
    assert (found.notes, "vector" in found.passages[0].ranks) == ((), True)


@pytest.mark.parametrize("what", ["gone", "replaced", "no engine"])
def test_without_its_embedding_model_keyword_search_goes_on_and_says_so(home: Path, what: str) -> None:
    models = Models()
    add(home, DATA, "ollama:letters", models)
    models.gone, models.digest = what == "gone", "two" if what == "replaced" else "one"
    found = search(home, None if what == "no engine" else models)
    assert found.passages[0].path == "01-work-hours.md"
    assert set(found.passages[0].ranks) == {"keyword"}
    assert found.notes
    if what == "replaced":
        add(home, DATA, "", models)
        assert search(home, models).notes == ()


def test_what_the_model_finds_too_long_is_halved_and_not_cut(tmp_path: Path) -> None:
    models = Models()
    models.longest = 40
    add(tmp_path, DATA, "ollama:letters", models)
    with_shelf(tmp_path, agree, models)


def test_two_at_once_do_not_change_it(home: Path) -> None:
    with schema.locked(home / "knowledge" / "rules"), pytest.raises(KnowledgeError):
        add(home)
    assert search(home).passages


def test_a_search_sees_what_another_process_added(home: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "新.md").write_text("# 社食\n\n社員食堂は十一時に開く。\n", encoding="utf-8")

    async def work(shelf: Shelf) -> Found:
        await shelf.search(QUESTION, ["rules"])
        await asyncio.to_thread(add, home, tmp_path / "new")
        return await shelf.search("社員食堂は何時に開く", ["rules"])

    found = with_shelf(home, work)
    assert found.passages[0].path == "新.md"
    assert "vector" in found.passages[0].ranks
