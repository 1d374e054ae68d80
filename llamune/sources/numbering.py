"""What Word adds to a paragraph without writing it there: its heading level and its automatic number (第1条, (2), イ).

Numbers are counted as ECMA-376 part 1, 17.9 says, for the formats that Japanese documents use; others count in digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
AIUEO = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
CIRCLES = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
SERIES = {
    "aiueo": AIUEO,
    "aiueoFullWidth": AIUEO,
    "iroha": IROHA,
    "irohaFullWidth": IROHA,
    "decimalEnclosedCircle": CIRCLES,
    "decimalEnclosedCircleChinese": CIRCLES,
    "lowerLetter": "abcdefghijklmnopqrstuvwxyz",
    "upperLetter": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ideographTraditional": "甲乙丙丁戊己庚辛壬癸",
    "upperRoman": ("Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "Ⅵ", "Ⅶ", "Ⅷ", "Ⅸ", "Ⅹ"),
    "lowerRoman": ("ⅰ", "ⅱ", "ⅲ", "ⅳ", "ⅴ", "ⅵ", "ⅶ", "ⅷ", "ⅸ", "ⅹ"),
}
KANJI = frozenset(("japaneseCounting", "chineseCounting", "chineseCountingThousand", "japaneseDigitalTenThousand"))
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
DIGITS = "〇一二三四五六七八九"


class Styles:
    """The paragraph styles: heading levels and numbering, through what they are based on."""

    def __init__(self, tree: Element | None) -> None:
        found = [] if tree is None else tree.findall(f"{W}style")
        self._styles = {style.get(f"{W}styleId", ""): style for style in found}

    def level(self, paragraph: Element) -> int | None:
        """1 for the outermost heading, None for what is none."""
        for properties in self._chain(paragraph):
            if (stated := _value(properties, "outlineLvl")) and stated.isdecimal():
                return int(stated) + 1 if int(stated) < 9 else None
        style = self._styles.get(_value(paragraph.find(f"{W}pPr"), "pStyle"))
        return 1 if style is not None and _value(style, "name").casefold() in ("title", "表題") else None

    def number(self, paragraph: Element) -> tuple[str, int]:
        """The list that it belongs to ("" = none) and its depth there."""
        for properties in self._chain(paragraph):
            stated = properties.find(f"{W}numPr")
            if stated is not None:
                depth = _value(stated, "ilvl") or "0"
                return _value(stated, "numId").removeprefix("0"), int(depth) if depth.isdecimal() else 0
        return "", 0

    def _chain(self, paragraph: Element) -> list[Element]:
        """The paragraph's own properties, then those of its style, and of the style that is based on …"""
        own = paragraph.find(f"{W}pPr")
        found = [] if own is None else [own]
        name = _value(own, "pStyle")
        for _depth in range(20):  # a circle of styles ends here
            style = self._styles.get(name)
            if style is None:
                break
            properties = style.find(f"{W}pPr")
            found += [] if properties is None else [properties]
            name = _value(style, "basedOn")
        return found


@dataclass(frozen=True, slots=True)
class _Level:
    shape: str  # "第%1条"
    formats: str  # "decimalFullWidth"
    start: int
    restarts: bool  # with each number of a level above; clauses often count on through all chapters


class Numbering:
    """Counts the automatic numbers of a document; ask for each paragraph once, in order."""

    def __init__(self, tree: Element | None, styles: Styles) -> None:
        self._styles = styles
        tree = Element("none") if tree is None else tree
        kinds = {e.get(f"{W}abstractNumId", ""): e for e in tree.findall(f"{W}abstractNum")}
        self._lists: dict[str, tuple[str, Mapping[int, _Level]]] = {}  # numId → (abstract, levels)
        for number in tree.findall(f"{W}num"):
            kind = _value(number, "abstractNumId")
            levels = {} if kind not in kinds else _levels(kinds[kind])
            for override in number.findall(f"{W}lvlOverride"):
                levels |= _levels(override)
            self._lists[number.get(f"{W}numId", "")] = (kind, levels)
        self._counts: dict[str, dict[int, int]] = {}

    def label(self, paragraph: Element) -> str:
        """The number that Word writes in front, with a blank behind it; "" = none."""
        name, depth = self._styles.number(paragraph)
        kind, levels = self._lists.get(name, ("", {}))
        if depth not in levels:
            return ""
        counts = self._counts.setdefault(kind, {})
        counts[depth] = counts.get(depth, levels[depth].start - 1) + 1
        for deeper in [d for d in counts if d > depth and d in levels and levels[d].restarts]:
            del counts[deeper]
        if levels[depth].formats == "bullet":
            return "・"
        text = levels[depth].shape
        for d, level in levels.items():
            text = text.replace(f"%{d + 1}", _counted(counts.get(d, level.start), level.formats))
        return f"{text} " if text.strip() else ""


def _levels(parent: Element) -> dict[int, _Level]:
    found = {}
    for level in parent.findall(f"{W}lvl"):
        depth, start = level.get(f"{W}ilvl", ""), _value(level, "start") or "1"
        if depth.isdecimal() and start.isdecimal():
            restarts = _value(level, "lvlRestart") != "0"
            found[int(depth)] = _Level(_value(level, "lvlText"), _value(level, "numFmt"), int(start), restarts)
    return found


def _counted(number: int, how: str) -> str:
    series = SERIES.get(how, "")
    if 0 < number <= len(series):
        return series[number - 1]
    if how in KANJI and 0 < number < 100:
        tens, ones = divmod(number, 10)
        return (DIGITS[tens] if tens > 1 else "") + ("十" if tens else "") + (DIGITS[ones] if ones else "")
    if how == "ideographDigital":
        return "".join(DIGITS[int(digit)] for digit in str(number))
    if how == "none":
        return ""
    return str(number).translate(FULL_WIDTH) if how == "decimalFullWidth" else str(number)


def _value(parent: Element | None, tag: str) -> str:
    child = None if parent is None else parent.find(f"{W}{tag}")
    return "" if child is None else child.get(f"{W}val", "")
