"""Turns units into whole questions: sentence frames, leads, tails, synonyms, politeness, typing errors.

The frames decide how many ways of asking the models know; a fifth of them is held out and only used for
scoring. Nothing here knows about tokens or models.
"""

import random
import re
from dataclasses import dataclass

from corpus import OFF, Corpus, Unit, expand

FIELD = re.compile(r"({\w})")
KINDS = {"~": "verb", "#": "noun", "/": "command"}
WIDE = {i: i + 0xFEE0 for i in range(0x21, 0x7F)}
ROW, WIDE_QUESTION = "いきぎしちにびみり", "\uff1f"
TE = ("って", "いて", "いで", "して", "って", "んで", "んで", "んで", "って")
GODAN = tuple("消出戻探直返渡移試回通隠足写話外")  # 全部消し is no する verb
SURU = ("検出し", "提出し")  # but these are
ICHIDAN = ("閉じ", "借り", "起き", "降り", "足り", "用い", "落ち", "信じ", "感じ")  # look like godan stems


def japanese(stem: str) -> dict[str, str]:
    """The forms of a verb phrase given by its ます-stem: dictionary form, て-form, "way of doing"."""
    kanji = r"[一-龥ァ-ヶー]"
    sino = re.search(kanji + kanji + "し$", stem) and not stem[:-1].endswith(GODAN)
    if stem == "し" or stem.endswith(SURU) or (stem[-1] == "し" and (stem[-2] in "にをとく" or sino)):
        dictionary, te = stem[:-1] + "する", stem + "て"
        way = stem if stem[-2:-1] in tuple("にをとく") else stem[:-1] + "の仕"
    elif stem.endswith(("行き", "持って行き")):
        dictionary, te, way = stem[:-1] + "く", stem[:-1] + "って", stem
    elif stem[-1] in ROW and not stem.endswith((*ICHIDAN, "見")):
        i, way = ROW.index(stem[-1]), stem
        dictionary, te = stem[:-1] + "うくぐすつぬぶむる"[i], stem[:-1] + TE[i]
    else:
        dictionary, te, way = stem + "る", stem + "て", stem
    return {"s": stem, "d": dictionary, "t": te, "o": "の".join(way.rsplit("を", 1))}


@dataclass(frozen=True, slots=True)
class Frames:
    """Sentence frames (by kind), leads and tails of one language: the trained ones or the held-out ones."""

    by_kind: dict[str, tuple[str, ...]]
    leads: tuple[str, ...]
    tails: tuple[str, ...]

    @classmethod
    def of(cls, table: dict[str, str], held: bool) -> "Frames":
        def pick(lines: list[str]) -> tuple[str, ...]:
            chosen = [x[held:] for x in lines if x.startswith("!") == held]
            return tuple(t for line in chosen for t in expand(line))

        kinds = {k: pick(table[k].strip("\n").split("\n")) for k in KINDS.values()}
        leads, tails = (pick(re.split(r"[|\n]", table[k].strip("\n"))) for k in ("lead", "tail"))
        return cls(kinds, leads, tails)


