"""A text as keyword search sees it: pairs and triples of characters, and single kanji. Pure functions.

Japanese has no spaces between words, so pieces of runs are terms: a question and a text that share a word share its
pieces. Width, compatibility forms, capitals and the two kana are made one first (ｶﾅ = カナ = かな). A single kanji
means something and is a term of its own; a single kana is one only in a text or question that has nothing longer.
"""

import re
import unicodedata

_RUN = re.compile(r"[^\W_]+")
_KANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_CONTENT = re.compile(r"[\u3400-\u9fff々〆]+|[ァ-ヺー]+|[^\W_\u3000-\u9fff]+")
_LONGEST_RUN = 64  # of letters without a break, in a script with spaces: a key or a hash; only its pieces count


def fold(text: str) -> str:
    """`text` without the differences that a search ignores."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_KANA)


def terms(text: str) -> list[str]:
    """The terms of a text, in order, repeated as they repeat."""
    found: list[str] = []
    for run in _RUN.findall(fold(text)):
        if run.isascii():
            found.append(run[:_LONGEST_RUN])
        singles = [char for char in run if not _plain(char)] or ([run] if len(run) == 1 else [])
        found += singles
        for size in (2, 3):
            found += [run[i : i + size] for i in range(len(run) - size + 1)]
    return found


def asked(question: str) -> list[str]:
    """The terms of a question, each once."""
    return list(dict.fromkeys(terms(question)))


def telling(text: str) -> list[str]:
    """The terms of a text without those of hiragana alone, which are grammar more often than meaning."""
    found: list[str] = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).casefold()):
        told, hiragana = run.translate(_KANA), [0] * (len(run) + 1)  # how many of them follow from a place on
        for i in range(len(run) - 1, -1, -1):
            hiragana[i] = hiragana[i + 1] + 1 if "ぁ" <= run[i] <= "ん" or run[i] == "ー" else 0
        for size in (1, 2, 3):
            found += [told[i : i + size] for i in range(len(run) - size + 1) if hiragana[i] < size]
    return found


def content(text: str) -> list[str]:
    """The terms of a text that carry its content: pairs within runs of kanji, of katakana, of letters; each once."""
    found: list[str] = []
    for run in _CONTENT.findall(unicodedata.normalize("NFKC", text).casefold()):
        piece = run.translate(_KANA)
        found += [piece[i : i + 2] for i in range(len(piece) - 1)] or [piece]
    return list(dict.fromkeys(found))


def _plain(char: str) -> bool:
    """A letter or kana that says nothing alone."""
    return char < "\u2e80" or "\u3040" <= char <= "\u30ff"
