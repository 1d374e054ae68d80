"""Pairs from documents by rules, where no model writes them: a question about each section, its text as the answer.

The questions are plain ones that colleagues ask; the answer is the section itself with its place behind it, so the
model learns the terms and the form, and nothing that is not written there.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import cycle

from llamune.chat.message import Message
from llamune.sources.document import Document, Section
from llamune.training.pairs import Pair

LONGEST = 800  # characters of an answer; it ends with a sentence
SHORTEST = 6  # a rule may be as short as 年休は二十日。
_CLAUSE = re.compile(
    r"^第\s*[0-9０-９一二三四五六七八九十百千]+\s*[編章節款条項](?:の[0-9０-９一二三四五六七八九十]+)?\s*"
)
_JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
_SENTENCE = re.compile(r".*?(?:[。！？]|[.!?](?=\s)|\n|$)", re.DOTALL)
ASKED = {
    "ja": (
        "{topic}について教えてください。",
        "{title}の「{topic}」には何が書かれていますか?",
        "{topic}はどう定められていますか?",
        "{topic}を説明してください。",
    ),
    "en": (
        "Tell me about {topic}.",
        "What does {title} say about {topic}?",
        "Explain {topic}.",
        "How is {topic} done?",
    ),
}
UNKNOWN = {
    "ja": "それは手元の資料には見当たりません。担当部署に確かめてください。",
    "en": "That is not in our documents. Please ask the department in charge.",
}


def language(text: str) -> str:
    """ "ja" for a text with Japanese in it, else "en"."""
    return "ja" if _JAPANESE.search(text) else "en"


def pairs(documents: Iterable[Document], variations: int = 2) -> Iterator[Pair]:
    """For each section with a heading `variations` questions with the same answer."""
    for document in documents:
        turns = {code: cycle(asked) for code, asked in ASKED.items()}
        for section in document.sections:
            if section.kind != "code" and (answer := _answer(document, section)):
                topic = _CLAUSE.sub("", section.path[-1]) if section.path else document.title
                for _n in range(variations):
                    question = next(turns[language(section.text)]).format(topic=topic, title=document.title)
                    yield Pair((Message("user", question), Message("assistant", answer)), "qa", document.path,
                               evidence=_first(section.text))  # fmt: skip


def refusals(documents: Iterable[Document], questions: Iterable[str]) -> Iterator[Pair]:
    """Questions that the documents do not answer, with the answer that says so."""
    texts = "\n".join(s.text for d in documents for s in d.sections)
    for question in questions:
        topic = question.rstrip("?？。.")
        if topic not in texts:
            answer = UNKNOWN[language(question)]
            yield Pair((Message("user", question), Message("assistant", answer)), "refusal", f"refusal: {topic}")


def _answer(document: Document, section: Section) -> str:
    text = section.text.strip()
    if len(text) < SHORTEST:
        return ""
    body = f"{section.header}\n{text}" if section.header else text
    kept = ""
    for sentence in _SENTENCE.findall(body):
        if len(kept) + len(sentence) > LONGEST:
            break
        kept += sentence
    place = " ".join((document.title, *section.path[-1:])).strip()
    return f"{kept.strip()}\n({place})" if kept.strip() else ""


def _first(text: str) -> str:
    return str(_SENTENCE.findall(text.strip())[0]).strip()
