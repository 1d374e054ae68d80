"""Numbers, amounts, durations, percentages and quantities with a unit, as written and as comparable values.

Understands ４８万円, 千二百円, 三十分, 5割, 4分の1, 半年, $1.5 million, two weeks, half an hour, 3〜5日.
Values are exact fractions in one unit per dimension, and units are only converted where that is exact: two weeks are
14 days, but a month is not 30 days. Dates are found elsewhere (facts_dates); what they cover arrives here blanked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from llamune.chat.facts_numerals import NUMERAL, WORD, number
from llamune.chat.facts_units import UNIT, UNITS

HINT = re.compile(  # a sentence without any of these has no number and no date
    rf"[\d〇一二三四五六七八九十百千半月火水木金土日午正毎翌夜朝§]|全額|\b(?:{WORD}|hundred|half|an?|third|quarter"
    rf"|[A-Z][a-z]+day)",
    re.IGNORECASE,
)
_CURRENCY = re.compile(r"(?:(?P<sign>US\$|A\$|C\$|[¥$€£])|(?P<code>USD|EUR|GBP|JPY))\s?\Z")
_SIGNS = {"¥": "JPY", "JPY": "JPY", "€": "EUR", "EUR": "EUR", "£": "GBP", "GBP": "GBP"}
_AFTER = re.compile(
    r"(?P<tail>\s?(?:前後|分|前|後|間|間隔|程度|ほど|くらい|ぐらい|余り|以降|目)?)(?:\s?(?P<bound>以上|以内|以下|未満"
    r"|超|を超|を上回|を下回"
    r"|まで|より多|より少|or more|or less|or fewer|or above|or below|or older|or younger|or over))?"
)
_BEFORE = re.compile(
    r"(?P<bound>at least|at most|up to|more than|less than|fewer than|no more than|not more than|no less than"
    r"|over|under"
    r"|within|exceed|exceeding|maximum of|minimum of|max\.?|min\.?|above|below|no longer than|no fewer than|not exceed"
    r"|最大|最長|最高|最低|最短|上限|下限)?(?:は|で|,)?"
    r"\s*(?P<about>約|およそ|おおよそ|ほぼ|about|around|approximately|approx\.|roughly|nearly|almost|some|~|≈)?"
    r"\s*(?:an?\s|the\s)?\s*(?:US|[AC])?[¥$€£]?\s?\Z",
    re.IGNORECASE,
)
_BOUNDS = {
    ">=": "以上 最低 最短 下限 at|least minimum|of min min. no|less|than no|fewer|than or|more or|above or|older"
          " or|over",
    "<=": "以内 以下 最大 最長 最高 上限 まで at|most up|to no|more|than not|more|than within maximum|of max max."
          " not|exceed exceed no|longer|than or|less or|fewer or|below or|younger",
    ">": "超 を超 を上回 より多 more|than over above exceeding",
    "<": "未満 を下回 より少 less|than fewer|than under below",
}  # fmt: skip
BOUND = {name.replace("|", " "): sign for sign, names in _BOUNDS.items() for name in names.split()}
_SPAN = re.compile(
    rf"\s?(?:から|~|-|ないし|to|or|and|または|、)\s?(?=[\d一二三四五六七八九十]|{WORD}\b)", re.IGNORECASE
)
_RATE = re.compile(r"(?:に|あたり|当たり|間に|(?<=間)の)|\s?[\d一二三四五六七八九十]")  # 1日3回, 1週間の労働時間: per
_UNIT_ONLY = re.compile(r"[\d,.\s]")
_ENOUGH = re.compile(
    r"(?<![一二三四五六七八九])十分(?!間|以内|後|前|程度|ほど|以上|おき|ごと|くらい)|一[部般種方定番層切応瞬旦気致度]"
    r"|[一二三四五六七八九十]人?ひとり|四半期(?!ごと|毎|に[1一][回度])"
)
_HALF = re.compile(
    r"(?P<年>半年間?)|(?P<日>半日)|(?P<時>半時間|half an hour|half-hour|(?<!and )a half hour)|(?P<halfyear>half a year)"
    r"|(?P<season>\bquarterly\b|四半期(?:ごと|毎|に[1一][回度]))|(?P<whole100>全額)"
    r"|(?P<fifty>半分|半数|半額|過半|(?<!and a )\bhalf (?:of|the|price)\b|(?<!and a )\bhalf\b(?! an? ))"
    r"|(?P<over>[一二三四五六七八九十\d]{1,4})分の(?P<under>[一二三四五六七八九十\d]{1,4})"
    r"|\b(?P<part>one|two|three|a|\d)[\s-](?P<whole>third|quarter|fifth|tenth)s?\b(?=\s+of|[\s.,;)]|\Z)"
    r"|\b(?P<some>\d|one|two|three) in (?P<many>\d{1,3}|four|five|ten|twenty)\b"
    r"|(?<![\d/])(?P<n>\d)/(?P<d>\d{1,2})(?![\d/年月日])",
    re.IGNORECASE,
)
_AND_A_HALF = re.compile(r"\s+and a half(?=\s)")
_COMPOUND = re.compile(r"[一-鿿](?<![以未超程前後分間目当約毎])")  # 六本木 is no count of trees
_COUNTING = re.compile(  # how many points a list has is form, not fact
    r"(?:以下|次|主|下記|上記|ポイント|手順|ステップ|理由|方法|注意|点|特徴|メリット|選択肢|コツ|観点|要素)[^。]{0,8}\Z"
)
_COUNTED = re.compile(
    r"\s*(?:の|個の)?\s?(?:ポイント|手順|ステップ|理由|方法|注意|特徴|メリット|選択肢|コツ|観点|側面|要素|段階)"
    r"|\s+(?:\w+\s+){0,2}?(?:steps|ways|reasons|tips|options|things|methods|factors|aspects|items|ideas"
    r"|(?:key|main) points)\b"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number with its unit at [start, end) of a folded sentence.

    `value` is in the base unit of `dimension` (seconds, months, grams …); `bound` is "", "<=", "<", ">=" or ">";
    `weak` ones are compared where both answers have them, but nobody misses them.
    """

    kind: str
    dimension: str
    value: Fraction
    start: int
    end: int
    bound: str = ""
    about: bool = False
    weak: bool = False


