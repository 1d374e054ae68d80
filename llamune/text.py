"""Text for a terminal: made safe, measured, cut and wrapped, with Japanese in mind.

A leaf on the standard library and wcwidth. Whatever reaches a terminal passes `clean` (or `one_line`, `Cleaner`): a
model, a file name or a pasted question may hold escape sequences, and a terminal obeys them. The store keeps texts as
they came. Widths are display columns, not characters.

One choice is process-wide, like the terminal it describes: how wide the "ambiguous" characters (①, ─, ★, Greek …) are.
This module knows no colours and no Markdown (see shell/).
"""

import itertools
import re
from dataclasses import dataclass
from typing import Literal

# What is not for a terminal: C0 and C1 controls but TAB and LF, bidirectional overrides, byte order marks, annotations.
_MAP: dict[int, int | None] = dict.fromkeys(
    (
        *range(9), *range(0x0B, 0x20), 0x7F, *range(0x80, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F),
        *range(0x2066, 0x206A), 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0020),
    )
)  # fmt: skip
_MAP |= dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)  # half a surrogate pair cannot be written as UTF-8
_MAP |= {0x2028: 10, 0x2029: 10, 0x85: 10}

_LIMIT = 4096  # characters of a control string (OSC, DCS …); one that is longer is not held back for its end
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,256}+[ -/]{0,16}+[@-~]"  # CSI
    rf"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{{0,{_LIMIT}}}+(?:\x07|\x1b\\|\x9c)?"  # OSC DCS SOS PM APC
    r"|\x1b[ -/]{0,16}[0-~]?"  # all other escapes
    r"|\r\n?"
)
_UNFINISHED = re.compile(
    r"(?:\r"
    r"|(?:\x1b\[|\x9b)[0-?]{0,256}+[ -/]{0,16}+"
    rf"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{{0,{_LIMIT}}}+\x1b?"
    r"|\x1b[ -/]{0,16})\Z"
)
_MARK = (
    r"\u0300-\u036f\u0483-\u0489\u0610-\u061a\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff"
    r"\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef"
)
_FLOOD = re.compile(f"([{_MARK}]{{4}})[{_MARK}]+")  # more marks than four pile up over the rows above
_LAST_MARKS = re.compile(f"[{_MARK}]{{1,4}}\\Z")
_SUSPECT = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb"
    rf"\U000e0000-\U000e001f{_MARK}]"
)

# Kinsoku: no line begins with one of these, none ends with one of those (JIS X 4051, ASCII and half-width twins added).
NO_START = frozenset(
    "、。，．,.・：；:;?!？！）)]］｝}〕〉》」』】〙〗〟’”»ヽヾゝゞーァィゥェォッャュョヮヵヶぁぃぅぇぉっゃゅょゎゕゖ々〻゛゜%％‰℃…‥〜～‐–゠"
    "｡､｣ﾞﾟｧｨｩｪｫｬｭｮｯｰ"
)
NO_END = frozenset("（([［｛{〔〈《「『【〘〖〝‘“«｢￥$＄")
_JOINED = frozenset("_'-/.:=&?#%+~@")  # inside words, paths and addresses

_ambiguous: Literal[1, 2] = 1


def set_ambiguous(width: Literal[1, 2]) -> None:
    """Says how many columns the terminal gives to characters of ambiguous width: 2 in some Asian set-ups."""
    global _ambiguous
    _ambiguous = width


# making safe


def clean(text: str) -> str:
    """`text` without anything a terminal would obey; line ends become LF, TAB and LF stay.

    Removed with their content: escape sequences (an unfinished one up to the line's end). Removed: other controls,
    bidirectional overrides, byte order marks. Replaced by U+FFFD: halves of surrogate pairs. Cut: combining marks after
    the fourth in a row. Joined emoji, variation selectors, flags and か+U+3099 stay as they are.
    """
    return text if not _SUSPECT.search(text) else _FLOOD.sub(r"\1", _without_controls(text))


def _without_controls(text: str) -> str:
    return _SEQUENCE.sub(lambda m: "\n" if m[0][0] == "\r" else "", text).translate(_MAP)


