"""An answer that arrives in pieces ends as the same rows as the whole one, and nothing printed ever changes."""

import random
import re

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render.documents import TORTURE, as_a_whole, bare, random_document, streamed, visible, widest

from llamune import text
from llamune.shell.stream import AnswerStream, render, thinking

WIDTHS = (20, 40, 80, 120)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", [1, 2, 7])
def test_streamed_is_the_same_as_whole(width: int, size: int) -> None:
    whole = as_a_whole(TORTURE, width)
    assert streamed(TORTURE, width, lambda: size) == whole
    assert render(TORTURE, width) == whole


@pytest.mark.parametrize("fence", ["```", "~~~~", "  ```", "- ```", "> ```"])
@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_code_blocks(fence: str, close: bool, size: int) -> None:
    inside = {"- ": "  ", "> ": "> "}.get(fence[:2], "")
    code = ['"""doc', '  日本"""', "", "\ttabbed = 1  # 注", "  ``", "x" * 100, ""]
    source = f"前\n{fence}python title\n" + "".join(f"{inside}{line}\n" for line in code)
    source += f"{inside}{fence.strip('->')}\n後\n" if close else "  "
    for width in WIDTHS:
        assert streamed(source, width, lambda: size) == as_a_whole(source, width)


@pytest.mark.parametrize("source", ["- a\n- |b|c\n|---|---|\n- d\n", "# |x\n|---|---|\n", "``` |x\n|---|---|\n"])
def test_a_line_of_dashes_makes_no_table_of_a_printed_line(source: str) -> None:
    for size in (1, 3, 5):
        assert streamed(source, 40, lambda size=size: size) == as_a_whole(source, 40)  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(200))
def test_random_documents(seed: int) -> None:
    source = random_document(seed)
    sizes = random.Random(seed)
    width = sizes.choice([4, 8, 20, 40, 80])
    whole = as_a_whole(source, width)
    assert streamed(source, width, lambda: sizes.choice([1, 2, 7, 30]), rows=8) == whole
    assert render(source, width) == whole
    assert widest(whole) <= width
    assert visible(text.clean(source)) <= visible(bare(whole))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120), st.integers(4, 100), st.integers(1, 9))
def test_any_text(source: str, width: int, size: int) -> None:
    whole = as_a_whole(source, width)
    assert streamed(source, width, lambda: size, rows=5) == whole
    if "&" not in source:  # an entity stands for another character
        assert visible(text.clean(source)) <= visible(bare(whole))


class Terminal:
    """A terminal under a program that prints above a preview, as the shell does."""

    def __init__(self, columns: int, rows: int) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=20_000, ratio=0.5)
        self._stream = pyte.Stream(self.screen)
        self._below = 0

    def show(self, settled: str, preview: list[str]) -> None:
        up = f"\x1b[{self._below}A" if self._below else ""
        rows = "".join(row + "\n" for row in preview)
        self._stream.feed((f"{up}\r\x1b[J{settled}{rows}").replace("\n", "\r\n"))
        self._below = len(preview)

    def rows(self) -> list[str]:
        lines = [*self.screen.history.top, *(self.screen.buffer[y] for y in range(self.screen.lines))]
        shown = ["".join(line[x].data for x in range(self.screen.columns)).rstrip() for line in lines]
        return "\n".join(shown).rstrip("\n").split("\n")


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_screen_ends_the_same(columns: int) -> None:
    streamed_on, whole_on = Terminal(columns, 24), Terminal(columns, 24)
    stream = AnswerStream(columns)
    for at in range(0, len(TORTURE), 5):
        streamed_on.show(stream.feed(TORTURE[at : at + 5]), stream.preview(18))
    streamed_on.show(stream.end(), [])
    whole_on.show(render(TORTURE, columns), [])
    assert streamed_on.rows() == whole_on.rows()
    assert streamed_on.rows() == [row.rstrip() for row in bare(render(TORTURE, columns)).rstrip("\n").split("\n")]


def test_settled_text_comes_early() -> None:
    stream = AnswerStream(40)
    assert stream.feed("# 見出し") == ""
    assert bare(stream.feed("\n")) == "見出し\n"
    assert stream.feed("本文です。\n") == ""  # a table may begin on this line
    assert bare(stream.feed("\n")) == "本文です。\n"
    assert stream.feed("- 一\n") == ""
    assert bare(stream.feed("- 二\n")) == "\n • 一\n"
    assert bare(stream.feed("```py\n")) == " • 二\n\n╭─ py\n"
    assert bare(stream.feed("x = 1\ny")) == "x = 1\n"
    assert stream.preview(5) == ["y"]
    assert bare(stream.end()) == "y\n╰─\n"
    assert stream.end() == ""


def test_the_width_may_change_on_the_way() -> None:
    stream = AnswerStream(40)
    first = stream.feed("あ" * 30 + "\n\nい")
    stream.width = 20
    rest = stream.feed("い" * 29 + "\n\n") + stream.end()
    assert widest(first) == 40
    assert widest(rest) == 20
    assert visible(bare(first + rest)) == visible("あ" * 30 + "い" * 30)


