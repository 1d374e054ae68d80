"""Candidates: which model answers with which preset and which knowledge, as the user writes them.

`2` · `1 3` · `1-3` · `2/fast` · `gemma3/creative` · `*/fast` · `gemma3/*` · `all` · a trailing `x3` repeats with seeds.
A last part says what is put in front of the question: `2/rag` · `*/*/none` · `gemma3/fast/*` (none, prompt and rag).
Pure parsing over the lists it is given: it asks no engine and knows no screen.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from llamune.chat.preset import no_preset
from llamune.errors import UsageError, near
from llamune.i18n import _

REPEAT = re.compile(r"x(\d{1,2})")
Level = Literal["", "none", "prompt", "rag"]  # of knowledge: as the session has it · neither · extra prompts · both
LEVELS: tuple[Level, ...] = ("none", "prompt", "rag")
LIMIT = 30  # candidates in one selection; more is a slip of the finger


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model × one preset × one level of knowledge ("" = the session's own), and a seed where the same is asked
    several times."""

    model: str
    preset: str
    seed: int | None = None
    knowledge: Level = ""

    def __str__(self) -> str:
        written = "/".join(part for part in (self.model, self.preset, self.knowledge) if part)
        return written + (f" #{self.seed}" if self.seed is not None else "")


Lineup = tuple[Candidate, ...]


def read(written: str) -> Candidate:
    """The candidate that `str` wrote, without a seed."""
    head, _slash, level = written.rpartition("/")
    if level not in LEVELS or "/" not in head:
        head, level = written, ""
    model, _slash, preset = head.rpartition("/")
    return Candidate(model, preset, knowledge=cast(Level, level))


def parse(text: str, models: Sequence[str], presets: Sequence[str], preset: str) -> Lineup:
    """The candidates that a selection names, in the order written, each once.

    Args:
        models: the numbered list as it stands on the screen (1 is the first).
        presets: names that may follow a slash.
        preset: what a part without a slash takes.

    Raises: UsageError naming the part that is not understood, with near matches.
    """
    chosen: list[Candidate] = []
    for word in text.replace("，", " ").replace(",", " ").replace("、", " ").split():
        if times := REPEAT.fullmatch(word):
            chosen += _repeat(chosen, int(times[1]))
        else:
            chosen += _expand(word, models, presets, preset)
    unique = tuple(dict.fromkeys(chosen))
    if len(unique) > LIMIT:
        raise UsageError(
            _("{n} candidates are too many at once; {limit} is the limit.").format(n=len(unique), limit=LIMIT),
            _("Choose fewer models or presets."),
        )
    return unique


def _repeat(chosen: list[Candidate], times: int) -> list[Candidate]:
    if not chosen or not times:
        raise UsageError(_("x{n} repeats the candidate before it.").format(n=times), _("Example: gemma3/creative x3"))
    last = chosen.pop()
    return [replace(last, seed=n) for n in range(1, times + 1)]


def _expand(word: str, models: Sequence[str], presets: Sequence[str], preset: str) -> Iterator[Candidate]:
    word, levels = (word, ("",)) if word in models else level_of(word, presets)
    model_part, slash, preset_part = _halves(word, models)
    names = list(models) if model_part in ("*", "all", "") else _models(model_part, models)
    wanted = [preset] if not slash else list(presets) if preset_part in ("*", "") else [_preset(preset_part, presets)]
    return (Candidate(m, p, knowledge=cast(Level, level)) for m in names for p in wanted for level in levels)


def level_of(word: str, presets: Sequence[str]) -> tuple[str, Sequence[str]]:
    """What stands before the level of knowledge, and the levels meant. A preset of that name wins where one can be."""
    head, slash, last = word.rpartition("/")
    behind_preset = head.rpartition("/")[2] in (*presets, "*") and "/" in head
    if slash and last in LEVELS and (behind_preset or last not in presets):
        return head, (last,)
    return (head, LEVELS) if last == "*" and behind_preset else (word, ("",))


def _halves(word: str, models: Sequence[str]) -> tuple[str, str, str]:
    """Model names may hold a slash themselves (hf.co/x/y): a known name wins over the split."""
    if word in models:
        return word, "", ""
    return word.rpartition("/") if "/" in word else (word, "", "")


def _models(part: str, models: Sequence[str]) -> list[str]:
    if span := re.fullmatch(r"(\d+)(?:-(\d+))?", part):
        first, last = int(span[1]), int(span[2] or span[1])
        if not 1 <= first <= last <= len(models):
            raise UsageError(
                _("There is no model number {n}.").format(n=part), _("The list has 1 to {n}.").format(n=len(models))
            )
        return list(models[first - 1 : last])
    return [pick(part, models)]


def pick(part: str, models: Sequence[str]) -> str:
    """The one model that `part` means: exact, with :latest, or the only one that begins so. Raises UsageError."""
    for exact in (part, f"{part}:latest"):
        if exact in models:
            return exact
    starts = [m for m in models if m.casefold().startswith(part.casefold())]
    if len(starts) == 1:
        return starts[0]
    raise UsageError(
        _("{name} could be several models.").format(name=part)
        if starts
        else _("There is no model called {name}.").format(name=part),
        _("Did you mean {names}?").format(names=", ".join(starts[:5] or near(part, models) or models[:5])),
    )


def _preset(part: str, presets: Sequence[str]) -> str:
    if part in presets:
        return part
    raise no_preset(part, presets)
