"""What a recommended set says, and what differs between two of them. Values only: nothing is read or written here."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from llamune.chat.preset import OPTION_NAMES, SamplingOptions

PREFIX = "rec-"  # of the presets that a set in force brings: one for each purpose it has parameters for
VERSION = re.compile(r"(\d{4}-Q[1-4])(?:\.(\d{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Recommended:
    """One model of a set. `size` and `memory` in GB (10^9 bytes); `tags`: other names it goes by."""

    name: str
    priority: int
    preset: str
    size: float
    memory: float
    machine: str
    licence: str
    purpose: Mapping[str, str]
    tags: tuple[str, ...] = ()
    digest: str = ""
    deprecated: bool = False

    def installed_as(self, names: Iterable[str]) -> str:
        """The name under which it is there, "" when it is not."""
        known = set(names)
        return next((n for n in (self.name, *self.tags) if n in known), "")


@dataclass(frozen=True, slots=True)
class RecommendedSet:
    """One quarter's set. `models` by priority, 1 first; `order`: their names, in the order in which they shall answer;
    `parameters` by purpose."""

    version: str
    quarter: str
    updated: str
    measured: bool
    limit: int
    order: tuple[str, ...]
    models: tuple[Recommended, ...]
    changelog: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, SamplingOptions] = field(default_factory=dict)

    def best(self, names: Iterable[str]) -> str:
        """The model of the highest priority that is there, as it is called there; "" when there is none."""
        known = set(names)
        return next((n for m in self.models if not m.deprecated and (n := m.installed_as(known))), "")

    def lineup(self, names: Iterable[str]) -> list[str]:
        """The candidates of those models that are there, in execution order."""
        known, by_name = set(names), {m.name: m for m in self.models}
        found = ((by_name[n].installed_as(known), by_name[n].preset) for n in self.order if not by_name[n].deprecated)
        return [f"{name}/{preset}" for name, preset in found if name]


def age(version: str) -> tuple[str, int]:
    """By which versions are ordered: quarter, then number."""
    match = VERSION.fullmatch(version)
    return (match[1], int(match[2] or 0)) if match else ("", 0)


@dataclass(frozen=True, slots=True)
class Change:
    """One option of one purpose; None = not sent."""

    purpose: str
    option: str
    old: float | None
    new: float | None


@dataclass(frozen=True, slots=True)
class PresetChange:
    """A model that is recommended with another preset."""

    model: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What is other in a newer set: names of models; `order`, `priority`: those of both that changed places there, as
    they follow one another now; `limit`: 0 = as before."""

    new: tuple[str, ...]
    gone: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    limit: int = 0
    parameters: tuple[Change, ...] = ()
    presets: tuple[PresetChange, ...] = ()

    @classmethod
    def of(cls, old: RecommendedSet | None, new: RecommendedSet) -> "Difference":
        if old is None:
            return cls(tuple(_names(new)))
        before, after = _names(old), _names(new)
        used, uses = ({m.name: m.preset for m in one.models} for one in (old, new))
        return cls(
            tuple(n for n in after if n not in before),
            tuple(n for n in before if n not in after),
            _moved(old.order, new.order),
            _moved(before, after),
            new.limit if new.limit != old.limit else 0,
            tuple(_changes(old.parameters, new.parameters)),
            tuple(PresetChange(n, used[n], p) for n, p in uses.items() if used.get(n, p) != p),
        )


def _names(of: RecommendedSet) -> list[str]:
    return [m.name for m in of.models if not m.deprecated]


def _moved(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    was, now = [n for n in old if n in new], [n for n in new if n in old]
    return tuple(n for n, o in zip(now, was, strict=True) if n != o)


def _changes(old: Mapping[str, SamplingOptions], new: Mapping[str, SamplingOptions]) -> Iterator[Change]:
    nothing = SamplingOptions()
    for purpose in {**old, **new}:
        was, now = old.get(purpose, nothing).given(), new.get(purpose, nothing).given()
        yield from (Change(purpose, o, was.get(o), now.get(o)) for o in OPTION_NAMES if was.get(o) != now.get(o))
