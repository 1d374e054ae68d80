"""Asks every question of every candidate, keeps each answer as it comes, and hands results on in order.

Requests, context and retries are those of the chat: each answer is a conversation of one turn that is not stored
(late.py). One answer is made at a time unless told otherwise, because speeds of answers made beside one another say
nothing. Ctrl-C, SIGTERM and a crash lose no complete answer.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from llamune.chat import sweep
from llamune.chat.conversation import Conversation
from llamune.chat.lineup import Candidate, Lineup
from llamune.chat.model import DEMONSTRATION, ModelInfo
from llamune.chat.passage import Found
from llamune.chat.ports import Store
from llamune.chat.preset import SamplingOptions
from llamune.chat.scheduler import LIMITS
from llamune.chat.session import Answer, ChatSession
from llamune.chat.sweep import Job, Question
from llamune.chat.tally import Figures, Tally
from llamune.cli import INTERRUPTED, start
from llamune.cli.compare_bar import Bar
from llamune.cli.compare_kept import Kept, key
from llamune.cli.compare_out import About, Sink
from llamune.cli.late import LateStore
from llamune.cli.signals import cancel_on_signals
from llamune.errors import EngineError, ModelNotFound, UsageError
from llamune.i18n import _, ngettext
from llamune.library import Library
from llamune.text import clean, one_line

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.engine.catalog import Catalog

UNANSWERED = 3  # exit code of the engines' errors
FOLDER = "compare"  # of run files, in the data folder


def run(args: argparse.Namespace, questions: Sequence[Question], sinks: Sequence[Sink]) -> int:
    """Asks, compares, writes. Returns the exit code; raises LlamuneError."""
    if args.at_once and args.at_once not in LIMITS:
        raise UsageError(
            _("The limit cannot be {value}.").format(value=args.at_once),
            _("It is a whole number from {low} to {high}.").format(low=LIMITS[0], high=LIMITS[-1]),
        )
    comparison = Comparison(start.app(args), args, questions, sinks)
    try:
        return asyncio.run(comparison.run())
    except KeyboardInterrupt:
        comparison.code = INTERRUPTED
    except asyncio.CancelledError:  # a signal, which has set the code
        pass
    finally:
        comparison.close()
    comparison.say_how_to_go_on()
    return comparison.code


class Comparison:
    """One run of `llamune compare`.

    Args:
        args: the command line's, as declared in compare.py.
        sinks: where results go.
    """

    def __init__(
        self, app: "App", args: argparse.Namespace, questions: Sequence[Question], sinks: Sequence[Sink]
    ) -> None:
        self._app, self._args, self._questions, self._sinks = app, args, questions, sinks
        self._tally = Tally()
        self._sources = SearchedOnce(app.library)
        self._candidates: Lineup = ()
        self._names: list[str] = []
        self._kept: Kept | None = None
        self._open: list[int] = []  # of each question, answers that have not ended
        self._next = 0  # the question whose result is written next
        self._writing = asyncio.Lock()
        self.code = 0

    async def run(self) -> int:
        """Returns the exit code."""
        cancel_on_signals(self._stopped_with)
        catalog = self._app.open_catalog()
        await asyncio.to_thread(self._app.measure, "compare")
        try:
            self._candidates = await self._choose(catalog)
            self._names = list(map(str, self._candidates))
            self._kept = await self._opened(catalog)
            await self._ask_all(await catalog.loaded())
        finally:
            await self._app.close()
        return self._ended()

    def _stopped_with(self, code: int) -> None:
        self.code = code

    def close(self) -> None:
        if self._kept:
            self._kept.close()

    def say_how_to_go_on(self) -> None:
        """After a stop: what is kept, on stderr."""
        if self._kept and self._kept.on_disk and (there := self._kept.complete):
            total = len(self._candidates) * len(self._questions)
            told = _("Stopped. {n} of {total} answers are kept: the same command goes on, --fresh begins anew.")
            print(told.format(n=there, total=total), file=sys.stderr)

    # who

    async def _choose(self, catalog: "Catalog") -> Lineup:
        """The candidates that the command line names. Raises UsageError, ModelNotFound."""
        app, args = self._app, self._args
        names = [m.name for m in await _able(catalog)]
        wanted = args.models or ["all"]
        if (
            catalog.problems
            and any(word not in names for word in sweep.words(wanted))
            and await catalog.ensure_server()
        ):
            names = [m.name for m in await _able(catalog)]
        if not args.models:  # those that only know Llamune were not meant
            names = [n for n in names if not n.startswith(DEMONSTRATION)] or names
        presets = args.presets or [app.draft().preset]
        asked = {"seeds": args.seeds or 0, "levels": args.levels}
        chosen = sweep.candidates(wanted, presets, installed=names, known=list(app.presets), **asked)
        if not chosen:
            raise ModelNotFound(_("No engine has a model."), _("Start Ollama, or: llamune models import FILE.gguf"))
        return chosen

    async def _opened(self, catalog: "Catalog") -> Kept:
        """The run file of this comparison."""
        digests = {m.name: m.digest for m in await catalog.models()}
        asked = [[c.model, c.preset, self._options(c), *filter(None, [c.knowledge])] for c in self._candidates]
        thinking = self._app.settings.thinking
        prompts = [p.text for p in self._app.library.prompts(self._app.draft())]
        said = {name: words for name, words in (("knowledge", self._args.knowledge), ("prompts", prompts)) if words}
        identity = key(self._questions, cast(Any, asked), thinking=thinking, **said)
        folder = self._app.paths.home / FOLDER
        kept = Kept(folder, identity, fresh=self._args.fresh, digests=digests)
        if kept.found:
            total = len(self._candidates) * len(self._questions)
            told = _("{n} of {total} answers are there from before; --fresh asks them again.")
            print(told.format(n=kept.found, total=total), file=sys.stderr)
        return kept

    def _options(self, candidate: Candidate) -> dict[str, float | int]:
        return SamplingOptions(seed=candidate.seed).over(self._app.presets[candidate.preset].options).given()

    # asking

    async def _ask_all(self, loaded: Sequence[Any]) -> None:
        assert self._kept is not None
        jobs = sweep.order(self._candidates, self._questions, [m.name for m in loaded])
        todo = [job for job in jobs if not self._kept.has(job)]
        self._open = [0] * len(self._questions)
        for job in todo:
            self._open[job.question] += 1
        self._app.slots.limit = at_once = self._args.at_once or 1
        with Bar(len(jobs), len(jobs) - len(todo)) as bar:
            await self._write_results(bar)
            waiting = iter(todo)
            try:
                async with asyncio.TaskGroup() as group:
                    for _place in range(at_once):
                        group.create_task(self._work(waiting, bar))
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from errors

    async def _work(self, waiting: Iterator[Job], bar: Bar) -> None:
        """Takes jobs until there are none."""
        assert self._kept is not None
        for job in waiting:
            started = time.perf_counter()
            answer = await self._ask(job, bar)
            self._kept.add(job, answer, time.perf_counter() - started)
            self._open[job.question] -= 1
            bar.advance()
            await self._write_results(bar)

    async def _ask(self, job: Job, bar: Bar) -> Answer:
        """One answer. Whatever its engine says against it is its end, not that of the run."""
        candidate, question = self._candidates[job.candidate], self._questions[job.question]
        store, name = LateStore(), self._names[job.candidate]
        try:
            talk = self._conversation(store, candidate, question)
            async with await talk.ask(question.text, knowledge=candidate.knowledge) as running:
                async for event in running:
                    bar.show(name, job.question + 1, event)
        except EngineError as error:  # it was refused before it was sent
            options = SamplingOptions(**self._options(candidate))  # type: ignore[arg-type]
            failed = Answer(0, 0, "", candidate.model, candidate.preset, options, "failed")
            return replace(failed, error=error.message, hint=error.hint)
        assert store.answer is not None
        return store.answer

    def _conversation(self, store: LateStore, candidate: Candidate, question: Question) -> Conversation:
        app = self._app
        seed = SamplingOptions(seed=candidate.seed)
        session = ChatSession(0, "-", "user", candidate.model, candidate.preset, question.system, seed)
        session = replace(session, corpora=tuple(self._args.knowledge))
        thinks = lambda: app.settings.thinking != "off"  # noqa: E731 - the conversation asks at each request
        catalog = app.open_catalog()
        return Conversation(
            cast(Store, store), catalog, app.state, app.presets, session, thinks, app.slots, self._sources
        )

    # results

    async def _write_results(self, bar: Bar) -> None:
        """Hands on every result that is complete now, in the order of the questions."""
        assert self._kept is not None
        async with self._writing:
            while self._next < len(self._questions) and not self._open[self._next]:
                answers, seconds = self._kept.answers(self._next, len(self._candidates))
                question, self._next = self._questions[self._next], self._next + 1
                result = await asyncio.to_thread(sweep.result, self._next, question, answers, seconds=seconds)
                self._tally.add(result, self._names)
                with bar.paused():
                    for sink in self._sinks:
                        sink.take(result, self._names)

    def _ended(self) -> int:
        assert self._kept is not None
        for sink in self._sinks:
            sink.end(self._tally, About(self._app.slots.limit))
        for line in _failures(self._tally.figures()):
            print(clean(line), file=sys.stderr)
        if self._kept.complete == len(self._candidates) * len(self._questions):
            self._kept.finish()
        return UNANSWERED if self._tally.unanswered else 0


class SearchedOnce:
    """The app's sources, each question searched for once: every candidate sees the same passages."""

    def __init__(self, library: Library) -> None:
        self.prompts, self.general = library.prompts, library.general
        self._library = library
        self._found: dict[tuple[str, ...], Found] = {}

    async def knowledge(self) -> "SearchedOnce":
        return self

    async def corpora(self) -> tuple[str, ...]:
        return await self._library.corpora()

    async def search(self, question: str, corpora: Sequence[str], history: Sequence[str] = (), limit: int = 5) -> Found:
        if (question, *corpora) not in self._found:
            knowledge = await self._library.knowledge()
            self._found[question, *corpora] = await knowledge.search(question, corpora, history, limit)
        return self._found[question, *corpora]


async def _able(catalog: "Catalog") -> list[ModelInfo]:
    """The installed models that can chat."""
    return [m for m in await catalog.models() if "completion" in m.capabilities or "embedding" not in m.capabilities]


def _failures(figures: Sequence[Figures]) -> Iterator[str]:
    """A line for each candidate that failed, with its first reason."""
    for f in figures:
        if missing := f.asked - f.complete:
            many = ngettext("{n} answer failed", "{n} answers failed", missing).format(n=missing)
            yield f"{f.letter} {one_line(f.name)}: {many}: {one_line(f.error)}"
