"""The next quarter's set as the statistics of some machines would have it: who is chosen, how fast, how often it fails.

Models are ranked by what users chose (Bradley–Terry, chat/ranking.py): over all, and for each task on each class of
machine. Nothing is recommended on fewer than VOTES comparisons, and the lower end of the interval decides the order, so
that few votes never beat many. A person edits, checks and signs what comes of it; nothing is written here.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from llamune.chat.ranking import Name, Outcome, Rank, rank
from llamune.chat.usage import Line, by
from llamune.chat.usage_file import OTHER, Exported, Size
from llamune.errors import UsageError
from llamune.i18n import _
from llamune.recommend.values import Recommended, RecommendedSet

VOTES = 20  # comparisons
ERRORS = 0.1  # of answers that failed; a model with more is not recommended
GIB = 2**30
GB = 10**9
ROOM = 1.3  # a machine's memory for each byte that a model takes: the rest is the system's
MACHINES = (4, 8, 16, 32, 64, 128, 256, 512)  # GB
USUAL = "balanced"  # the preset of a model about whose presets too little is known


@dataclass(frozen=True, slots=True)
class Table:
    """The ranking for one task on one class of machine; "" = not known."""

    task: str
    machine: str
    ranks: tuple[Rank, ...]

    def place(self, model: str) -> int:
        """From 1, among those with enough votes; 0 = not one of them."""
        names = [r.model for r in self.ranks if r.n >= VOTES and r.group == 1]
        return names.index(model) + 1 if model in names else 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model: what was counted, and what becomes of it.

    Args:
        entry: what stands in the set; None = it is not in it.
        preset: the ranking of the preset it is recommended with, None where too little is known of presets.
        reason: why it is not recommended, "" when it is.
    """

    name: str
    line: Line
    rank: Rank | None
    preset: Rank | None
    entry: Recommended | None
    reason: str = ""

    @property
    def recommended(self) -> bool:
        return self.entry is not None and not self.reason


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed. `candidates`: best first, those that are not recommended last."""

    version: str
    base: RecommendedSet
    sources: tuple[Exported, ...]
    candidates: tuple[Candidate, ...]
    tables: tuple[Table, ...]

    @property
    def recommended(self) -> list[Candidate]:
        return [c for c in self.candidates if c.recommended]

    @property
    def order(self) -> list[Candidate]:
        """Those recommended, the quickest first, so that there is something to read soon."""
        return sorted(self.recommended, key=lambda c: c.line.total.at(0.5) or float("inf"))

    def best_at(self, name: str) -> list[Table]:
        """Tasks at which a model has the first place."""
        return [t for t in self.tables if t.task and t.place(name) == 1]


def propose(sources: Sequence[Exported], base: RecommendedSet, version: str, presets: Collection[str]) -> Proposal:
    """What the next set should be.

    Args:
        base: the set before; what is known of a model beyond its use comes from there.
        presets: names that every program knows.

    Raises: UsageError when no model has enough votes.
    """
    called = {tag: m.name for m in base.models for tag in (m.name, *m.tags)}
    played = [(task, s.machine, _called(o, called)) for s in sources for task, games in s.games.items() for o in games]
    places = sorted({(task, machine) for task, machine, _o in played})
    tables = [
        Table(task, machine, tuple(rank(_models(o for t, m, o in played if (t, m) == (task, machine)))))
        for task, machine in places
    ]
    counted = [replace(line, model=called.get(line.model, line.model)) for s in sources for line in s.lines]
    judge = _Judge(
        tables,
        {r.model: r for r in rank(_models(o for _t, _m, o in played))},
        [r for r in rank(o for _t, _m, o in played) if r.preset in presets and r.n >= VOTES],
        {line.model: line for line in by(counted, "model")},
        {called.get(name, name): size for s in sources for name, size in s.models.items()},
        {m.name: m for m in base.models},
    )
    proposal = Proposal(version, base, tuple(sources), tuple(judge.candidates()), tuple(t for t in tables if t.ranks))
    if not proposal.recommended:
        raise UsageError(
            _("No model can be recommended."),
            _("A recommendation rests on {n} comparisons or more: /adopt, /keep, /good and /rate make them.").format(
                n=VOTES
            ),
        )
    return proposal


def _called(outcome: Outcome, names: dict[str, str]) -> Outcome:
    """The outcome with the names by which the set before calls models."""

    def name(of: Name) -> Name:
        return names.get(of[0], of[0]), of[1]

    return replace(outcome, first=name(outcome.first), second=name(outcome.second))


def _models(played: Iterable[Outcome]) -> Iterable[Outcome]:
    """Models against one another, whatever their presets."""
    for o in played:
        if o.first[0] != o.second[0]:
            yield replace(o, first=(o.first[0], ""), second=(o.second[0], ""))


@dataclass(frozen=True, slots=True)
class _Judge:
    """Says of each model whether it is recommended."""

    tables: Sequence[Table]
    ranks: dict[str, Rank]
    presets: list[Rank]
    lines: dict[str, Line]
    sizes: dict[str, Size]
    before: dict[str, Recommended]

    def candidates(self) -> list[Candidate]:
        """Every model that was used or stood in the set before."""
        names = {**self.before, **self.lines}
        found = [self._candidate(name) for name in names if name != OTHER]
        found.sort(key=lambda c: (not c.recommended, c.entry is None, -(c.rank.low if c.rank else 0.0), c.name))
        return [
            replace(c, entry=replace(c.entry, priority=n, deprecated=bool(c.reason))) if c.entry else c
            for n, c in enumerate(found, 1)
        ]

    def _candidate(self, name: str) -> Candidate:
        line, reason = self.lines.get(name, Line(name)), self._against(name)
        best = max((r for r in self.presets if r.model == name), key=lambda r: r.low, default=None)
        entry = self._entry(name, best.preset if best else "")
        if self._few(name) or (reason and name not in self.before):
            entry = None
        elif not entry:
            reason = _("its size is not known: no machine had it when it exported")
        return Candidate(name, line, self.ranks.get(name), best, entry, reason)

    def _few(self, name: str) -> bool:
        return name not in self.ranks or self.ranks[name].n < VOTES

    def _against(self, name: str) -> str:
        """Why a model is not recommended, "" when nothing speaks against it."""
        line = self.lines.get(name, Line())
        if self._few(name):
            n = self.ranks[name].n if name in self.ranks else 0
            return _("{n} comparisons, {least} are needed").format(n=n, least=VOTES)
        found = self.ranks[name]
        if found.group != 1:
            return _("it never met most of the others, not even through others")
        if line.success is not None and 1 - line.success > ERRORS:
            return _("{share} of its answers failed").format(share=f"{1 - line.success:.0%}")
        enough = [r for t in self.tables for r in t.ranks if r.model == name and t.place(name)]
        if all(r.high < 0.5 for r in (found, *enough)):
            return _("surely chosen less often than an average one of these, for every task on every machine")
        return ""

    def _entry(self, name: str, preset: str) -> Recommended | None:
        if known := self.before.get(name):
            return replace(known, preset=preset or known.preset)
        if size := self.sizes.get(name):
            needed = next((n for n in MACHINES if size.memory * ROOM <= n * GIB), MACHINES[-1])
            figures = (round(size.size / GB + 0.05, 1), round(size.memory / GB + 0.05, 1))
            return Recommended(name, 1, preset or USUAL, *figures, f"{needed} GB", "?", {})
        return None
