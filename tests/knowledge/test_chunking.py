"""Cutting documents: nothing lost, nothing over the size, keys that stay, cuts where the text pauses."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamune.knowledge.chunking import SMALLEST, Chunk, chunks
from llamune.sources.document import Document, Section, Stamp


def of(*sections: Section, title: str = "旅費規程") -> Document:
    return Document("/規程/旅費.md", "旅費.md", title, sections, "", "", "", (), "", Stamp(1, 1, ""))


def characters(text: str) -> int:
    """Every character a token, between the two marks of a BERT."""
    return len(text) + 2


def octets(text: str) -> int:
    """A byte-level model without merges."""
    return len(text.encode())


def pieces_of_words(text: str) -> int:
    """A few letters per token, Japanese by pairs; the sum over parts is more than the whole."""
    return sum(-(-len(word) // 3) for word in re.findall(r"\w+|\S", text)) + 1


COUNTERS = [characters, octets, pieces_of_words]
TEXTS = st.text(st.sampled_from("あ第条漢字。、\n 　|aB1.,!🧑‍🚒か\u3099\t"), max_size=400)
SECTIONS = st.builds(
    Section,
    text=TEXTS,
    path=st.lists(st.text("章条あa ", min_size=1, max_size=30), max_size=3).map(tuple),
    kind=st.sampled_from(["text", "table", "code"]),
    header=st.sampled_from(["", "品目 | 額", "とても長い見出し | " * 9]),
    line=st.sampled_from([None, 1]),
)


def bare(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("count", COUNTERS)
@given(sections=st.lists(SECTIONS, max_size=4), size=st.integers(SMALLEST, 120), title=st.text("題あa", max_size=60))
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_and_nothing_is_over_the_size(count: Callable[[str], int], sections, size, title):
    for section in sections:
        found = chunks(of(section, title=title), size, count)
        assert all(chunk.tokens == count(chunk.embedded) <= size for chunk in found)
        head = section.header if found and all(c.text.startswith(section.header + "\n") for c in found) else ""
        kept = "".join(bare(chunk.text.removeprefix(head)) for chunk in found)
        whole = bare(section.text) if head or not bare(section.text) else bare(section.header + section.text)
        assert kept == whole or (not section.text.strip() and kept == bare(section.header))
    keys = [chunk.key for chunk in chunks(of(*sections, title=title), size, count)]
    assert len(set(keys)) == len(keys)


@given(st.lists(SECTIONS, min_size=2, max_size=4), st.integers(SMALLEST, 60))
@settings(max_examples=60, deadline=None)
def test_a_changed_section_leaves_the_keys_of_the_others(sections, size):
    before = chunks(of(*sections), size, characters)
    changed = chunks(of(Section("新しい条文。", ("まったく新しい条",)), *sections), size, characters)
    assert {chunk.key for chunk in before} <= {chunk.key for chunk in changed}
    assert [chunk.key for chunk in before] == [chunk.key for chunk in chunks(of(*sections), size, characters)]


def test_another_text_or_another_header_is_another_key():
    def key(text: str, header: str) -> str:
        return chunks(of(Section(text, ("第1条",), "table", header)), 100, len)[0].key

    assert len({key("文具 | 300円", "品 | 額"), key("文具 | 400円", "品 | 額"), key("文具 | 300円", "品 | 月額")}) == 3


def texts(*sections: Section, size: int) -> list[str]:
    return [chunk.text for chunk in chunks(of(*sections, title=""), size, len)]


def test_cuts_stand_where_the_text_pauses():
    text = "一つ目の文。二つ目の文である。\n次の行。\n\n次の段落、とても長い文がここに続いていくので、読点で切る。"
    assert texts(Section(text), size=20) == [
        "一つ目の文。二つ目の文である。",
        "次の行。",
        "次の段落、",
        "とても長い文がここに続いていくので、",
        "読点で切る。",
    ]


def test_a_clause_is_never_joined_with_the_next():
    found = chunks(of(Section("短い。", ("第1条",)), Section("短い。", ("第2条",))), 100, len)
    assert [(c.section, c.context, c.text) for c in found] == [
        ("第1条", "旅費規程 › 第1条", "短い。"),
        ("第2条", "旅費規程 › 第2条", "短い。"),
    ]


def test_every_piece_of_a_table_has_the_header():
    rows = "\n".join(f"D-{n} | {n}00円" for n in range(6))
    found = texts(Section(rows, (), "table", "番号 | 額"), size=40)
    assert len(found) > 1
    assert all(text.startswith("番号 | 額\nD-") for text in found)


def test_every_piece_of_a_sheet_says_its_rows():
    rows = "\n".join(f"D-{n} | {n}00円" for n in (1, 2, 2, 2, 2, 3))
    found = chunks(of(Section(rows, ("日当",), "table", "番号 | 額", row=5)), 40, len)
    assert [c.section for c in found] == ["日当 › rows 5–6", "日当 › rows 7–8", "日当 › rows 9–10"]
    wide = chunks(of(Section("1 | 2", (), "table", "とても長い見出し | " * 4, row=2)), 40, len)
    assert [c.section for c in wide] == ["row 1", "row 1", "row 2"]


def test_code_is_cut_between_blocks_and_says_its_lines():
    code = "def f():\n    a = 1\n\n    b = 2\n    c = 3\n\n    return a"
    found = chunks(of(Section(code, ("f",), "code", line=10), title=""), 28, len)
    assert [(chunk.line, chunk.text) for chunk in found] == [
        (10, "def f():\n    a = 1"),
        (13, "    b = 2\n    c = 3"),
        (16, "    return a"),
    ]


def test_a_very_long_text_without_any_pause_is_counted_in_pieces():
    longest = 0

    def count(text: str) -> int:
        nonlocal longest
        longest = max(longest, len(text))
        return len(text)

    found: list[Chunk] = chunks(of(Section("語" * 300_000)), 100, count)
    assert sum(len(chunk.text) for chunk in found) == 300_000
    assert longest < 10_000
