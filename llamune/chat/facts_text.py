"""An answer taken apart into sentences, and what a sentence is about, as a bag of weighted terms.

Markdown marks, list numbers, step numbers, addresses and code blocks are form, not content: they go here, once, so
that no later step takes "3." for a number. Headings, the line above a list and the heads of a table belong to what
stands under them; they come along as the sentence's label. Nothing here understands grammar: terms are pairs of
kanji, katakana words and Latin stems, which is enough to see that two sentences speak of the same thing.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from llamune.chat.facts_words import KANA, STOP

SENTENCE = 1_000  # characters; what runs on without an end is cut there
LABEL = 100  # characters of a heading or lead-in that belong to what stands under it
CELLS = 40  # of a table row

Bag = Mapping[str, float]  # term → weight

FOLD = {0x3000: " ", 0xFFE5: "¥", 0x301C: "~", 0x2019: "'", 0x2212: "-", 0x2013: "-", 0x2014: "-", 0x2010: "-"}
FOLD |= {c: chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F)}  # one character for one: positions stay

_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+")
_MARKER = re.compile(
    r"\s*(?:>\s*)*(?:(?:[-*+•●○◆◇■□▪‣–]\s+|・\s*)(?:\[[ xX]\]\s+)?)?"
    r"(?:[((]?(?:\d{1,2}|[a-zA-Zア-ン])[))]\s*|\d{1,2}[.．、](?!\d)\s*|[①-⑳❶-❿]\s*)?"
)
_MARKS = re.compile(r"\*\*+|__+|`+|~~|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)|<[/a-zA-Z][^<>]{0,200}>|\[\^?\d{1,3}\](?!\()")
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,2000}(?:\s\"[^\"]{0,300}\")?\)")
_URL = re.compile(r"(?:https?://|www\.)[\w\-./?%&=#~+:;,@!]{1,2000}")
_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}\Z")
_SEPARATOR = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*\Z")
_END = re.compile(r"[。！？!?]+[」』）)]*|\.+(?=\s+[\"'(]?[^\sa-z])|\.+\s*\Z")
_STEP = re.compile(  # numbers that count parts of the text itself
    r"(?:ステップ|手順|ポイント|方法|理由|例|図|表|注|その|案|選択肢|パターン|ケース|質問"
    r"|項目)\s*\d{1,2}(?![\d.]*[^\W\d_]?[%円])"
    r"|(?:step|figure|fig\.|table|example|option|tip|reason|point|part|no\.|question|case|phase)\s*#?\d{1,2}\b"
    r"|第?[一二三四五六七八九\d]{1,2}(?:つ目|番目|点目)|第[一二三四五]に",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"[\d一二三四五六七八九]")
_CLAUSE = re.compile(r"[、;；]|,(?!\d)|\b(?:and|but|while|whereas|or)\b|(?<=[すたる])が[、,]?|または|および|及び|又は")
_TERM = re.compile(
    r"[一-鿿々〆]+|[ァ-ヴー]{2,}|[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ'\-]+"
    r"|(?<![ぁ-んァ-ヴー一-鿿々])[ぁ-ん]{2,8}?(?=[はがをのも](?![ぁ-ん])|[\s:、]|\Z)"  # りんご, not an ending
)

_FORMAL = frozenset("事時物為方様等的下上中内")  # kanji that carry grammar rather than a subject


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, list item or table cell. `folded` has the same length as `text`: positions serve for both."""

    text: str
    folded: str
    label: str = ""


def sentences(text: str) -> list[Sentence]:
    """The sentences of a Markdown text in order, without code blocks, marks and list numbers."""
    found: list[Sentence] = []
    heading, lead, row, head = "", "", [""], [""]
    for line in _without_code(text):
        if line.lstrip().startswith("|"):
            head = row if _SEPARATOR.match(line) else head
            found = found[: -len(row)] if head is row else found  # the head of a table is no row of it
            row = [] if head is row else _row(line)
            found += _cells(row, head, heading)
            continue
        row, head = [""], [""]
        if _RULE.match(line):
            continue
        listed = bool(_found(_MARKER.match(line)).strip())
        bare = _bare(line)
        if _HEADING.match(line):
            heading, lead = bare[:LABEL], ""
        elif bare and not listed:
            lead = bare[-LABEL:] if bare.endswith((":", "：")) else ""
        label = heading if not listed else f"{heading} {lead}"
        found += [Sentence(piece, fold(piece), "" if piece == heading else label) for piece in _split(bare)]
    return found


def fold(text: str) -> str:
    """`text` with full-width signs as ASCII and numbers of steps blanked, character for character."""
    folded = text.translate(FOLD)
    return _STEP.sub(lambda m: " " * len(m.group()), folded) if _COUNTED.search(folded) else folded


def squeezed(text: str) -> str:
    """`text` in the form in which names are looked for: NFKC, lower case, without spaces and long vowel marks."""
    return re.sub(r"[\sー・\-'’.]+", "", unicodedata.normalize("NFKC", text).lower())


