"""Numerals as written, and the exact values they stand for: 1,200, 1億2000万, 千二百, twenty-five, 1.5 million.

Units, bounds and what a number counts are facts_numbers' part.
"""

import re
from fractions import Fraction

_DIGIT = {c: n for n, c in enumerate("〇一二三四五六七八九")} | {"零": 0}
_SMALL = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "億": 10**8, "兆": 10**12}
_ONES = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: n for n, word in enumerate(_ONES.split())} | {word: n * 10 for n, word in enumerate(_TENS.split(), 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "k": 1000, "million": 10**6, "m": 10**6, "billion": 10**9, "bn": 10**9,
           "b": 10**9, "trillion": 10**12}  # fmt: skip

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
WORD = r"(?:" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")"
NUMERAL = re.compile(
    rf"(?P<digits>(?<![\dA-Za-z_.]){_DIGITS}(?:[十百千万億兆]+(?:\d[\d,]*)?)*"
    r"(?P<scale>\s?(?:thousand|million|billion|trillion|bn)|(?-i:[kMB])(?![\w°/]))?)"
    r"|(?P<kanji>(?<![数何幾第統唯同単均〇一二三四五六七八九十百千万億兆])[〇一二三四五六七八九十百千][〇零一二三四五六七八九十百千万億兆]*)"
    rf"|\b(?P<words>(?:a\s+)?(?:{WORD}(?:[\s-]{WORD})?\s+)?hundred(?:\s+thousand)?"
    rf"|{WORD}(?:[\s-](?:{WORD}))?)\b(?:\s+(?P<wscale>thousand|million|billion))?"
    r"|\b(?P<article>an?)(?=\s+(?:second|minute|hour|day|week|fortnight|month|year|dozen)\b)",
    re.IGNORECASE,
)


def number(text: str) -> Fraction | None:
    """The value of a numeral: "1,200", "1億2000万", "千二百", "twenty-five", "1.5 million".

    None if it is none, or has more than 40 characters.
    """
    if len(text) > 40:
        return None
    text = text.lower().replace(",", "")
    if text[:1].isascii() and text[:1].isalpha():
        return _words(text)
    scaled = re.fullmatch(r"([\d.]+)\s?([a-z]+)", text)
    if scaled:
        return Fraction(scaled.group(1)) * _SCALES.get(scaled.group(2), 1)
    return _japanese(text)


def _japanese(text: str) -> Fraction | None:
    total, section, current = Fraction(0), Fraction(0), None
    for token in re.findall(r"\d+(?:\.\d+)?|.", text):
        if token[0].isdecimal() and token[0].isascii():
            current = Fraction(token)
        elif token in _DIGIT:
            current = Fraction((current or 0) * 10 + _DIGIT[token])
        elif token in _SMALL:
            section += (1 if current is None else current) * _SMALL[token]
            current = None
        elif token in _LARGE:
            total += (section + (current or 0) or 1) * _LARGE[token]
            section, current = Fraction(0), None
        else:
            return None
    return total + section + (current or 0)


def _words(text: str) -> Fraction | None:
    value = 0
    for word in re.split(r"[\s-]+", text.strip()):
        if word in _WORDS:
            value += _WORDS[word]
        elif word in _SCALES:
            value = max(value, 1) * _SCALES[word]
        elif word not in ("a", "an"):
            return None
    return Fraction(value or 1)
