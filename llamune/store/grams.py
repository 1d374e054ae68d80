"""Text as the full-text index sees it: folded, and cut into overlapping pairs of characters. Pure functions.

Japanese has no spaces between words, so every pair of neighbours is a term and a word is a phrase of pairs: what LIKE
would find is found, no more and no less. Each term begins at its own character, and the last character stands alone:
so a single character is found as the beginning of a term.
"""

import re
import sys
import unicodedata
from array import array
from collections.abc import Sequence

UTF_32 = f"utf-32-{sys.byteorder[0]}e"  # as `array` holds it
WORDS = re.compile(r'"([^"]+)"|(\S+)')  # "two words" in quotes are looked for as they stand
MOST_WORDS = 32  # of one query; FTS5 has a limit on the size of an expression
LONGEST_WORD = 256  # characters of one word of a query
AROUND = 30  # characters of an excerpt before the first match
EXCERPT = 100  # characters of an excerpt in all
CLOSE = 2000  # characters; in longer texts only the surroundings of the first match are mapped character by character
# FTS5's ascii tokenizer splits at ASCII signs, so they go to the end of a private plane that no text uses.
_SAFE = {chr(code): chr(0x10FF00 + code) for code in range(128) if not chr(code).isalnum()}
_PLAIN = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")


def fold(text: str) -> str:
    """`text` without the differences a search ignores: width, compatibility forms, capitals."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def grams(text: str) -> str:
    """The terms of a text for the index, separated by spaces."""
    safe = _safe(fold(text))
    return f"{_pairs(safe)} {safe[-1:]}"


def words(query: str) -> list[str]:
    """What a query looks for, folded: words separated by spaces, or phrases in quotes. All of them must occur."""
    found = [fold(quoted or word)[:LONGEST_WORD] for quoted, word in WORDS.findall(query)]
    return list(dict.fromkeys(word for word in found if word.strip()))[:MOST_WORDS]


def match(words: Sequence[str]) -> str:
    """The FTS5 expression that finds texts with all of `words`."""
    return " AND ".join(_phrase(word) for word in words)


def _phrase(word: str) -> str:
    safe = _safe(word)
    return f'"{_pairs(safe)}"' if len(safe) > 1 else f'"{safe}"*'


def _safe(text: str) -> str:
    for sign in sorted(_SAFE.keys() & set(text)):  # few: quicker than `translate`, which looks every character up
        text = text.replace(sign, _SAFE[sign])
    return text


def _pairs(safe: str) -> str:
    """The pairs with spaces between; on the code points, twenty times as fast as joining pairs of characters."""
    units = array("I", safe.encode(UTF_32, "surrogatepass"))
    woven = array("I", [ord(" ")]) * (3 * len(units) - 3)
    woven[::3], woven[1::3] = units[:-1], units[1:]
    return woven[:-1].tobytes().decode(UTF_32, "surrogatepass")


def excerpt(text: str, words: Sequence[str]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A piece of `text` around the first match, on one line, and where the matches are in it.

    Returns: the piece, with "…" where something was left out, and (start, end) of each match in it, in order.
    """
    low, high = _near(text, words)
    found = [(low + s, low + e) for s, e in _spans(text[low:high], words)]
    start = max(0, found[0][0] - AROUND) if found else low
    end = min(len(text), start + EXCERPT)
    shift = (1 if start else 0) - start
    piece = ("…" if start else "") + text[start:end].translate(_PLAIN) + ("…" if end < len(text) else "")
    return piece, tuple((max(s, start) + shift, min(e, end) + shift) for s, e in found if s < end)


def _near(text: str, words: Sequence[str]) -> tuple[int, int]:
    """(start, end) of a part of `text` that is small enough to look at closely and has the first match in it."""
    if len(text) <= 3 * CLOSE:
        return 0, len(text)
    folded = fold(text)
    first = min((at for at in map(folded.find, words) if at >= 0), default=0)
    size = 0
    for start in range(0, len(text), CLOSE):
        size += len(
            fold(text[start : start + CLOSE])
        )  # a cut between a letter and its mark is a character off: never mind
        if size > first:
            break
    return max(0, start - CLOSE), start + 2 * CLOSE


def _spans(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Where `words` occur in `text`, merged where they touch; positions in `text` as it was written."""
    folded, starts, ends = _folded(text)
    found = sorted((m.start(), m.end()) for word in words for m in re.finditer(re.escape(word), folded))
    merged: list[tuple[int, int]] = []
    for start, end in ((starts[s], ends[e - 1]) for s, e in found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _folded(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """The folded text, and for each of its characters where in `text` the piece begins and ends that it came from."""
    folded = fold(text)
    if len(folded) == len(text) and unicodedata.is_normalized("NFKC", text):
        return folded, range(len(text)), range(1, len(text) + 1)
    pieces, starts, ends = [], [], []
    for start, end in _clusters(text):
        piece = fold(text[start:end])
        pieces.append(piece)
        starts += [start] * len(piece)
        ends += [end] * len(piece)
    return "".join(pieces), starts, ends


def _clusters(text: str) -> list[tuple[int, int]]:
    """(start, end) of the pieces of `text` that fold independently: a character and the marks that combine with it."""
    starts = [i for i, c in enumerate(text) if i == 0 or not _joins(c)]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _joins(char: str) -> bool:
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.combining(first) != 0 or "\u1160" <= first <= "\u11ff"  # marks; vowels and ends of Hangul
