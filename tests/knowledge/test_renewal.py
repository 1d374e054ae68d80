"""A new index that is made beside the one that serves: stopped, failed, replaced in the middle, two at once."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from test_damage import DATA, QUESTION, Models, Source, add, agree, search, with_shelf

from llamune.chat.model import ModelInfo
from llamune.errors import EngineUnreachable, KnowledgeError
from llamune.knowledge import indexing, schema
from llamune.knowledge.corpus import Root
from llamune.knowledge.shelf import Shelf


class Slow(Models):
    """Waits in its second request, until `go` is set; `reached` says that it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go, self.asked, self.documents = asyncio.Event(), asyncio.Event(), 0, 0

    async def find(self, name: str) -> "tuple[Source, ModelInfo]":
        _engine, info = await super().find(name)
        return SlowSource(self), info


class SlowSource(Source):
    async def embed(self, model: str, texts: Any) -> list[list[float]]:
        models = self._models
        assert isinstance(models, Slow)
        assert threading.current_thread() is threading.main_thread(), "an engine is asked where it lives"
        models.asked += 1
        models.documents += len(texts) if len(texts) > 1 else 0
        if models.asked == 2:
            models.reached.set()
            await models.go.wait()
        return await super().embed(model, texts)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a collection whose embedding model has been replaced since."""
    monkeypatch.setattr(indexing, "BATCH", 16)
    models = Models()
    models.digest = "before"
    add(tmp_path, DATA, "ollama:letters", models)
    return tmp_path


def step(*_told: object) -> None: ...


def generations(shelf: Shelf) -> int:
    return int(shelf._open["rules"].corpus.rows("SELECT count(DISTINCT generation) FROM vector")[0][0])


async def test_the_chat_goes_on_until_the_new_index_is_complete(home: Path) -> None:
    models = Slow()
    shelf = Shelf(home / "knowledge", models)
    (stale,) = await shelf.stale(["rules"])
    assert stale.embedder == ""
    assert "/knowledge reindex rules makes" in stale.note
    work = asyncio.create_task(shelf.renew("rules", step, stale.embedder))
    await models.reached.wait()
    assert await shelf.stale(["rules"]) == []
    found = await shelf.search(QUESTION, ["rules"])
    assert set(found.passages[0].ranks) == {"keyword"}
    assert "/knowledge" not in found.notes[0]
    models.go.set()
    await work
    found = await shelf.search(QUESTION, ["rules"])
    assert (found.notes, "vector" in found.passages[0].ranks) == ((), True)
    await agree(shelf)
    assert generations(shelf) == 1
    await shelf.aclose()


async def test_stopped_in_the_middle_the_old_one_is_whole_and_the_next_goes_on(home: Path) -> None:
    await asyncio.to_thread(add, home, DATA, "builtin")
    models = Slow()
    shelf = Shelf(home / "knowledge", models)
    before = await shelf.search(QUESTION, ["rules"])
    work = asyncio.create_task(shelf.renew("rules", step, "ollama:letters"))
    await models.reached.wait()
    for _time in range(2):  # /stop, and then the chat is left
        work.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await work
    with schema.locked(home / "knowledge" / "rules"):
        pass
    assert await shelf.search(QUESTION, ["rules"]) == before
    (stale,) = await shelf.stale(["rules"])
    assert "begun and is not complete" in stale.note
    everything = shelf._open["rules"].corpus.rows("SELECT count(*) FROM entry")[0][0]
    models.documents = 0
    await shelf.renew("rules", step, stale.embedder)
    assert models.documents == everything - 16, "what was made before is not made again"
    await agree(shelf)
    assert await shelf.stale(["rules"]) == []
    await shelf.aclose()


async def test_a_model_that_is_replaced_in_the_middle_makes_no_mixture(home: Path) -> None:
    models = Slow()
    shelf = Shelf(home / "knowledge", models)
    work = asyncio.create_task(shelf.renew("rules", step))
    await models.reached.wait()
    models.digest = "three"
    models.go.set()
    with pytest.raises(KnowledgeError, match="was replaced"):
        await work
    assert (await shelf.search(QUESTION, ["rules"])).notes
    await shelf.renew("rules", step)
    assert (await shelf.search(QUESTION, ["rules"])).notes == ()
    await agree(shelf)
    assert generations(shelf) == 1
    await shelf.aclose()


async def test_two_at_once(home: Path) -> None:
    models = Slow()
    shelf, other = Shelf(home / "knowledge", models), Shelf(home / "knowledge", models)
    work = asyncio.create_task(shelf.renew("rules", step))
    await models.reached.wait()
    with pytest.raises(schema.Busy):
        await other.renew("rules", step)
    models.go.set()
    await work
    assert (await other.search(QUESTION, ["rules"])).notes == ()
    await shelf.aclose()
    await other.aclose()


def test_without_its_model_the_built_in_one_is_offered_and_takes_over(home: Path) -> None:
    models = Models()
    models.gone = True

    async def work(shelf: Shelf) -> None:
        (stale,) = await shelf.stale(["rules"])
        assert stale.embedder == "builtin"
        assert "/knowledge reindex rules builtin makes" in stale.note
        steps: list[str] = []
        await shelf.renew("rules", lambda what, *_: steps.append(what), stale.embedder)
        assert list(dict.fromkeys(steps)) == ["fit", "embed", "index", "measure"]
        await agree(shelf)

    with_shelf(home, work, models)
    assert search(home).notes == ()


class Away(Models):
    async def find(self, name: str) -> "tuple[Source, ModelInfo]":
        raise EngineUnreachable("Ollama does not answer.")


def test_a_server_that_is_not_running_is_no_reason_for_a_new_index(home: Path) -> None:
    async def work(shelf: Shelf) -> None:
        assert await shelf.stale(["rules"]) == []
        found = await shelf.search(QUESTION, ["rules"])
        assert found.notes == ("rules: Ollama does not answer. Keyword search only.",)

    with_shelf(home, work, Away())


def test_what_an_earlier_index_left_in_chroma_is_not_taken_over(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    for number in range(3):
        (documents / f"{number}.md").write_text(f"# 第{number}条\n\n日当は一日{number}千円とする。\n", encoding="utf-8")
    add(documents, documents, "builtin")
    add(documents, documents, "none")
    (documents / "0.md").unlink()

    async def work(shelf: Shelf) -> None:
        async with shelf.changing("rules", step, "builtin") as indexer:
            await indexer.read([Root(documents)])
            await indexer.embed()
        index = (await shelf.open("rules")).vectors
        assert await index._call(lambda: index._index._made(1).count()) == 2

    with_shelf(documents, work)


async def test_stopped_while_the_built_in_embedder_is_fitted_nothing_is_kept(home: Path) -> None:
    shelf = Shelf(home / "knowledge", Models())
    steps: list[tuple[str, int]] = []

    def first(what: str, done: int, _total: int) -> None:
        steps.append((what, done))
        here.call_soon_threadsafe(work.cancel)
        go.wait(0.2)

    here, go = asyncio.get_running_loop(), threading.Event()
    work = asyncio.create_task(shelf.renew("rules", first, "builtin"))
    with pytest.raises(asyncio.CancelledError):
        await work
    assert ("fit", 0) in steps
    assert len(steps) < 10, "it is stopped in the middle"
    assert shelf._open["rules"].corpus.setting("next") is None
    await shelf.aclose()
