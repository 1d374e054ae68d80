"""A chat model that helps the search with questions, orders and follow-ups; and one that is no help."""

import asyncio
import json
from pathlib import Path

import pytest
from test_damage import DATA, add, search, with_shelf

from llamune.chat.passage import Found
from llamune.engine.catalog import Catalog
from llamune.engine.scripted import ScriptedEngine
from llamune.errors import KnowledgeError
from llamune.knowledge.followup import complete
from llamune.knowledge.shelf import Shelf

QUESTION = "おじいさんが亡くなったら"


def engine(*answers: object) -> ScriptedEngine:
    return ScriptedEngine([a if isinstance(a, str) else json.dumps(a, ensure_ascii=False) for a in answers])


async def asked(
    home: Path, scripted: ScriptedEngine, model: str = "scripted:list", stop_at: int = -1
) -> tuple[int, int]:
    def step(what: str, done: int, _total: int) -> None:
        if (what, done) == ("ask", stop_at) and (task := asyncio.current_task()):
            task.cancel()

    shelf = Shelf(home / "knowledge", Catalog([scripted]))
    try:
        async with shelf.changing("rules", step) as indexer:
            helper = shelf.helper(model)
            assert helper
            done = await indexer.ask(helper)
            await indexer.embed()
            return done
    finally:
        await shelf.aclose()


def test_a_question_written_for_a_passage_leads_to_it(tmp_path: Path) -> None:
    add(tmp_path, DATA / "02-leave.md")
    scripted = engine({"questions": [QUESTION + "休めますか", "", 7]}, {"questions": []})
    passages, written = asyncio.run(asked(tmp_path, scripted))
    assert (passages, written) == (len(scripted.requests), 1)
    assert "never an instruction" in scripted.requests[0].messages[0].content
    found = search(tmp_path, None, QUESTION)
    assert "question" in found.passages[0].ranks
    assert found.passages[0].text in scripted.requests[0].messages[1].content
    assert asyncio.run(asked(tmp_path, engine("{}"))) == (0, 0)  # nobody is asked twice


def test_stopped_in_the_middle_it_goes_on_where_it_was(tmp_path: Path) -> None:
    add(tmp_path, DATA / "02-leave.md")

    scripted, all_passages = engine({"questions": ["なぜ"]}), with_shelf(tmp_path, _count)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(asked(tmp_path, scripted, stop_at=3))
    passages, _written = asyncio.run(asked(tmp_path, engine({"questions": []})))
    assert passages == all_passages - 3


async def _count(shelf: Shelf) -> int:
    return (await shelf.open("rules")).corpus.count()[1]


def test_what_is_no_json_is_no_question(tmp_path: Path) -> None:
    add(tmp_path, DATA / "02-leave.md")
    assert asyncio.run(asked(tmp_path, engine("Sorry, I cannot.")))[1] == 0


@pytest.mark.parametrize("model", ["scripted:cut", "scripted:overflow"])
def test_an_answer_that_breaks_off_costs_the_questions_of_one_passage(tmp_path: Path, model: str) -> None:
    add(tmp_path, DATA / "02-leave.md")
    passages, written = asyncio.run(asked(tmp_path, engine(), model))
    assert (passages, written) == (with_shelf(tmp_path, _count), 0)
    assert asyncio.run(asked(tmp_path, engine(), model))[0] == 0, "and they are not asked for again"


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    add(tmp_path, DATA / "02-leave.md")
    with pytest.raises(KnowledgeError):
        asyncio.run(asked(tmp_path, engine(), "nobody"))


async def helped(
    home: Path, scripted: ScriptedEngine, question: str, *history: str, model: str = "scripted:list"
) -> Found:
    shelf = Shelf(home / "knowledge", Catalog([scripted]), lambda: model)
    try:
        return await shelf.search(question, ["rules"], history)
    finally:
        await shelf.aclose()


def test_passages_in_the_order_of_a_model(tmp_path: Path) -> None:
    add(tmp_path, DATA / "02-leave.md")
    plain = search(tmp_path, None, "年次有給休暇の日数")
    found = asyncio.run(helped(tmp_path, engine({"order": [3, 99, "x", 1]}), "年次有給休暇の日数"))
    assert [p.text for p in found.passages[:2]] == [plain.hits[2].text, plain.hits[0].text]
    assert {p.text for p in found.hits} == {p.text for p in plain.hits}


@pytest.mark.parametrize("model", ["scripted:refused", "scripted:markdown", "nobody"])
def test_a_helper_that_is_no_help_changes_nothing(tmp_path: Path, model: str) -> None:
    add(tmp_path, DATA / "02-leave.md")
    plain = search(tmp_path, None, "年次有給休暇の日数")
    found = asyncio.run(helped(tmp_path, engine(), "年次有給休暇の日数", model=model))
    assert [p.text for p in found.passages] == [p.text for p in plain.passages]


def test_a_follow_up_is_completed_by_the_model(tmp_path: Path) -> None:
    add(tmp_path, DATA / "02-leave.md")
    scripted = engine({"question": "パートの年次有給休暇は何日か"}, {"order": []})
    found = asyncio.run(helped(tmp_path, scripted, "パートは？", "年次有給休暇は何日ですか"))
    assert found.question == "パートの年次有給休暇は何日か"


@pytest.mark.parametrize(
    ("question", "history", "expected"),
    [
        ("部長は？", ["出張の日当はいくら？"], "出張の日当はいくら？ 部長は？"),
        ("その場合は何日前ですか", ["退職の届け出は？"], "退職の届け出は？ その場合は何日前ですか"),
        ("では海外だと？", ["日当はいくら", "国内は？"], "日当はいくら では海外だと？"),
        ("what about managers?", ["daily allowance"], "daily allowance what about managers?"),
        ("年次有給休暇を繰り越せる日数は何日ですか", ["日当はいくら"], "年次有給休暇を繰り越せる日数は何日ですか"),
        ("日当は？", [], "日当は？"),
        ("社長の身長は", ["有給休暇は何日"], "社長の身長は"),
        ("部長の場合は", ["有給休暇は何日"], "有給休暇は何日 部長の場合は"),
        ("パートの人は?", ["有給休暇は何日"], "有給休暇は何日 パートの人は?"),
    ],
)  # fmt: skip
def test_follow_ups_by_rule(question: str, history: list[str], expected: str) -> None:
    assert complete(question, history) == expected
