"""Text for a terminal: what is removed, how wide it is, where it breaks."""

import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamune import text

FAMILY = "👨\u200d👩\u200d👧"


@pytest.fixture
def two_columns():
    """A terminal that gives two columns to ambiguous characters."""
    text.set_ambiguous(2)
    yield
    text.set_ambiguous(1)


CLEANED = {
    "CSI colour": ("a\x1b[31mb\x1b[0mc", "abc"),
    "CSI clear screen and home": ("\x1b[2J\x1b[Ha", "a"),
    "CSI cursor position request": ("a\x1b[6nb", "ab"),
    "CSI as C1": ("a\x9b31mb", "ab"),
    "CSI without end": ("a\x1b[31", "a31"),
    "OSC title": ("a\x1b]0;owned\x07b", "ab"),
    "OSC 52 clipboard": ("a\x1b]52;c;cm0gLXJmIC8=\x1b\\b", "ab"),
    "OSC 8 link": ("\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text"),
    "OSC as C1": ("a\x9d0;owned\x9cb", "ab"),
    "OSC without end goes to the line's end": ("a\x1b]0;owned\nb", "a\nb"),
    "DCS PM APC SOS": ("a\x1bPq#0\x1b\\b\x1b^x\x1b\\c\x1b_x\x1b\\d\x1bXx\x1b\\e", "abcde"),
    "DCS PM APC SOS as C1": ("a\x90q\x9cb\x9ex\x9cc\x9fx\x9cd\x98x\x9ce", "abcde"),
    "ESC and a letter": ("a\x1bcb\x1b7c", "abc"),
    "ESC and a character set": ("a\x1b(Bb", "ab"),
    "ESC at the end": ("a\x1b", "a"),
    "ESC before Japanese": ("a\x1b日本", "a日本"),
    "NUL BS DEL BEL": ("a\x00b\x08c\x7fd\x07e", "abcde"),
    "other C0 and C1": ("a\x01\x0b\x0c\x0e\x1fb\x80\x84\x99c", "abc"),
    "TAB and LF stay": ("a\tb\nc", "a\tb\nc"),
    "CR LF": ("a\r\nb", "a\nb"),
    "CR alone cannot overwrite a line": ("visible\rhidden", "visible\nhidden"),
    "NEL and Unicode line ends": ("a\x85b\u2028c\u2029d", "a\nb\nc\nd"),
    "bidirectional overrides": ("a\u202e\u202d\u202a\u202b\u202cb\u2066\u2067\u2068\u2069c", "abc"),
    "LRM RLM ALM": ("a\u200e\u200f\u061cb", "ab"),
    "byte order mark": ("\ufeffab", "ab"),
    "annotations and language tag": ("a\ufff9b\ufffac\ufffbd\U000e0001e", "abcde"),
    "half a surrogate pair": ("a\ud83db", "a\ufffdb"),
    "more than four marks in a row": ("e" + "\u0301" * 40 + "x", "e" + "\u0301" * 4 + "x"),
    "marks with controls between them": ("e" + "\u0301\x1b[m" * 40, "e" + "\u0301" * 4),
    "joined emoji": (FAMILY, FAMILY),
    "variation selectors and keycaps": ("❤️ ☺︎ 1️⃣", "❤️ ☺︎ 1️⃣"),
    "flags": ("🇯🇵 🏴\U000e0067\U000e0062\U000e007f", "🇯🇵 🏴\U000e0067\U000e0062\U000e007f"),
    "combined kana": ("か\u3099ぱ", "か\u3099ぱ"),
    "ideographic variation": ("葛\U000e0100城", "葛\U000e0100城"),
}


@pytest.mark.parametrize(("raw", "shown"), CLEANED.values(), ids=CLEANED.keys())
def test_clean(raw: str, shown: str) -> None:
    assert text.clean(raw) == shown
    assert text.clean(shown) == shown  # what is clean stays as it is
    assert text.clean(raw).encode("utf-8")