def clauses(folded: str) -> list[tuple[int, int]]:
    """The parts of a sentence between commas and conjunctions, as (start, end)."""
    cuts = [m.span() for m in _CLAUSE.finditer(folded)]
    starts = [0, *(end for _, end in cuts)]
    return list(zip(starts, [*(start for start, _ in cuts), len(folded)], strict=True))


def terms(folded: str, weight: float = 1.0) -> dict[str, float]:
    """What a text is about: term → weight; single kanji count less than pairs and words."""
    bag: dict[str, float] = {}
    for match in _TERM.finditer(folded):
        word = match.group()
        if word[0] >= "一" or word[0] in "々〆":
            for one in word:
                if one not in _FORMAL:
                    bag[one] = weight * 0.4
            for n in range(len(word) - 1):
                bag[word[n : n + 2]] = weight
        elif word[0] >= "ァ":
            bag[word.replace("ー", "")] = weight * 1.2
        elif word[0] >= "ぁ":
            if word not in KANA:
                bag[word] = weight
        elif (lower := word.lower()) not in STOP:
            bag[stem(lower)] = weight
    return bag


def stem(word: str) -> str:
    """An English word without its most frequent endings; rough, the same for all forms of most words."""
    word = word.removesuffix("'s")
    for end in ("ings", "ing", "ied", "ies", "ed", "es", "s", "ly"):
        if len(word) - len(end) >= 3 and word.endswith(end) and not word.endswith("ss"):
            word = word.removesuffix(end) + ("y" if end in ("ied", "ies") else "")
            break
    return word.removesuffix("e") if len(word) > 3 else word


def merged(*bags: Bag) -> dict[str, float]:
    """One bag with the highest weight of each term."""
    whole: dict[str, float] = {}
    for bag in bags:
        for term, weight in bag.items():
            if weight > whole.get(term, 0):
                whole[term] = weight
    return whole


def rarity(bags: Iterable[Bag]) -> dict[str, float]:
    """How much a term tells apart, by the number of bags that hold it."""
    seen: Counter[str] = Counter()
    total = 0
    for bag in bags:
        seen.update(bag.keys())
        total += 1
    return {term: math.log(1.5 + total / count) for term, count in seen.items()}


class Index:
    """Finds among many bags those that are about the same as a given one, in time bounded per term."""

    POSTINGS = 150  # bags a term may lead to; one that stands in more tells nothing

    def __init__(self, bags: Sequence[Bag], rare: Mapping[str, float]) -> None:
        self._bags, self._rare = bags, rare
        self._size = [self._weight(bag) for bag in bags]
        self._where: dict[str, list[int]] = {}
        for n, bag in enumerate(bags):
            for term in bag:
                self._where.setdefault(term, []).append(n)

    def near(self, bag: Bag) -> dict[int, float]:
        """Likeness (0 to 1) of the bags that share a telling term with `bag`, by their number."""
        shared: dict[int, float] = {}
        for term, weight in bag.items():
            where = self._where.get(term, ())
            if len(where) <= self.POSTINGS:
                for n in where:
                    shared[n] = shared.get(n, 0.0) + min(weight, self._bags[n][term]) * self._rare.get(term, 1.0)
        size = self._weight(bag) or 1.0
        return {n: value / math.sqrt(size * self._size[n]) for n, value in shared.items()}

    def _weight(self, bag: Bag) -> float:
        return sum(weight * self._rare.get(term, 1.0) for term, weight in bag.items())


def _without_code(text: str) -> list[str]:
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and (not fence or mark.group(1) == fence):
            fence = "" if fence else mark.group(1)
        elif not fence:
            lines.append(line)
    return lines


def _bare(line: str) -> str:
    """A line without its list or heading mark and without Markdown."""
    line = _HEADING.sub("", line, count=1)
    line = _MARKS.sub("", _URL.sub(" ", _LINK.sub(r"\1", line)))
    return line[len(_found(_MARKER.match(line))) :].strip()


def _found(match: re.Match[str] | None) -> str:
    return match.group() if match else ""


def _split(line: str) -> Iterator[str]:
    """The sentences of a line; one longer than SENTENCE is cut."""
    start = 0
    for end in (*(m.end() for m in _END.finditer(line)), len(line)):
        for cut in range(start, end, SENTENCE):
            if piece := line[cut : min(cut + SENTENCE, end)].strip():
                yield piece
        start = end


def _row(line: str) -> list[str]:
    cells = line.strip().strip("|").split("|", CELLS)[:CELLS]
    return [_MARKS.sub("", cell).strip()[:SENTENCE] for cell in cells]


def _cells(row: Sequence[str], head: Sequence[str], heading: str) -> Iterator[Sentence]:
    """Each cell of a row, with the row's first cell and its column's head before it."""
    for n, cell in enumerate(row):
        column = head[n] if n < len(head) and (n or len(row) == 1) else ""
        first = row[0] if n else ""
        text = f"{first} {column}: {cell}" if n and cell else cell
        yield Sentence(text, fold(text), heading)
