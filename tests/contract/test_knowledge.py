"""The `Knowledge` port: what every implementation must do. Run on the scripted one and on a real collection on disk."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llamune.chat.passage import Knowledge
from llamune.cli import main
from llamune.errors import KnowledgeError
from llamune.knowledge.scripted import TRAVEL, ScriptedKnowledge
from llamune.knowledge.shelf import Shelf

ASKED = "国内出張の日当はいくらですか"


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of collections: the scripted passages as real files in a real one."""
    folder, home = tmp_path_factory.mktemp("documents"), tmp_path_factory.mktemp("home")
    for path, section, text in TRAVEL:
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(f"# {section}\n\n{text}\n\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLAMUNE_HOME", str(home))
        assert main(["knowledge", "add", "rules", str(folder)]) == 0
    return home / "knowledge"


@pytest.fixture(params=["scripted", "shelf"])
async def knowledge(request: pytest.FixtureRequest, collections: Path) -> AsyncIterator[Knowledge]:
    if request.param == "scripted":
        yield ScriptedKnowledge()
        return
    shelf = Shelf(collections)
    yield shelf
    await shelf.aclose()


async def test_what_is_there_is_found(knowledge: Knowledge) -> None:
    assert "rules" in await knowledge.corpora()
    found = await knowledge.search(ASKED, ["rules"])
    assert found.strength != "none"
    assert found.passages[0].path == "旅費規程.md"
    assert "2,500円" in found.passages[0].text
    assert found.passages[0].corpus == "rules"
    assert "日当" in "".join(found.passages[0].matched)
    assert found.thresholds[0] <= found.thresholds[1]
    assert {p.chunk for p in found.passages} <= {h.chunk for h in found.hits}
    assert [h.score for h in found.hits] == sorted((h.score for h in found.hits), reverse=True)
    assert found == await knowledge.search(ASKED, ["rules"]), "the same question finds the same"


async def test_no_more_than_asked_for_and_each_text_once(knowledge: Knowledge) -> None:
    found = await knowledge.search("出張 日当 宿泊費 精算 休暇", ["rules", "rules"], limit=2)
    assert len(found.passages) <= 2
    assert len({p.text for p in found.passages}) == len(found.passages)


async def test_what_is_not_there_is_not_found(knowledge: Knowledge) -> None:
    found = await knowledge.search("火星探査機", ["rules"])
    assert (found.strength, found.passages) == ("none", ())


@pytest.mark.parametrize("question", ["", " ", "?", "あ", "a" * 5000, "\x00\x1b[2J", '"*" OR NEAR('])
async def test_any_question_can_be_asked(knowledge: Knowledge, question: str) -> None:
    assert (await knowledge.search(question, ["rules"])).strength in ("strong", "weak", "none")


async def test_a_collection_that_is_not_there(knowledge: Knowledge) -> None:
    with pytest.raises(KnowledgeError):
        await knowledge.search(ASKED, ["nix"])