@pytest.mark.parametrize(("raw", "shown"), CLEANED.values(), ids=CLEANED.keys())
def test_cleaning_piece_by_piece(raw: str, shown: str) -> None:
    for at in range(len(raw) + 1):
        cleaner = text.Cleaner()
        assert cleaner.feed(raw[:at]) + cleaner.feed(raw[at:]) + cleaner.end() == shown, at
    cleaner = text.Cleaner()
    assert "".join(cleaner.feed(c) for c in raw) + cleaner.end() == shown


NASTY = st.text(
    st.sampled_from("\x1b[]PX^_0123;m(\\\x07\x9c\x9d\x90\x9b\r\n あaB\u3099\u0301\u2028\ud800👨\u200d"), max_size=40
)


@settings(max_examples=400, deadline=None)
@given(st.lists(NASTY, max_size=8))
def test_cleaning_does_not_depend_on_the_pieces(pieces: list[str]) -> None:
    cleaner = text.Cleaner()
    assert "".join(map(cleaner.feed, pieces)) + cleaner.end() == text.clean("".join(pieces))


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_nothing_that_a_terminal_obeys_comes_through(raw: str) -> None:
    shown = text.clean(raw)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    assert "\n" not in text.one_line(raw)


def test_a_sequence_that_never_ends_does_not_hide_the_rest() -> None:
    raw = "before\x1b]0;" + "x" * 10_000 + "after\n"
    cleaner = text.Cleaner()
    shown = "".join(cleaner.feed(c) for c in raw)
    assert shown == text.clean(raw)
    assert shown.startswith("before")
    assert shown.endswith("after\n")


def test_one_line() -> None:
    assert text.one_line(" a\n\n b\t\tc\r\x1b[2Jd　e ") == "a b c d　e"


# widths


@pytest.mark.parametrize(
    ("shown", "columns"),
    [
        ("abc", 3),
        ("日本語", 6),
        ("ｱｲｳ", 3),
        ("か\u3099", 2),
        (FAMILY, 2),
        ("🇯🇵", 2),
        ("❤️", 2),
        ("①─★", 3),
        ("", 0),
        ("a\tb", 2),
    ],
)
def test_width(shown: str, columns: int) -> None:
    assert text.width(shown) == columns


@pytest.mark.usefixtures("two_columns")
def test_ambiguous_width_two() -> None:
    assert text.width("①→※─Ω") == 10
    assert text.cut("①②③④", 6) == "①②…"
    assert text.wrap("①②③④", 4) == ["①②", "③④"]
    assert text.glyphs("utf-8") == text.ASCII_GLYPHS


@pytest.mark.parametrize(
    ("whole", "columns", "short"),
    [
        ("日本語", 6, "日本語"),
        ("日本語です", 7, "日本語…"),
        ("日本語です", 6, "日本…"),
        ("abcdef", 4, "abc…"),
        ("abc def", 5, "abc…"),
        (FAMILY * 3, 5, FAMILY * 2 + "…"),
        ("日本", 1, "…"),
        ("日本", 0, ""),
    ],
)
def test_cut(whole: str, columns: int, short: str) -> None:
    assert text.cut(whole, columns) == short
    assert text.width(text.pad(whole, columns)) == columns


def test_cut_with_a_long_ellipsis() -> None:
    assert text.cut("abcdef", 5, "...") == "ab..."
    assert text.cut("abcdef", 2, "...") == "ab"


# line breaking

PROSE = (
    "会社は、就業規則を変更するとき、「過半数代表者」の意見を聴き、意見書（様式は自由）を添えて、労働基準監督署へ届け出ます。"
    "ユーザーはhttps://example.com/path/to?q=1を参照し、キャッシュを消してください！なお、Python 3.11以上が必要です…。"
    "『吾輩は猫である。』とは、夏目漱石のデビュー作（1905年）で、価格は￥1,200、割引は10％でした。々々の字もあります。"
)


BEGINS_NO_ROW = "、。，．・：；？！）］｝」』】〕〉》ー…ァィゥェォッャュョぁぃぅぇぉっゃゅょ々ゝヽ,.)]!?:;%％"
ENDS_NO_ROW = "（［｛「『【〔〈《([{￥$"


