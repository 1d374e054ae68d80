"""Names: what is quoted, what is spelt in katakana or Latin letters, and kanji words that end as institutions do.

There is no dictionary here, so a name is a guess from its form. `strong` names (institutions, laws, several
capitalised words, acronyms) may be missed in another answer; weak ones are only compared where they stand against
another name in the same place. Frequent loan words and words that begin an English sentence are no names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llamune.chat.facts_words import CALENDAR, COMMON, PLAIN

_QUOTED = re.compile(r"[「『]([^「」『』]{2,20})[」』]|\"([^\"]{2,30})\"|“([^“”]{2,30})”")
_KANJI = re.compile(
    r"[一-鿿々ァ-ヴー]{1,12}(?:労働省|省|庁|監督署|税務署|警察署|消防署|署|事務所|裁判所|役所|役場|大学|高校"
    r"|研究所|銀行|会社|協会"
    r"|連盟|委員会|議会|法|条約|条例|県|府|市|区|町|村|島|山|川|湖|寺|神社|駅|空港|王国|帝国|共和国|天皇|将軍"
    r"|幕府|時代)(?![一-鿿々])"
)
_KIND = re.compile(r"[一-鿿々]{2,8}(?:遺産|賞|保険|年金|税|免許|型|権|教|語|酸|病|症|菌|薬|油|酒)(?![一-鿿々])")
_LOOSE = re.compile(
    r"(?:方法|文法|手法|用法|作法|合法|違法|不法|製法|技法|療法|民法|刑法|都市|登山|火山|鉱山|河川|首都|半島"
    r"|列島|無人島|同時代|現代|次時代|市町村|窓口役所)\Z"
)
_PERSON = re.compile(r"[一-鿿々]{2,6}(?=(?:さん|氏|先生|博士|首相|大統領|教授|社長))")
_KATAKANA = re.compile(r"[ァ-ヴー][ァ-ヴー・=]{2,30}")
_LATIN = re.compile(
    r"(?<![A-Za-z0-9])[A-ZÀ-Þ][A-Za-zÀ-ɏ0-9.+#\-]*(?:\s(?:(?:of|the|de|van|von|da|del|la|for)"
    r"\s){0,2}(?=[A-Z])[A-ZÀ-Þ][A-Za-zÀ-ɏ0-9+#\-]*)*"
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name at [start, end) of a folded sentence; `form` is "quoted", "kanji", "katakana" or "latin"."""

    form: str
    text: str
    start: int
    end: int
    strong: bool = False


def names(folded: str) -> Iterator[Name]:
    """The names of a folded sentence; a longer form hides a shorter one inside it."""
    taken = bytearray(len(folded) + 1)
    for form, pattern in (
        ("quoted", _QUOTED),
        ("kanji", _KANJI),
        ("kanji", _PERSON),
        ("kind", _KIND),
        ("katakana", _KATAKANA),
        ("latin", _LATIN),
    ):
        for match in pattern.finditer(folded):
            found = _name(folded, form, match)
            if found and not any(taken[found.start : found.end]):
                taken[found.start : found.end] = b"\1" * (found.end - found.start)
                yield found


def _name(folded: str, form: str, match: re.Match[str]) -> Name | None:
    start, end = match.span()
    text = match.group()
    if form == "quoted":
        inner = next(g for g in match.groups() if g)
        return Name(form, inner, start, end) if not re.search(r"[。、!?]|[.,]\s", inner) else None
    if form == "kanji":
        return None if _LOOSE.search(text) else Name(form, text, start, end, strong=True)
    if form == "kind":
        return Name(form, text, start, end)
    if form == "katakana":
        return None if text.strip("ー・") in COMMON or len(text) < 3 else Name(form, text, start, end)
    return _latin(folded, match)


def _latin(folded: str, match: re.Match[str]) -> Name | None:
    """A Latin name, without the word that only begins a sentence."""
    words = match.group().rstrip(".-").split()
    start = match.start()
    opening = not folded[:start].strip(" \"'(*-:") or folded[:start].rstrip().endswith((".", ":", "!", "?"))
    spelt = _japanese_around(folded)
    while words and words[0].lower() in PLAIN | CALENDAR:
        start += len(words.pop(0)) + 1
        opening = False
    if opening and not spelt and len(words) == 1 and not _acronym(words[0]):
        return None
    words = [w for n, w in enumerate(words) if n < len(words)]
    while words and words[-1].lower() in CALENDAR | {"of", "the", "and", "for"}:
        words.pop()
    text = " ".join(words)
    if len(text) < 2 or (len(text) < 3 and not _acronym(text)):
        return None
    return Name("latin", text, start, start + len(text), strong=len(words) > 1 and not opening)


def _acronym(word: str) -> bool:
    return sum(c.isupper() for c in word) > 1


def _japanese_around(folded: str) -> bool:
    return any("ぁ" <= c <= "鿿" for c in folded[:40])