class Cleaner:
    """`clean` for a text that comes in pieces: the joined results are what `clean` makes of the joined pieces."""

    def __init__(self) -> None:
        self._held = ""  # the beginning of a sequence whose end has not come
        self._marks = ""  # combining marks at the end of what was given out: the limit of four goes on

    def feed(self, piece: str) -> str:
        """What can be shown after one more piece; may be empty."""
        text = self._held + piece
        tail = max(0, len(text) - _LIMIT - 300)
        match = _UNFINISHED.search(text, tail)
        cut = match.start() if match else len(text)
        self._held = text[cut:]
        return self._give(text[:cut])

    def end(self) -> str:
        """What is left when no more comes."""
        held, self._held = self._held, ""
        return self._give(held)

    def _give(self, text: str) -> str:
        if not text or (not self._marks and not _SUSPECT.search(text)):
            return text
        whole = _FLOOD.sub(r"\1", self._marks + _without_controls(text))
        given = whole[len(self._marks) :]
        if given or self._marks:
            match = _LAST_MARKS.search(whole)
            self._marks = match[0] if match else ""
        return given


def one_line(text: str) -> str:
    """`text` cleaned and on one line, for titles, lists and toolbars; runs of line ends, tabs and blanks become one."""
    return re.sub(r"[ \t\n]+", " ", clean(text)).strip()


# measuring, cutting, wrapping


def width(text: str) -> int:
    """Display columns of a cleaned text without line ends; controls count as nothing."""
    if text.isascii() and text.isprintable():
        return len(text)
    from wcwidth import wcswidth  # its tables are large: a one-shot in English does without

    columns = wcswidth(text, ambiguous_width=_ambiguous)
    return columns if columns >= 0 else sum(columns for _, columns in _graphemes(text))


def _graphemes(text: str) -> list[tuple[str, int]]:
    """The user's characters with their columns; joined emoji and combining marks are not taken apart."""
    from wcwidth import iter_graphemes, wcswidth

    two = _ambiguous
    return [(g, 1 if " " <= g <= "~" else max(0, wcswidth(g, ambiguous_width=two))) for g in iter_graphemes(text)]


def cut(text: str, columns: int, ellipsis: str = "…") -> str:
    """`text` in at most `columns` columns; `ellipsis` stands for what was cut off, where there is room for it."""
    if width(text) <= columns:
        return text
    room = columns - width(ellipsis)
    if room < 0:
        room, ellipsis = columns, ""
    used, end = 0, 0
    for grapheme, wide in _graphemes(text):
        if used + wide > room:
            break
        used, end = used + wide, end + len(grapheme)
    return text[:end].rstrip() + ellipsis


def pad(text: str, columns: int) -> str:
    """`text` cut or filled with blanks to exactly `columns` columns."""
    short = cut(text, columns)
    return short + " " * (columns - width(short))


def breaks(text: str, columns: int) -> list[int]:
    """Where to break one line of text, as indices at which a new row begins.

    Japanese breaks between any two characters but for kinsoku, other scripts at blanks; what cannot be broken well is
    folded. Blanks at a break may stand beyond the last column: the caller drops them. Runs made of nothing but
    forbidden characters still break somewhere.
    """
    if width(text) <= columns:
        return []
    spans = _graphemes(text)
    return _divide(spans, columns)


def folds(text: str, columns: int) -> list[int]:
    """Like `breaks`, but at the last column that fits, wherever that is: for code."""
    if width(text) <= columns:
        return []
    found: list[int] = []
    used = position = 0
    for grapheme, wide in _graphemes(text):
        if used and used + wide > columns:
            found.append(position)
            used = 0
        used, position = used + wide, position + len(grapheme)
    return found


def _divide(spans: list[tuple[str, int]], columns: int) -> list[int]:
    offsets = [0]
    for grapheme, _ in spans:
        offsets.append(offsets[-1] + len(grapheme))
    found: list[int] = []
    line = used = i = 0  # the first grapheme of this row, its columns so far, the grapheme in question
    while i < len(spans):
        grapheme, wide = spans[i]
        if used + wide <= columns or grapheme == " " or i == line:
            used, i = used + wide, i + 1
            continue
        line = _break_before(spans, line, i)
        found.append(offsets[line])
        used = sum(wide for _, wide in spans[line:i])
    return found