@pytest.mark.parametrize("columns", [8, 11, 20, 31, 40, 77])
def test_kinsoku(columns: int) -> None:
    random.seed(columns)
    for _ in range(40):
        start = random.randrange(len(PROSE))
        prose = (PROSE[start:] + PROSE[:start]).lstrip("".join(text.NO_START))
        rows = text.wrap(prose, columns)
        assert "".join(rows).replace(" ", "") == prose.replace(" ", "")
        assert max(map(text.width, rows)) <= columns
        assert [row for row in rows[1:] if row[0] in BEGINS_NO_ROW] == []
        assert [row for row in rows[:-1] if row[-1] in ENDS_NO_ROW] == []


def test_every_sign_of_kinsoku() -> None:
    for sign in BEGINS_NO_ROW:
        assert text.wrap(f"あいうえ{sign}お", 8) == ["あいう", f"え{sign}お"], sign
    for sign in ENDS_NO_ROW:
        assert text.wrap(f"あいう{sign}えお", 8)[1].startswith(sign), sign


def test_words_stay_whole_where_they_fit() -> None:
    assert text.wrap("これはexample.comです", 14) == ["これは", "example.comで", "す"]
    assert text.wrap("one two  three", 7) == ["one two", "three"]
    assert text.wrap("Привет, мир", 8) == ["Привет,", "мир"]
    assert text.wrap("abcdefgh", 3) == ["abc", "def", "gh"]
    assert text.wrap("a\n\nb", 3) == ["a", "", "b"]


def test_what_must_not_break_breaks_somewhere() -> None:
    rows = text.wrap("」" * 30, 10)
    assert "".join(rows) == "」" * 30
    assert max(map(text.width, rows)) <= 10
    assert text.wrap("日本", 1) == ["日", "本"]  # wider than the screen: there is nothing better


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("あ、「」（)ab. -👨\u200dか\u3099①ー"), max_size=60), st.integers(2, 30))
def test_wrapping_loses_nothing_and_fits(prose: str, columns: int) -> None:
    rows = text.wrap(prose, columns)
    assert "".join(rows).replace(" ", "") == prose.replace(" ", "")
    assert max(map(text.width, rows)) <= columns
    folded = [0, *text.folds(prose, columns), len(prose)]
    pieces = [prose[a:b] for a, b in itertools.pairwise(folded)]
    assert max(map(text.width, pieces)) <= columns


# words for people


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("就業規則の変更に必要な手続きは?", "就業規則の変更に必要な手続きは?"),
        ("退職金の計算を教えてください。勤続は10年です。", "退職金の計算を教えてください"),
        ("こんにちは。変更の手続きは？教えて。", "こんにちは。変更の手続きは？"),
        ("\n\n# 見出し\n本文", "見出し"),
        ("How do I compare models? I have three.", "How do I compare models?"),
        ("Python 3.11 is good. And so on.", "Python 3.11 is good"),
        ("「はい。」と答えた理由を述べよ。以上。", "「はい。」と答えた理由を述べよ"),
        ("\x1b]0;owned\x07a\x1b[31mb", "ab"),
        ("あ" * 60, "あ" * 19 + "…"),
        ("", ""),
    ],
)
def test_title(question: str, title: str) -> None:
    assert text.title_of(question) == title


def test_sizes_and_times() -> None:
    sizes = [0, 999, 1000, 9_949, 9_960, 123_456_789, 999_600_000, 5_200_000_000]
    assert [text.size(n) for n in sizes] == ["0 B", "999 B", "1.0 kB", "9.9 kB", "10 kB", "123 MB", "1.0 GB", "5.2 GB"]
    times = [0, 20, 94, 97, 4_900, 9_960, 75_000, 119_600, 200_000, 3_599_700, 3_900_000]
    shown = [
        "0.00 s",
        "0.02 s",
        "0.09 s",
        "0.1 s",
        "4.9 s",
        "10 s",
        "75 s",
        "2 min 00 s",
        "3 min 20 s",
        "1 h 00 min",
        "1 h 05 min",
    ]
    assert [text.seconds(ms) for ms in times] == shown


def test_signs() -> None:
    assert text.glyphs("UTF-8").prompt == "❯"
    for encoding in ("cp932", "ascii", "latin-1", "", None):
        signs = text.glyphs(encoding)
        assert all(str(getattr(signs, name)).isascii() for name in signs.__dataclass_fields__)