def quantities(folded: str) -> Iterator[Quantity]:
    """The quantities of a folded sentence, in order of position within each form."""
    text = _ENOUGH.sub(_blank, folded)
    for found in _HALF.finditer(text):
        if part := _part(found):
            yield part
    text = _HALF.sub(_blank, text)
    last: Quantity | None = None
    for numeral in NUMERAL.finditer(text):
        if last and numeral.start() < last.end:
            continue
        found_one = _quantity(text, numeral)
        if found_one is None:
            continue
        if last and text[last.end : found_one.start] == "、" and found_one.value == last.value + 1:
            last, found_one = replace(last, weak=True), replace(found_one, weak=True)  # 3、4回 is about that many
        if last and _continues(text, last, found_one):
            last = replace(found_one, value=last.value + found_one.value, start=last.start, weak=False)
            continue
        if last:
            yield last
        last = found_one
    if last:
        yield last


def _continues(text: str, last: Quantity, following: Quantity) -> bool:
    """Whether two durations are one: 1年6か月, "2 hours and 30 minutes"."""
    if not last.kind == following.kind == "duration" or last.dimension != following.dimension or last.bound:
        return False
    if last.dimension == "s" and last.value % 86400 == 0:
        return False  # 1日30分 is a rate
    between = text[last.end : following.start].strip()
    units = [_UNIT_ONLY.sub("", text[q.start : q.end]) for q in (last, following)]
    return between in ("", "と", "and") and last.value > following.value and units[0][:1] != units[1][:1]