def _break_before(spans: list[tuple[str, int]], line: int, i: int) -> int:
    """The grapheme that begins the next row, when number `i` does not fit on the row that begins at `line`."""
    j = i
    while j > line + 1 and not _may_break(spans[j - 1][0], spans[j][0]):
        j -= 1
    if j > line + 1 or _may_break(spans[j - 1][0], spans[j][0]):
        return j
    # A run that cannot be broken well: fold it, but rather one character earlier than to begin a row with a comma.
    if i - 1 > line and spans[i][0] in NO_START and spans[i - 1][0] not in NO_START:
        return i - 1
    return i


def _may_break(before: str, after: str) -> bool:
    return not (after in NO_START or before in NO_END or (_in_word(before) and _in_word(after)))


def _in_word(grapheme: str) -> bool:
    first = grapheme[0]
    return first in _JOINED or (first < "\u2e80" and first.isalnum())  # from U+2E80 on: CJK, which breaks anywhere


def words(text: str) -> list[str]:
    """The pieces that `breaks` keeps together where it can, kinsoku aside."""
    return re.findall(r"(?:(?![\u2e80-\U0010ffff])[\w'\-/.:=&?#%+~@])+|\S", text)


def wrap(text: str, columns: int) -> list[str]:
    """The rows of a cleaned text, wrapped with kinsoku; empty lines stay, blanks at row ends go."""
    rows: list[str] = []
    for line in text.split("\n"):
        edges = [0, *breaks(line, columns), len(line)]
        rows += [line[a:b].rstrip(" ") for a, b in itertools.pairwise(edges)]
    return rows


def folded(said: str, columns: int) -> str:
    """Text made safe and broken at words; a row that is short enough stays as it is, indentation too."""
    rows: list[str] = []
    for line in clean(said).split("\n"):
        bare = line.lstrip(" ")
        indent = line[: len(line) - len(bare)]
        rows += [indent + row for row in wrap(bare, max(8, columns - len(indent) - 1))] or [""]
    return "\n".join(rows)


# words for people


def title_of(question: str, columns: int = 40) -> str:
    """A title for a session: the question's first sentence, cut to `columns` columns.

    A sentence ends at 。！？ or at .!? with a blank or nothing behind it, and at a line's end. A very short one
    (a greeting) takes the next one along.
    """
    lines = [one_line(re.sub(r"^[\s#>*`-]+", "", line)) for line in clean(question).split("\n")]
    first = next((line for line in lines if line), "")
    sentences = [m[0] for m in re.finditer(r".+?(?:[。！？]+[」』）]?|[.!?]+(?=\s|$)|$)", first)]
    title = ""
    for sentence in sentences:
        if width(title) >= 16:
            break
        title += sentence
    return cut(title.strip().rstrip("。."), columns)


def size(count: int) -> str:
    """Bytes for people, in powers of 1000: "0 B", "820 kB", "5.2 GB"."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def seconds(milliseconds: float) -> str:
    """A duration for people: "0.02 s", "4.9 s", "75 s", "3 min 20 s", "1 h 05 min"."""
    value = milliseconds / 1000
    if value < 0.095:
        return f"{value:.2f} s"
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 120:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs of the interface; every one has an ASCII twin."""

    prompt: str = "❯"
    star: str = "★"
    dot: str = "●"
    bullet: str = "•"
    bar: str = "│"
    rule: str = "─"
    cross: str = "┼"
    corner: str = "╭─"
    corner_end: str = "╰─"
    ellipsis: str = "…"
    check: str = "✓"
    failed: str = "✗"
    wait: str = "⏳"
    renew: str = "⟳"
    arrow: str = "→"
    gauge: str = "▏▎▍▌▋▊▉█"
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


ASCII_GLYPHS = Glyphs(
    prompt=">", star="*", dot="o", bullet="-", bar="|", rule="-", cross="+", corner="+-", corner_end="+-",
    ellipsis="...", check="ok", failed="x", wait="~", renew="@", arrow="->", gauge=".:|#", spinner="|/-\\",
)  # fmt: skip


def glyphs(encoding: str | None) -> Glyphs:
    """The signs a terminal can show: ASCII where it is not UTF-8, or where ambiguous characters take two columns."""
    utf8 = (encoding or "").lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig", "cp65001")
    return Glyphs() if utf8 and _ambiguous == 1 else ASCII_GLYPHS
