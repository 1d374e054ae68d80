"""A sweep: many questions × many candidates, asked in an order that loads each model once, and what came of a question.

Pure planning and adding up: it asks no engine, reads no file, and knows no screen. Everything that one candidate sees
the others see, too: the same question, the same system prompt, and no conversation before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llamune.chat import disagreement, expect, lineup, scheduler
from llamune.chat.disagreement import Report
from llamune.chat.lineup import Candidate, Level, Lineup
from llamune.chat.preset import no_preset
from llamune.chat.session import Answer
from llamune.errors import UsageError
from llamune.i18n import _

MOST = 100  # candidates in one sweep
LOAD_MS = 250  # Ollama looks every 250 ms whether a model has loaded: less than that was no load
EVERYTHING = ("all", "*", "")


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `id` is whatever the user's file calls it, `expect` texts of which one should be in the answer."""

    text: str
    id: Any = None
    expect: tuple[str, ...] = ()
    system: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One question for one candidate, by their places."""

    question: int
    candidate: int


@dataclass(frozen=True, slots=True)
class Result:
    """All answers to one question, with what their comparison says.

    Args:
        number: the question's place, from 1.
        right: letter → how the expected text was found ("exact", "contains", "facts", "" = not); empty without one.
        seconds: that our clock counted, all answers one after the other.
    """

    number: int
    question: Question
    answers: tuple[Answer, ...]
    report: Report
    right: Mapping[str, expect.How] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def answered(self) -> bool:
        return any(a.status == "complete" for a in self.answers)

    @property
    def loads(self) -> dict[str, int]:
        """How often each model was loaded for it; a model that was in memory has 0."""
        counted = dict.fromkeys((a.model for a in self.answers), 0)
        for answer in self.answers:
            counted[answer.model] += loaded(answer)
        return counted


def loaded(answer: Answer) -> bool:
    """Whether the model was loaded for this answer, by the engine's own record."""
    return (answer.usage.load_ms or 0) > LOAD_MS


def candidates(
    models: Sequence[str],
    presets: Sequence[str],
    *,
    installed: Sequence[str],
    known: Sequence[str],
    seeds: int = 0,
    levels: Sequence[Level] = (),
) -> Lineup:
    """Who answers: every model with every preset and level of knowledge, those of one model together.

    Args:
        models: what was typed for them ("gemma3", "gemma3/fast", "all"); a part with a preset keeps it.
        presets: what was typed for those ("code,balanced", "all").
        installed: every model's name, in the order of the list on the screen.
        known: every preset's name.
        seeds: ask each one so many times with seeds 1, 2, …; 0 = once, without a seed.
        levels: of knowledge, for those that name none.

    A name that no installed model has becomes a candidate of its own: asking it says what is wrong.
    Raises: UsageError for an unknown preset, a name with several meanings, or too many candidates.
    """
    names = [*installed, *_unknown(models, installed, known)]
    chosen = [
        candidate
        for text in models
        for preset in preset_names(presets, known)
        for candidate in lineup.parse(text, names, known, preset)
    ]
    chosen = [replace(c, knowledge=k) for c in chosen for k in ([c.knowledge] if c.knowledge else levels or [""])]
    if seeds:
        chosen = [replace(c, seed=n) for c in chosen for n in range(1, seeds + 1)]
    grouped = tuple(scheduler.order(list(dict.fromkeys(chosen)), ()))
    if len(grouped) > MOST:
        raise UsageError(
            _("{n} candidates are too many at once; {limit} is the limit.").format(n=len(grouped), limit=MOST),
            _("Choose fewer models or presets."),
        )
    return grouped


def preset_names(typed: Sequence[str], known: Sequence[str]) -> list[str]:
    """The presets that were named, each once. Raises UsageError with near matches."""
    found: list[str] = []
    for word in (w.strip() for text in typed for w in text.replace("、", ",").replace("，", ",").split(",")):
        if word not in known and word not in EVERYTHING:
            raise no_preset(word, known)
        found += known if word in EVERYTHING else [word]
    return list(dict.fromkeys(found))


def words(models: Iterable[str]) -> list[str]:
    """The single words of what was typed for models."""
    return [w for text in models for w in text.replace("，", " ").replace(",", " ").replace("、", " ").split()]


def _unknown(models: Iterable[str], installed: Sequence[str], known: Sequence[str]) -> list[str]:
    """Names among the typed words that mean no installed model."""
    found = []
    for word in (lineup.level_of(word, known)[0] for word in words(models)):
        head, slash, tail = word.rpartition("/")
        split = slash and (tail in known or tail in EVERYTHING or ("/" not in head and _installed(head, installed)))
        name = head if split else word
        means = name in EVERYTHING or name[0].isdecimal() or lineup.REPEAT.fullmatch(name)
        if not means and not _installed(name, installed):
            found.append(name)
    return list(dict.fromkeys(found))


def _installed(name: str, installed: Sequence[str]) -> bool:
    """Whether a name is one model's, or could be several's (which `lineup.pick` then says)."""
    return f"{name}:latest" in installed or any(m.casefold().startswith(name.casefold()) for m in installed)


def order(candidates: Sequence[Candidate], questions: Sequence[Question], loaded: Sequence[str] = ()) -> list[Job]:
    """Every question for every candidate, so that each model is loaded once and each prompt is read once.

    Grouped by model (those in memory first), then by system prompt, then by question; the presets of a model follow one
    another on one question, because they share its prompt.
    """
    by_model = {c.model: n for n, c in enumerate(scheduler.order(candidates, loaded))}
    systems = {s: n for n, s in enumerate(dict.fromkeys(q.system for q in questions))}
    asked = sorted(range(len(questions)), key=lambda q: systems[questions[q].system])
    return [
        Job(question, place)
        for model in sorted(dict.fromkeys(c.model for c in candidates), key=lambda m: by_model[m])
        for question in asked
        for place, candidate in enumerate(candidates)
        if candidate.model == model
    ]


def result(number: int, question: Question, answers: Sequence[Answer], *, seconds: float = 0.0) -> Result:
    """Compares the answers to one question, and with the expected text where there is one."""
    done = [a for a in answers if a.status == "complete"]
    right = {a.letter: expect.found(question.expect, a.text) for a in done} if question.expect else {}
    report = disagreement.compare([(a.letter, a.text) for a in done])
    return Result(number, question, tuple(answers), report, right, seconds)