class Wording:
    """Words questions with one random generator; `held` uses the frames that training never sees."""

    def __init__(self, corpus: Corpus, seed: int, held: bool = False) -> None:
        self.corpus, self.rng, self.held = corpus, random.Random(seed), held
        self.frames = {lang: Frames.of(corpus.words[lang], held) for lang in ("ja", "en")}
        self.never = {t.lstrip("~#/") for topic in corpus.topics.values() for h in topic.held.values() for t in h}
        self.verbs = {lang: self._groups(lang, "verbs") for lang in ("ja", "en")}
        self.synonyms = {lang: self._groups(lang, "synonyms") for lang in ("ja", "en")}
        self.pseudo = {lang: corpus.words[lang]["pseudo"].split() for lang in ("ja", "en")}
        topics = [t for t in corpus.topics.values() if t.name != OFF]
        self.names, self.weights = [t.name for t in topics], [t.weight for t in topics]

    def _groups(self, lang: str, key: str) -> list[list[str]]:
        lines = self.corpus.words[lang][key].strip("\n").split("\n")
        return [[w.replace("_", " ") for w in line.split()] for line in lines]

    def question(self) -> tuple[str, str, str]:
        """(topic, language, text); 40 % off-topic, of those 40 % with a noun or an invented word put in."""
        rng = self.rng
        lang = rng.choice(("ja", "en"))
        name = OFF if rng.random() < 0.40 else rng.choices(self.names, self.weights)[0]
        units: tuple[Unit, ...] = self.corpus.topics[name].units[lang]
        if name == OFF and rng.random() < 0.4:
            units = tuple(u for u in units if "{thing}" in u.texts[0])
        unit = rng.choices(units, [u.weight for u in units])[0]
        return name, lang, self.vary(self.render(rng.choice(unit.texts), lang), lang)

    def render(self, unit: str, lang: str) -> str:
        """A unit in a sentence frame, its slots filled."""
        rng = self.rng
        if "{thing}" in unit and rng.random() < 0.45:  # a word that does not exist: the unknown is off-topic
            unit = unit.replace("{thing}", "".join(rng.choices(self.pseudo[lang], k=rng.randint(2, 4))))
        unit = re.sub(r"{(\w+)}", lambda m: rng.choice(self.corpus.slots[lang][m[1]]), unit)
        kind = KINDS.get(unit[0])
        if not kind or (kind == "command" and unit.count("/") > 1 and " " in unit):
            return unit
        body = self._reword(unit[1:], lang) if kind == "verb" else unit[1:]
        forms = japanese(body) if kind == "verb" and lang == "ja" else {"n": body, "v": body}
        frames = self.frames[lang].by_kind[kind]
        frame = rng.choice(frames)
        if kind != "command" and not self.held and rng.random() < 0.3:
            frame = self._spliced(frame, rng.choice(frames), lang)
        return frame.format(**forms)

    def _spliced(self, frame: str, other: str, lang: str) -> str:
        """Both frames cut somewhere and joined: words around a phrase mean little, known or not."""
        (before, field, after), (more, _, rest) = (FIELD.split(f) for f in (frame, other))
        gap = "" if lang == "ja" else " "

        def join(x: str, y: str) -> str:
            left, right = (list(x), list(y)) if lang == "ja" else (x.split(), y.split())
            pieces = left[: self.rng.randint(0, len(left))] + right[self.rng.randint(0, len(right)) :]
            return gap.join(pieces)

        return gap.join(p for p in (join(before, more), field, join(after, rest)) if p)

    def _reword(self, body: str, lang: str) -> str:
        """Another verb of the same meaning, but never one that would create a held-out unit."""
        for verbs in self.verbs[lang] if self.rng.random() < 0.3 else ():
            for verb in verbs:
                if body.endswith(tuple(p + verb for p in "をらに")) if lang == "ja" else body.startswith(verb + " "):
                    other = self.rng.choice(verbs)
                    new = body[: -len(verb)] + other if lang == "ja" else other + body[len(verb) :]
                    return body if new in self.never else new
        return body

    def vary(self, text: str, lang: str) -> str:
        """Synonyms, leads, tails, punctuation, dropped particles, case, full width, typing errors."""
        rng = self.rng
        for words in self.synonyms[lang]:
            word = next((w for w in words if w in text), None)
            if word and rng.random() < 0.2:
                found = re.escape(word) if lang == "ja" else rf"\b{re.escape(word)}\b"
                text = re.sub(found, rng.choice(words), text, count=1)
        text = self._dress(text, lang)
        if lang == "ja" and rng.random() < 0.12:
            text = re.sub("[をはがの]", "", text, count=1)
        if rng.random() < 0.25:
            text = rng.choice([str.lower, str.lower, str.lower, str.capitalize, str.upper])(text)
        if rng.random() < 0.03:
            text = text.translate(WIDE)
        return self._mistype(text).strip() if rng.random() < 0.1 and len(text) > 6 else text.strip()

    def _dress(self, text: str, lang: str) -> str:
        """A lead, a tail that says nothing, other punctuation."""
        rng, frames, p = self.rng, self.frames[lang], self.rng.random()
        if rng.random() < 0.15:
            text = rng.choice(frames.leads) + text
        if rng.random() < 0.15:
            text = text.rstrip("?。.") + rng.choice(frames.tails) + rng.choice(["", "?"])
        if p < 0.35:
            return text.rstrip("?。.")
        if lang == "ja" and p < 0.6:
            return text.replace("?", WIDE_QUESTION)
        return text.rstrip("?。.") + rng.choice(["!", "。" if lang == "ja" else ".", "??", "..."]) if p > 0.9 else text

    def _mistype(self, text: str) -> str:
        i = self.rng.randrange(1, len(text) - 1)
        swapped = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
        return self.rng.choice([text[:i] + text[i + 1 :], text[: i + 1] + text[i:], swapped])
