"""Statistics as a file for whoever recommends models: counts, spreads and comparisons. No text of any conversation.

What leaves is named one by one here: names of models, presets that ship with Llamune (others are called "own"), tasks
of our list, numbers, and a class of machine. Reading such files is usage_reading.py's.

    {"format": "llamune-statistics", "version": 1, "machine": "16 GB", "first": "2026-10-05", "last": "2026-12-28",
     "models": {NAME: {"size": BYTES, "memory": BYTES}},
     "lines": [{"model", "preset", "task", counts …, "total": [[BUCKET, COUNT] …], "first", "load", "speed"} …],
     "games": [{"task", "first": [MODEL, PRESET], "second": …, "score": 0 | 0.5 | 1, "blind", "count"} …]}
"""

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from llamune.chat.fit import Machine
from llamune.chat.ranking import Name, Outcome, summed
from llamune.chat.task import TASKS
from llamune.chat.usage import KEYS, Line, by, monday

FORMAT, VERSION = "llamune-statistics", 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,99}")
CLASS = re.compile(r"|(?:GPU )?[1-9]\d{0,3} GB", re.ASCII)
OWN, OTHER = "own", "other"  # a preset of the user's own; a model whose name is no usual one
COUNTS = ("answers", "complete", "failed", "compared", "chosen", "good", "bad", "rated", "points")
SPREADS = ("total", "first", "load", "speed")


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a model: its weights, and what it takes in memory."""

    size: int
    memory: int


@dataclass(frozen=True, slots=True)
class Exported:
    """One machine's figures. `games`: comparisons by task; `first` and `last`: Mondays, as YYYY-MM-DD."""

    machine: str
    first: str
    last: str
    models: Mapping[str, Size]
    lines: tuple[Line, ...]
    games: Mapping[str, tuple[Outcome, ...]]

    @property
    def comparisons(self) -> int:
        return sum(o.count for games in self.games.values() for o in games)


# out


def anonymous(
    lines: Iterable[Line],
    games: Iterable[tuple[str, Iterable[Outcome]]],
    models: Mapping[str, Size],
    machine: Machine,
    presets: Collection[str],
) -> Exported:
    """What may leave.

    Args:
        games: tasks with comparisons.
        models: the installed ones; only those that were used are named.
        presets: names that everybody has.
    """

    def shared(name: Name) -> Name:
        return _shared(name[0]), name[1] if name[1] in presets else OWN

    kept, played = [], dict[str, list[Outcome]]()
    weeks, used = set[int](), set[str]()
    for line in lines:
        model, preset = shared((line.model, line.preset))
        weeks |= line.weeks.keys()
        used.add(model)
        kept.append(replace(line, model=model, preset=preset, task=_task(line.task), weeks={}))
    for task, outcomes in games:
        named = (replace(o, first=shared(o.first), second=shared(o.second)) for o in outcomes)
        played.setdefault(_task(task), []).extend(o for o in named if o.first != o.second)
    return Exported(
        machine_class(machine),
        str(monday(min(weeks))) if weeks else "",
        str(monday(max(weeks))) if weeks else "",
        {name: size for name, size in models.items() if name in used},
        tuple(by(kept, *KEYS)),
        {task: tuple(summed(outcomes)) for task, outcomes in played.items() if outcomes},
    )


def _shared(model: str) -> str:
    return model if NAME.fullmatch(model) else OTHER


def _task(task: str) -> str:
    return task if task in TASKS else ""


def machine_class(machine: Machine) -> str:
    """Roughly what a machine is: "16 GB", or "GPU 24 GB" where a GPU has memory of its own; "" = not known."""
    graphics = max((g.total for g in machine.gpus if not g.unified), default=0)
    size = graphics or machine.total
    return f"{'GPU ' if graphics else ''}{rounded(size)} GB" if size else ""


def rounded(size: int) -> int:
    """Bytes as the GB that a machine is sold with: 4, 6, 8, 12, 16, 24, 32 …; systems report a little less."""
    steps: list[int] = [n for power in range(2, 12) for n in (2**power, 3 * 2 ** (power - 1))]
    return min(steps, key=lambda n: abs(math.log(size / 2**30 / n)))


def written(exported: Exported) -> str:
    """The file's text."""
    lines = [
        {name: getattr(line, name) for name in (*KEYS, *COUNTS)}
        | {name: sorted(getattr(line, name).buckets.items()) for name in SPREADS}
        for line in exported.lines
    ]
    games = [
        {"task": task, "first": o.first, "second": o.second, "score": o.score, "blind": o.blind, "count": o.count}
        for task, outcomes in exported.games.items()
        for o in outcomes
    ]
    head = {name: getattr(exported, name) for name in ("machine", "first", "last")}
    models = {name: {"size": s.size, "memory": s.memory} for name, s in exported.models.items()}
    whole = {"format": FORMAT, "version": VERSION, **head, "models": models, "lines": lines, "games": games}
    return "{\n" + ",\n".join(f'"{key}": {_rows(value)}' for key, value in whole.items()) + "\n}\n"


def _rows(value: object) -> str:
    """JSON with a line for each element of a list, so that people can read what they give away."""
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(element) for element in value) + "\n]"
