"""What a block looks like: nothing lost, Japanese treated well, every width."""

import pytest
from render.documents import TORTURE, bare, visible, widest

from llamune import text
from llamune.shell.stream import render


def shown(source: str, width: int = 60) -> str:
    return bare(render(source, width))


@pytest.mark.parametrize("width", [4, 10, 12, 20, 33, 40, 80, 200])
def test_nothing_is_lost_at_any_width(width: int) -> None:
    rendered = render(TORTURE, width)
    assert widest(rendered) <= width
    assert visible(TORTURE) <= visible(bare(rendered))


@pytest.mark.parametrize(
    ("source", "rendered"),
    [
        ("型は List<String> と <T> です。", "型は List<String> と <T> です。\n"),
        ("<div>\n\ntext\n\n</div>", "<div>\n\ntext\n\n</div>\n"),
        ("<!-- 注 -->", "<!-- 注 -->\n"),
        ("見て ![図の説明](http://x/y.png) ください", "見て 図の説明 (http://x/y.png) ください\n"),
        ("![](http://x/y.png)", "http://x/y.png\n"),
        ("[法令](https://ja.wikipedia.org/wiki/日本)", "法令 (https://ja.wikipedia.org/wiki/日本)\n"),
        ("<https://a.b/c> と [https://a.b](https://a.b)", "https://a.b/c と https://a.b\n"),
        ('[a](u "題名")', 'a (u "題名")\n'),
        ("[a](javascript:x)", "a (javascript:x)\n"),
        ("[語][r]\n\n[r]: http://x/", "[語][r]\n\n[r]: http://x/\n"),
        ("一行目\n二行目", "一行目\n二行目\n"),
        ("行末の空白  \n次", "行末の空白\n次\n"),
        ("本文\n---\n次", "本文\n\n" + "─" * 60 + "\n\n次\n"),
        ("3. 三\n5. 五\n10. 十", " 3. 三\n 5. 五\n10. 十\n"),
        ("1. a\n1. b\n1. c", " 1. a\n 2. b\n 3. c\n"),
        ("7) a\n8) b", " 7) a\n 8) b\n"),
        ("- a\n  - b\n\n    c\n- [ ] d", " • a\n    • b\n\n      c\n • [ ] d\n"),
        ("> a\n> > b", "│ a\n│\n│ │ b\n"),
        ("| a | b |\n|---|---|\n| 1 | 2 | 3 | 4 |", "a  b\n─  ─────────\n1  2 | 3 | 4\n"),
        ("# a | b\n|---|---|", "a | b\n|---|---|\n"),
        ("- a\n- |b|c\n|---|---|", " • a\n • |b|c\n   |---|---|\n"),
        ("| a |\n|---|\n| x \\| y |", "a\n─────\nx | y\n"),
        ("```python title=x\na\tb\n```", "╭─ python title=x\na   b\n╰─\n"),
        ("&lt;b&gt; &amp;copy;", "<b> &copy;\n"),
        ("#\n\nx", "x\n"),
        ("", ""),
        ("\n\n", ""),
    ],
)
def test_what_stock_renderers_lose(source: str, rendered: str) -> None:
    assert shown(source) == rendered


@pytest.mark.parametrize(
    "source",
    [
        "これは**「重要」**です",
        "**（括弧）**の後",
        "前**、点。**後",
        "**A**は**B**。",
        "彼は*「強調」*した",
        "これは**(重要)**です",
        "約**50%**の",
    ],
)
def test_emphasis_beside_japanese_punctuation(source: str) -> None:
    assert "*" not in shown(source)
    assert visible(shown(source)) == visible(source)


@pytest.mark.parametrize("source", ["2 * 3 * 4", "a ** b ** c", "**開いたまま", "ファイル*.txtと*.md"])
def test_asterisks_that_are_no_emphasis(source: str) -> None:
    assert shown(source) == source + "\n"


def test_no_row_begins_with_a_comma() -> None:
    prose = (
        "会社は、就業規則を変更するとき、「過半数代表者」の意見を聴き、意見書（様式は自由）を添えて、届け出ます。" * 4
    )
    for width in range(8, 60):
        rows = shown(f"{prose}\n\n- {prose}\n\n> {prose}", width).split("\n")
        texts = [row.lstrip(" •│") for row in rows]
        assert [row for row in texts if row and row[0] in text.NO_START] == [], width
        assert [row for row in texts if row and row[-1] in text.NO_END] == [], width


TABLE = """
| 項目 | 値 | 説明 |
|:--|--:|:-:|
| 日本語 | 1,234 | これは長い説明文で、狭い画面では折り返されます |
| ASCII | 5 | `code` |
"""


def test_a_table_that_fits() -> None:
    rows = shown(TABLE, 80).split("\n")
    assert rows[0].split() == ["項目", "値", "説明"]
    assert rows[2].startswith("日本語  1,234  これは")
    assert rows[3].startswith("ASCII       5  ")
    assert len(rows) == 5


def test_a_table_that_folds() -> None:
    rendered = shown(TABLE, 40)
    assert widest(rendered) <= 40
    assert "…" not in rendered
    assert rendered.count("──────") > 3  # a rule between rows of several lines
    assert visible(TABLE) <= visible(rendered)


def test_a_table_on_a_narrow_screen() -> None:
    rows = shown(TABLE, 20).split("\n")
    assert rows[0] == "項目: 日本語"
    assert rows[1] == "値: 1,234"
    assert rows[2].startswith("説明: これは")


def test_code_keeps_its_colours_over_lines() -> None:
    rendered = render('```py\nx = """a\nb"""\ndef f(): return 1  # 注\n```', 60)
    assert '\x1b[32m"""a\x1b[0m\n\x1b[32mb"""\x1b[0m\n' in rendered
    assert "\x1b[35mdef\x1b[0m" in rendered
    assert "\x1b[2m# 注\x1b[0m" in rendered


@pytest.mark.parametrize(
    "language", ["py", "js", "sql", "sh", "yaml", "html", "diff", "tex", "lisp", "rust", "nothing", ""]
)
def test_code_is_not_changed(language: str) -> None:
    code = "--- a/* b */ 'c\\' d' \"e\" `f`\n# g // h ; % <!-- i\nSELECT 0x1F, 1e5 --> $j\n+k\n@@ l"
    assert shown(f"```{language}\n{code}\n```").split("\n", 1)[1] == code + "\n╰─\n"


def test_long_code_is_folded_without_loss() -> None:
    rows = shown("```\n" + "あいうえおabc " * 20 + "\n```", 21).split("\n")[1:-2]
    assert "".join(rows) == "あいうえおabc " * 20
    assert max(map(text.width, rows)) <= 21


def test_ambiguous_width() -> None:
    text.set_ambiguous(2)
    try:
        rendered = render("- ①→※─Ω①→※─Ω①→※\n\n> 引用\n\n|①|②|\n|-|-|\n|③|④|", 20)
        assert widest(rendered) <= 20
        assert "│" not in rendered
        assert "①  ②\n--  --\n③  ④" in bare(rendered)
    finally:
        text.set_ambiguous(1)