@pytest.mark.parametrize("rows", [1, 5, 18])
def test_previews_of_long_blocks(rows: int) -> None:
    table = "| 項目 | 値 |\n|---|---|\n" + "".join(f"| 行{n} | {n} |\n" for n in range(300))
    code = "1. 手順\n\n   ```sh\n" + "".join(f"   # step {n}\n" for n in range(100))
    stream = AnswerStream(40)
    stream.feed(table)
    shown = [bare(row) for row in stream.preview(rows)]
    assert len(shown) == rows
    assert shown[-1].split() == ["行299", "299"]
    stream = AnswerStream(40)
    stream.feed(code)
    shown = [bare(row) for row in stream.preview(rows)]
    assert len(shown) == rows
    if rows > 1:
        assert shown[-2] == "# step 99"  # code, not a heading
    assert AnswerStream(40).preview(rows) == []
    assert stream.preview(0) == []


def test_escape_sequences_over_pieces() -> None:
    stream = AnswerStream(40, color=False)
    out = "".join(stream.feed(c) for c in "a\x1b]52;c;cm0=\x07b &#x202e;c &#27;[31m `&#x1b;`\n") + stream.end()
    assert out == "ab c \ufffd[31m `&#x1b;`\n"


def test_plain_text() -> None:
    stream = AnswerStream(40, markdown=False)
    assert stream.feed("# a **b**\x1b[31m\nrest") == "# a **b**\n"
    assert stream.preview(3) == ["rest"]
    assert stream.end() == "rest\n"
    assert stream.end() == ""


def test_without_colour_there_is_no_escape() -> None:
    shown = render(TORTURE, 60, color=False)
    assert "\x1b" not in shown
    assert "# 見出し1\n" in shown
    assert "**重要**" in shown
    assert "`List<String>`" in shown
    assert re.search(r"\x1b\[1m", render(TORTURE, 60))


def test_ascii_signs() -> None:
    source = "- a\n\n> b\n\n---\n\n```\nc\n```\n\n|a|\n|-|\n|b|\n"
    assert render(source, 30, color=False, glyphs=text.ASCII_GLYPHS).isascii()


def test_thinking() -> None:
    rows = thinking("# まず\x1b[31m、「考え」ます。\n\n次", 12)
    assert [bare(row) for row in rows] == ["# まず、「考", "え」ます。", "", "次"]
    assert rows[0].startswith("\x1b[2m")
    assert thinking("a", 12, color=False) == ["a"]


HOSTILE = {
    "one line": "あ" * 50_000,
    "one word": "x" * 50_000,
    "3,000 columns": "|" + "a|" * 3_000 + "\n|" + "-|" * 3_000 + "\n|" + "b|" * 3_000 + "\n",
    "one row of 5,000 cells": "|a|b|\n|-|-|\n|" + "い|" * 5_000 + "\n",
    "one long cell": "|a|b|\n|-|-|\n|" + "い" * 10_000 + "|c|\n",
    "deep quotes": ">" * 5_000 + " x\n" + "> " * 300 + "y\n",
    "deep lists": "".join("  " * n + "- x\n" for n in range(300)),
    "lists on one line": "- " * 3_000 + "x\n",
    "unclosed code": "```py\n" + "x = '1'\n" * 5_000,
    "one line of code": "```js\n" + "`a' /* " * 8_000 + "\n```",
    "marks": "#" * 5_000 + "\n\n" + "*" * 5_000 + "\n\n" + "[" * 5_000 + "\n\n" + "`a" * 2_000 + "\n\n" + "![" * 5_000,
    "half emphasis": "*a**b_c~~d" * 1_000,
    "half links": "[x](" * 2_000 + "\n\n" + "[" * 250 + "x" + "](u)" * 250,
    "NUL": "a\0" * 20_000,
    "tabs": "\t" * 5_000 + "x\n",
    "controls": "\x1b]" * 5_000 + "\x9d" * 10_000 + "\n" + "\x1b[1;" * 5_000,
    "line ends": "\n" * 50_000 + "x",
    "combining marks": "e" + "\u0301" * 20_000,
    "empty items": "-\n" * 3_000,
    "long list": "1. 項目\n" * 3_000,
    "long table": "|項目|値|\n|---|---|\n" + "|日本語|1|\n" * 1_500,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts(source: str) -> None:
    whole = render(source, 40)
    assert streamed(source, 40, lambda: len(source) // 6, rows=18) == whole
    assert widest(whole) <= 40
    assert visible(text.clean(source)) <= visible(bare(whole))


def test_the_work_grows_with_the_text_only() -> None:
    """Counts the characters that the block parser is given, as time would depend on the machine."""

    def parsed(source: str) -> int:
        stream = AnswerStream(40)
        total, parse = 0, stream._blocks.parse

        def counting(text: str, env: dict[str, object]) -> object:
            nonlocal total
            total += len(text)
            return parse(text, env)

        stream._blocks.parse = counting  # type: ignore[method-assign, assignment]
        for at in range(0, len(source), 20):
            stream.feed(source[at : at + 20])
        stream.end()
        return total

    for block in ("- 項目です。\n", "日本語の行です。\n", "段落です。\n\n", "```\nコード\n```\n", "|項目|値|\n"):
        assert parsed(block * 1_600) < 12 * parsed(block * 200), block
