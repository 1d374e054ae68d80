"""Dates, times of day, weekdays, and articles of laws: numbers that name a point rather than an amount.

令和6年4月1日, 2024/4/1, April 1, 2024 and 1 Apr 2024 are one date; a date without year or day agrees with every date
that has the same rest. 午後5時, 17:00 and 5 pm are one time. A bare "20日" is left to the durations unless 毎月, 翌月
… stand before it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from llamune.chat.facts_numerals import number

_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867, "R": 2018, "H": 1988, "S": 1925}
_MONTHS = {
    name: n
    for n, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?"
    r"|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_K = r"[\d〇一二三四五六七八九十]{1,3}"
_FORMS = re.compile(
    rf"(?P<era>令和|平成|昭和|大正|明治|(?<![A-Za-z])[RHS](?=\d{{1,2}}[.年]))\s?(?P<ey>元|{_K})(?:年度?|\.)"
    rf"(?:\s?(?P<em>{_K})(?:月|\.))?(?:\s?(?P<ed>{_K}|末)日?)?(?P<same>\s?\(\d{{4}}年?\))?"
    r"|[一-鿿]{2}\d{1,2}年\s?\((?P<ny>[12]\d{3})年?\)"  # 宝永4年(1707年): an era without a table
    r"|(?<!\d)(?P<jy>[12]\d{3}|[一二][〇一二三四五六七八九]{3})年(?!間)度?(?:\s?\((?:令和|平成|昭和|大正"
    r"|明治)[^()]{1,6}\))?"
    rf"(?:\s?(?P<jm>{_K})月(?!間))?(?:(?<=月)\s?(?P<jd>{_K}|末)日?)?"
    r"|(?<![\d/.\-])(?P<iy>[12]\d{3})(?P<sep>[-/.])(?P<im>0?[1-9]|1[0-2])(?:(?P=sep)(?P<id>0?[1-9]|[12]\d"
    r"|3[01]))?(?![\d/\-])"
    rf"|(?<![\d.〇一二三四五六七八九十数何])(?P<m>1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])月(?!間|分)(?:\s?(?P<d>{_K}|末)日?)?"
    r"|(?<![\d/.])(?P<sm>1[0-2]|[1-9])/(?P<sd>3[01]|[12]\d|[1-9])(?=から|まで|に|の|です|は|が|、|。|~|\()"
    rf"|(?:毎月|翌月|当月|前月|翌々月|同月|今月|来月|月の)の?\s?(?P<dd>{_K})日"
    rf"|\b(?P<um>{_MONTH})\s+(?P<ud>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<uy>[12]\d{{3}}))?(?!\d)"
    rf"|(?<!\d)(?P<bd>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<bm>{_MONTH})(?:,?\s+(?P<by>[12]\d{{3}}))?(?!\d)"
    rf"|\b(?P<om>{_MONTH})\s+(?:of\s+)?(?P<oy>[12]\d{{3}})(?!\d)"
    r"|\bFY\s?(?P<fy>[12]\d{3})\b"
)
_YEAR = re.compile(
    r"(?:\b(?:in|of|by|since|until|from|before|after|during|around|and|to|year|till|early|late)\s"
    r"|\()(?P<year>1[0-9]{3}|20[0-9]{2})"
    r"(?=\)|[.,;:!?]*(?:\s|\)|\Z))(?!\s?(?:%|percent|[a-z]*(?:yen|dollar|people|euro)|k?m\b|k?g\b))",
    re.IGNORECASE,
)
_TIME = re.compile(
    rf"(?P<half>午前|午後|正午|夜|朝|夕方)?\s?(?<![\d〇一二三四五六七八九十])(?P<h>{_K})時(?!間|代|期|点"
    rf"|給)(?:\s?(?P<min>{_K})分|(?P<hm>半))?"
    r"|(?P<half2>午前|午後)?(?<![\d:])(?P<h2>[01]?\d|2[0-4]):(?P<min2>[0-5]\d)(?![\d:])\s?(?P<ap2>[ap]\.?m\b\.?)?"
    r"|(?<![\d.])(?P<h3>1[0-2]|[1-9])\s?(?P<ap3>[ap]\.?m\b\.?)",
    re.IGNORECASE,
)
_DAYS = {day: n for n, day in enumerate("月火水木金土日")}
_ENGLISH_DAYS = {
    day: n for n, day in enumerate(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])
}
_OPEN = re.compile(  # Tuesday to Sunday
    r"(?P<from>[月火水木金土日])曜?日?\s?(?:から|~|-|・)\s?(?P<to>[月火水木金土日])曜日?"
    rf"|\b(?P<efrom>{'|'.join(_ENGLISH_DAYS)})s?\s?(?:to|through|until|-)\s?(?P<eto>{'|'.join(_ENGLISH_DAYS)})s?\b",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(
    r"(?P<ja>[月火水木金土日])曜日?|\b(?P<en>Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)s?\b"
)
_SPAN = re.compile(r"(?P<decade>\b[12]\d{2}0)(?:年代|'?s\b)|(?P<century>\d{1,2})(?:世紀|(?:st|nd|rd|th)[\s-]century)")
_CODE = re.compile(r"(?<![\d.\-])(?:0\d{1,4}-\d{1,4}-\d{4}|\d{1,6}(?:\.\d{1,6}){2,3})(?![\d\-]|\.\d)")
_ARTICLE = re.compile(
    rf"第?\s?(?P<number>(?<=第)[\d〇一二三四五六七八九十百千]{{1,6}}|\d{{1,4}})条(?!件|約"
    rf"|例)(?:の(?P<of>{_K}))?(?:第?(?P<para>{_K})項)?"
    r"|\b(?:Article|Section|Art\.|Sec\.|§|Rule|Clause)\s?(?P<en>\d{1,4}(?:\.\d{1,3})*)(?:\((?P<enp>\w{1,3})\))?",
)


@dataclass(frozen=True, slots=True)
class Point:
    """A date, time or article at [start, end) of a folded sentence.

    `dimension` is "date" (year, month, day; None where not given; day −1 is the month's end), "time" (minutes),
    "weekday" (0 = Monday), "decade", "century", "code" (telephone numbers, versions) or "article" (number,
    sub-number, paragraph).
    """

    dimension: str
    value: tuple[int | str | None, ...]
    start: int
    end: int


def points(folded: str) -> Iterator[Point]:
    """The dates, times and articles of a folded sentence; they do not overlap."""
    for form in (_CODE, _ARTICLE, _SPAN, _FORMS, _YEAR, _TIME, _OPEN, _WEEKDAY):
        found = [p for m in form.finditer(folded) if (p := _point(form, m))]
        yield from found
        for point in found:
            folded = f"{folded[: point.start]}{' ' * (point.end - point.start)}{folded[point.end :]}"


def agree(one: tuple[int | str | None, ...], other: tuple[int | str | None, ...]) -> bool:
    """Whether two values of one dimension are the same as far as both say."""
    both = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    return bool(both) and all(a == b for a, b in both)


def _point(form: re.Pattern[str], match: re.Match[str]) -> Point | None:
    group = match.groupdict()
    if form is _FORMS or form is _YEAR:
        return _date(match, group)
    if form is _TIME:
        return _time(match, group)
    if form is _OPEN:
        return _open(match, group)
    if form is _WEEKDAY:
        day = _DAYS[group["ja"]] if group["ja"] else _ENGLISH_DAYS[group["en"].lower()]
        return Point("weekday", (day,), *match.span())
    if form is _CODE:
        return Point("code", (match.group(),), *match.span())
    if form is _SPAN:
        name = "decade" if group["decade"] else "century"
        return Point(name, (int(group[name]),), *match.span())
    if group["en"]:
        return Point("article", (group["en"], None, group["enp"]), *match.span())
    return Point("article", (str(_int(group["number"])), _int(group["of"]), _int(group["para"])), *match.span())


def _date(match: re.Match[str], group: dict[str, str | None]) -> Point | None:
    def first(names: str) -> str | None:
        return next((v for name in names.split() if (v := group.get(name))), None)

    year = _int(first("jy ny iy uy by oy fy year"))
    if group.get("era"):
        year = _ERAS[group["era"] or ""] + (1 if group["ey"] == "元" else _int(group["ey"]) or 0)
    named = first("um bm om")
    month = _MONTHS[named[:3].lower()] if named else _int(first("em jm im m sm"))
    last = first("ed jd id d sd dd ud bd")
    day = -1 if last == "末" else _int(last)
    if (month or 1) > 12 or (day or 1) > 31:
        return None
    return Point("date", (year, month, day), match.start("year") if "year" in group else match.start(), match.end())


def _open(match: re.Match[str], group: dict[str, str | None]) -> Point | None:
    """Six days of the week by the one they leave out: open from Tuesday to Sunday is closed on Monday."""
    start, end = (
        _DAYS[ja] if (ja := group[name]) else _ENGLISH_DAYS[(group[f"e{name}"] or "").lower()]
        for name in ("from", "to")
    )
    left_out = (end + 1) % 7
    return Point("weekday", (left_out,), *match.span()) if (start - left_out) % 7 == 1 else None


def _time(match: re.Match[str], group: dict[str, str | None]) -> Point | None:
    hour = _int(group["h"] or group["h2"] or group["h3"])
    if hour is None or hour > 29:
        return None
    minute = 30 if group["hm"] else _int(group["min"] or group["min2"]) or 0
    half = (group["half"] or group["half2"] or group["ap2"] or group["ap3"] or "").lower()
    if half in ("午後", "夜", "夕方") or half.startswith("p"):
        hour += 12 if hour < 12 else 0
    elif half.startswith("a") and hour == 12:
        hour = 0
    return Point("time", (hour * 60 + minute,), *match.span())


def _int(text: str | None) -> int | None:
    if not text:
        return None
    value: Fraction | None = number(text)
    return None if value is None else int(value)
