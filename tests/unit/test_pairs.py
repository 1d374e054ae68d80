"""Pairs to learn from: every usual form is read, bad lines are named; a model's pairs only with their proof."""

import json
from pathlib import Path
from typing import Any

import pytest

from llamune.engine.scripted import ScriptedEngine
from llamune.errors import LlamuneError, TrainingError, UsageError
from llamune.sources.document import Document, Section, Stamp
from llamune.training import pairs
from llamune.training.dataset import prose, written
from llamune.training.pairs import Pair

RULE = (
    "旅費は、出張の翌月十日までに請求しなければならない。請求には領収書を添え、課長の承認を得るものとする。"
    "遅れた者は総務課に理由を届け出ること。"
)


def read(folder: Path, *rows: Any) -> list[Pair]:
    file = folder / "data.jsonl"
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    file.write_text("\n".join(lines), encoding="utf-8")
    return list(pairs.read(file))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"instruction": "日当は?", "output": "三千円"}, [("user", "日当は?"), ("assistant", "三千円")]),
        ({"instruction": "Translate", "input": "犬", "output": "dog"},
         [("user", "Translate\n\n犬"), ("assistant", "dog")]),
        ({"system": "Be short.", "instruction": "Hi", "input": "", "output": "Hello"},
         [("system", "Be short."), ("user", "Hi"), ("assistant", "Hello")]),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                       {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]},
         [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]),
        ({"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "a"},
                            {"from": "gpt", "value": "b"}]},
         [("system", "s"), ("user", "a"), ("assistant", "b")]),
        ({"prompt": "p", "completion": "c"}, [("user", "p"), ("assistant", "c")]),
    ],
    ids=["alpaca", "alpaca with input", "with system", "messages", "sharegpt", "completion"],
)  # fmt: skip
def test_every_form(row: dict[str, Any], said: list[tuple[str, str]], tmp_path: Path) -> None:
    [pair] = read(tmp_path, row)
    assert [(m.role, m.content) for m in pair.messages] == said


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "null", "17", '"text"', "{}", '{"messages": []}', '{"messages": [{"role": "user", "content": "a"}]}',
        '{"messages": [{"role": "wizard", "content": "a"}, {"role": "assistant", "content": "b"}]}',
        '{"messages": [{"role": "user", "content": null}, {"role": "assistant", "content": "b"}]}',
        '{"messages": "user: a"}', '{"messages": [1, 2]}', '{"conversations": null}', '{"instruction": "a"}',
        '{"instruction": ["a"], "output": "b"}', '{"prompt": "a", "completion": 7}',
        '{"prompt": "a", "completion": "b", "split": "dev"}', '{"prompt": "a", "completion": "b", "split": ["held"]}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_named(line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.jsonl:2 "):
        read(tmp_path, {"prompt": "p", "completion": "c"}, line)


def test_empty_lines_and_a_mark_at_the_beginning_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf\r\n{"prompt": "p", "completion": "c"}\r\n\r\n')
    [pair] = pairs.read(tmp_path / "a.jsonl")
    assert (pair.question, pair.answer) == ("p", "c")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", "犬".encode("cp932")])
def test_a_file_that_cannot_be_read(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(TrainingError, match="cannot be read"):
        list(pairs.read(tmp_path / "a.jsonl"))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    row = {"prompt": "p\u2028q", "completion": "c\x00", "split": "held", "source": "s", "evidence": "e", "kind": "qa"}
    found = read(tmp_path, row)
    pairs.write(found, tmp_path / "again.jsonl")
    assert list(pairs.read(tmp_path / "again.jsonl")) == found
    assert found[0].split == "held"


def test_half_a_character_can_be_written_again(tmp_path: Path) -> None:
    found = read(tmp_path, r'{"prompt": "a\ud800b \ud83d\ude00", "completion": "c"}')
    pairs.write(found, tmp_path / "again.jsonl")
    assert [p.question for p in pairs.read(tmp_path / "again.jsonl")] == ["a\ufffdb 😀"]


def test_rows_of_a_data_file_are_sources_of_their_own(tmp_path: Path) -> None:
    """Else the whole file would be on one side of the split."""
    found = read(tmp_path, {"prompt": "p", "completion": "c"}, {"prompt": "q", "completion": "d", "source": "x.md"})
    assert [p.source for p in found] == ["data.jsonl:1", "x.md"]


def document(*texts: str) -> Document:
    sections = tuple(Section(t, (f"第{n}条 旅費",)) for n, t in enumerate(texts, 1))
    return Document("/a.md", "a.md", "規程", sections, "", "", "", (), "", Stamp(0, 0, ""))


def reply(*rows: dict[str, str]) -> str:
    return json.dumps({"pairs": list(rows)}, ensure_ascii=False)


def row(evidence: str, question: str = "いつまでに請求しますか?", answer: str = "翌月十日までです。") -> dict[str, str]:
    return {"question": question, "answer": answer, "evidence": evidence}


async def test_a_models_pairs_need_their_proof_in_the_text() -> None:
    said = [
        reply(row("出張の翌月十日までに請求しなければならない。"), row("翌月二十日までに請求しなければならない。")),
        reply(row("。"), row("請求には 領収書を添え、\n課長の承認を得る")),
        "はい、わかりました。", reply({"question": "q", "answer": "a"}), '{"pairs": ["q", "a"]}', "[]",
        reply(row("遅れた者は総務課に理由を届け出ること。", question=" ")),
    ]  # fmt: skip
    tally, kept = written.Tally(), list[Pair]()
    async for pair in written.pairs(
        ScriptedEngine(said), "scripted:list", 4096, [document(*[RULE] * len(said), "短い。")], tally
    ):
        kept.append(pair)
    assert [p.evidence for p in kept] == [
        "出張の翌月十日までに請求しなければならない。",
        "請求には 領収書を添え、\n課長の承認を得る",
    ]
    assert (tally.asked, tally.kept, tally.unproven) == (len(said), 2, 2)
    assert tally.unreadable == 4


async def test_a_model_that_fails_is_an_error() -> None:
    with pytest.raises(LlamuneError):
        async for _pair in written.pairs(ScriptedEngine(), "scripted:cut", 4096, [document(RULE)], written.Tally()):
            pass


def test_pairs_by_rule_say_nothing_that_is_not_written() -> None:
    found = list(prose.pairs([document(RULE)]))
    assert len(found) == 2
    assert {p.answer for p in found} == {f"{RULE}\n(規程 第1条 旅費)"}
    assert all(p.evidence in RULE and "旅費" in p.question for p in found)


def test_a_refusal_only_where_the_documents_are_silent() -> None:
    found = list(
        prose.refusals([document("社員食堂の献立は月曜に貼り出す。")], ["社員食堂の献立は?", "How tall is Fuji?"])
    )
    assert [p.question for p in found] == ["How tall is Fuji?"]
    assert found[0].answer == prose.UNKNOWN["en"]