def _quantity(text: str, numeral: re.Match[str]) -> Quantity | None:
    value = number(numeral.group())
    if value is None:
        return None
    start, end = numeral.span()
    if half := _AND_A_HALF.match(text, end):
        value, end = value + Fraction(1, 2), half.end()
    before = text[max(0, start - 24) : start]
    currency = _CURRENCY.search(before)
    unit = UNIT.match(text, end) or _shared_unit(text, end)
    if currency:
        sign = currency.group("sign") or currency.group("code")
        kind, dimension, size = "amount", _SIGNS.get(sign, "USD"), Fraction(1)
        start -= len(currency.group())
        unit = UNIT.match(text, end) if numeral.group("digits") else None
        end = unit.end() if unit and UNITS[unit.group("unit")].kind == "amount" else end
    elif unit:
        kind, dimension, raw = UNITS[unit.group("unit")]
        size = Fraction(raw)
        end = unit.end() if unit.start() == end else end
        if kind == "duration" and text.startswith("半", end):
            value, end = value + Fraction(1, 2), end + 1
        if unit.group("unit") == "割" and (more := re.compile(r"([\d一二三四五六七八九])分").match(text, end)):
            value, end = value + (number(more.group(1)) or Fraction(0)) / 10, more.end()
    else:
        kind, dimension, size = "number", "", Fraction(1)
        if numeral.group("kanji") or numeral.group("article"):
            return None
    if kind == "number" and numeral.group("kanji") and _COMPOUND.match(text, end):
        return None
    return _bounded(text, numeral, Quantity(kind, dimension, value * size, start, end))


def _shared_unit(text: str, end: int) -> re.Match[str] | None:
    """The unit of the second number in "3〜5日", which is the first one's too."""
    span = _SPAN.match(text, end)
    following = NUMERAL.match(text, span.end()) if span else None
    return UNIT.match(text, following.end()) if following else None


def _bounded(text: str, numeral: re.Match[str], plain: Quantity) -> Quantity | None:
    after, before = _AFTER.match(text, plain.end), _BEFORE.search(text[max(0, plain.start - 28) : plain.start])
    tail = after.group().rstrip() if after else ""
    word = (after and after.group("bound")) or (before and (before.group("bound") or "").lower()) or ""
    about = bool(before and before.group("about")) or bool(re.search("程度|ほど|くらい|ぐらい|余り|前後", tail))
    listing = plain.dimension in ("", "つ") and (
        _COUNTED.match(text, plain.end) or (plain.dimension == "つ" and _COUNTING.search(text[: plain.start]))
    )
    if listing:
        return None
    return Quantity(
        plain.kind, plain.dimension, plain.value, plain.start, plain.end + len(tail), BOUND.get(word, ""), about,
        "目" in tail or _weak(text, numeral, plain),
    )  # fmt: skip


def _weak(text: str, numeral: re.Match[str], found: Quantity) -> bool:
    """Small counts are as often wording ("once", "both sides") as fact, and one day may mean "per day"."""
    if found.kind != "number":
        once = found.kind == "duration" and number(numeral.group()) == 1 and _RATE.match(text, found.end)
        return bool(numeral.group("article") or once)
    bare = found.dimension == "" and found.value < 100 and found.value.denominator == 1
    return bare or found.dimension == "つ" or found.value == 1


def _part(found: re.Match[str]) -> Quantity | None:
    start, end = found.span()
    group = found.groupdict()
    fixed = {
        "年": ("months", 6),
        "halfyear": ("months", 6),
        "season": ("months", 3),
        "日": ("s", 43200),
        "時": ("s", 1800),
    }
    for name, (dimension, size) in fixed.items():
        if group[name]:
            return Quantity("duration", dimension, Fraction(size), start, end)
    if group["fifty"] or group["whole100"]:
        return Quantity("percentage", "%", Fraction(50 if group["fifty"] else 100), start, end, weak=True)
    below: Fraction | int | None
    if group["whole"]:
        below = {"third": 3, "quarter": 4, "fifth": 5, "tenth": 10}[group["whole"].lower()]
        top = number(group["part"])
    else:
        top = number(group["under"] or group["some"] or group["n"])
        below = number(group["over"] or group["many"] or group["d"])
    if not below or top is None or top > below:
        return None
    return Quantity("percentage", "%", top / below * 100, start, end, weak=group["n"] is not None)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())
