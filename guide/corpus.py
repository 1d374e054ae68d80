"""The written material of the guide models: topics, answers, units of questions, and the known commands.

Reads data/*.toml, commands.txt and free.toml into values and expands the (a|b) patterns. A topic whose
command does not exist is skipped, so the models never learn to name it. This file neither words whole
questions (wording.py) nor trains.
"""

import itertools
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LANGUAGES = ("ja", "en")
OFF, ABSENT = "off", "absent"
KEYS = ("Ctrl-C", "Ctrl-D", "Ctrl-J", "Ctrl-X", "Ctrl-E", "Alt-Enter")  # keys are not in the list of commands
NAMED = re.compile(r"(?<![\w/.])/[a-z_]+|(?:Ctrl|Alt)-\w+|make [a-z]+|llamune [a-z]+(?: [a-z]+)?", re.ASCII)
PART = re.compile(r"\(([^()]*)\)(\?(?!$))?")


@dataclass(frozen=True, slots=True)
class Unit:
    """One pattern and every text it stands for; weight is its share of the questions of a topic."""

    texts: tuple[str, ...]

    @property
    def weight(self) -> float:
        return math.sqrt(len(self.texts))


@dataclass(frozen=True, slots=True)
class Topic:
    """What is learned (units), what is asked only in tests (held) and what is answered, by language."""

    name: str
    command: str
    weight: float
    answers: dict[str, tuple[str, ...]]
    units: dict[str, tuple[Unit, ...]]
    held: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """All that is known; `skipped` names the topics left out because their command does not exist."""

    topics: dict[str, Topic]
    skipped: tuple[str, ...]
    commands: tuple[str, ...]
    words: dict[str, Any]
    slots: dict[str, dict[str, list[str]]]

    def named(self, text: str) -> list[str]:
        """The commands and keys that a text names, in their order; unknown ones too."""
        found = []
        for name in NAMED.findall(text):
            short = " ".join(name.split()[:2])
            parent = any(c.startswith(short + " ") and "--" not in c for c in self.commands)
            found.append(short if short in self.commands and not parent else name)
        return found

    def unknown(self, text: str) -> list[str]:
        """What a text names although it does not exist."""
        return [c for c in self.named(text) if c not in self.commands and c not in KEYS]


def expand(pattern: str) -> list[str]:
    """Every text of a pattern: (a|b) either, (a)? inside the pattern optional, a last "?" is literal."""
    if pattern.endswith("??"):
        pattern = re.sub(r"\(([^()]*)\)\?\?$", r"(|\1)?", pattern)
    pieces: list[list[str]] = []
    end = 0
    for part in PART.finditer(pattern):
        pieces += [[pattern[end : part.start()]], part[1].split("|") + ([""] if part[2] else [])]
        end = part.end()
    return ["".join(p) for p in itertools.product(*pieces, [pattern[end:]])]


def split(block: str) -> list[str]:
    """The entries of a block of units."""
    return [u for u in re.split(r"\s*[;\n]\s*", block) if u]


def _topic(name: str, table: dict[str, Any], extra: dict[str, list[str]]) -> Topic:
    units: dict[str, tuple[Unit, ...]] = {}
    held: dict[str, tuple[str, ...]] = {}
    for lang in LANGUAGES:
        every = split(table[lang]["units"]) + extra[lang]
        held[lang] = tuple(t for u in every if u[0] == "!" for t in expand(u[1:]))
        never = set(held[lang])
        known = (tuple(t for t in expand(u) if t not in never) for u in every if u[0] != "!")
        units[lang] = tuple(Unit(texts) for texts in known if texts)
        if table["command"]:
            units[lang] += (Unit(("/" + table["command"],)),)
    answers = {lang: tuple(table[lang]["answers"]) for lang in LANGUAGES}
    return Topic(name, table["command"], table.get("weight", 1), answers, units, held)


def load() -> Corpus:
    """The corpus for the commands of commands.txt; raises ValueError for an answer that names another."""
    tables: dict[str, dict[str, Any]] = {}
    for path in sorted((HERE / "data").glob("*.toml")):
        tables |= tomllib.loads(path.read_text(encoding="utf-8"))
    words = {k: tables.pop(k) for k in ("system_texts", *LANGUAGES)}
    slots = {lang: {k: v.split() for k, v in t.items()} for lang, t in tables.pop("slots").items()}
    commands = tuple((HERE / "commands.txt").read_text(encoding="utf-8").split("\n"))
    known = {c for c in commands if c} | {*KEYS, "", "Tab", "//text"}
    missing = {n: t for n, t in tables.items() if t["command"] not in known}
    extra: dict[str, list[str]] = {lang: [] for lang in LANGUAGES}
    for table in missing.values():
        for lang in LANGUAGES if table.get("absent") else ():
            extra[lang] += split(table[lang]["units"])
    none: dict[str, list[str]] = {lang: [] for lang in LANGUAGES}
    topics = {n: _topic(n, t, extra if n == ABSENT else none) for n, t in tables.items() if n not in missing}
    corpus = Corpus(topics, tuple(missing), tuple(c for c in commands if c), words, slots)
    wrong = {c for t in topics.values() for a in t.answers.values() for x in a for c in corpus.unknown(x)}
    if wrong:
        raise ValueError(f"answers name commands that do not exist: {', '.join(sorted(wrong))}")
    return corpus


def free_questions(corpus: Corpus) -> list[tuple[str, str, str]]:
    """(topic, language, text) of free.toml, less the topics that do not exist."""
    data = tomllib.loads((HERE / "free.toml").read_text(encoding="utf-8"))
    return [(t, lang, q) for part in data.values() for lang, topics in part.items() if lang in LANGUAGES
            for t, questions in topics.items() if t in corpus.topics for q in questions]  # fmt: skip
