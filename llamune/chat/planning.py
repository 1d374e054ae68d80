"""What a candidate is to be asked: the conversation before it, extra prompts, passages, all of it measured.

Everything that is sent is settled here, before anything is sent; what does not fit is refused with the numbers.
Candidates of one turn see the same passages: those that its first answer saw. Nothing is stored here.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from llamune.chat import context as contexts
from llamune.chat.context import Context, checksum, too_long
from llamune.chat.events import AnswerFinished
from llamune.chat.lineup import Candidate
from llamune.chat.message import Message
from llamune.chat.model import ModelInfo
from llamune.chat.ports import ChatRequest, Engine, Store
from llamune.chat.preset import Preset, SamplingOptions, no_preset
from llamune.chat.session import Answer, ChatSession, Turn
from llamune.errors import EngineError, KnowledgeError, LlamuneError, UsageError
from llamune.i18n import _

if TYPE_CHECKING:  # a chat without knowledge loads nothing of it
    from llamune.chat.grounding import Sources
    from llamune.chat.passage import Found, Passage
    from llamune.chat.seen import ExtraPrompt, Seen

EARLIER = 5  # questions before this one that a search may look at, to complete a follow-up
ANSWER_SHARE = 0.25  # of the context that passages leave to the answer


class Models(Protocol):
    """Where models are found: the catalogue of all engines."""

    async def find(self, name: str) -> tuple[Engine, ModelInfo]: ...


class Sizes(Protocol):
    """num_ctx of each model, the same for every request to it."""

    def num_ctx(self, model: ModelInfo) -> int: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way: as it was typed, as it is sent, and the number of the last turn before it.

    `found` is what was found for it, `passages` what of that an earlier answer saw.
    """

    question: str
    sent: str
    before: int
    found: "Found | None" = None
    passages: "tuple[Passage, ...]" = ()

    @classmethod
    def of(cls, turn: Turn) -> "Asked":
        """A turn's question once more, with what its first answer out of documents saw."""
        asked = cls(turn.question, contexts.with_attachments(turn.question, turn.attachments), turn.number - 1)
        seen = next((a.seen for a in turn.answers if a.seen and a.seen.found), None)
        return replace(asked, found=seen.found, passages=seen.passages) if seen else asked


@dataclass(frozen=True, slots=True)
class Planned:
    """A candidate with the request that asks it, or the reason why it cannot be asked, or need not be."""

    candidate: Candidate
    engine: Engine | None = None
    request: ChatRequest | None = None
    error: LlamuneError | None = None
    seen: "Seen | None" = None

    @property
    def needless(self) -> bool:
        """Nobody is asked, because the documents hold nothing on the question."""
        return self.request is None and self.seen is not None


class Planner:
    """Makes requests for the session that is passed in.

    Args:
        think: asked at each request: False = tell models that can think not to.
        sources: of extra prompts and passages; None = there are none.
    """

    def __init__(
        self,
        store: Store,
        models: Models,
        sizes: Sizes,
        presets: Mapping[str, Preset],
        think: Callable[[], bool],
        sources: "Sources | None",
    ) -> None:
        self._store, self._models, self._sizes = store, models, sizes
        self._presets, self._think, self._sources = presets, think, sources
        self._scale: dict[str, float] = {}  # model → real tokens over our estimate, learned from each answer

    async def plan(
        self, session: ChatSession, turn: Turn, candidates: Sequence[Candidate], *, alone: bool = True
    ) -> list[Planned]:
        """A request for each candidate. One that cannot be asked fails by itself when others can go on."""
        asked, plan = Asked.of(turn), []
        for candidate in candidates:
            try:
                asked = await self.searched(session, candidate, asked)
                plan.append(await self.prepare(session, candidate, asked))
            except (EngineError, UsageError, KnowledgeError) as error:  # UsageError: a preset that is gone
                if alone and len(candidates) == 1:
                    raise
                plan.append(Planned(candidate, error=error))
            await asyncio.sleep(0)  # thirty in one step would be felt at the prompt
        return plan

    async def searched(self, session: ChatSession, candidate: Candidate, asked: Asked) -> Asked:
        """The question with what the documents hold on it, when the candidate shall see that. Raises KnowledgeError."""
        if asked.found or self._level(session, candidate, asked) != "rag":
            return asked
        if not self._sources or not session.corpora:
            raise UsageError(_("No documents are switched on."), _("/knowledge on NAME, then ask again."))
        first = max(1, asked.before - EARLIER + 1)
        earlier = self._store.turns(session.id, first=first, last=asked.before) if asked.before else []
        knowledge = await self._sources.knowledge()
        found = await knowledge.search(asked.question, session.corpora, [t.question for t in earlier])
        return replace(asked, found=found)

    async def prepare(self, session: ChatSession, candidate: Candidate, asked: Asked) -> Planned:
        """The request for one candidate. Raises ModelNotFound, EngineUnreachable, ContextOverflow, UsageError."""
        engine, info = await self._models.find(candidate.model)
        options = self.options(session, candidate.preset)
        options = replace(options, **({"seed": candidate.seed} if candidate.seed else {}))
        seen = self._seen(session, candidate, asked)
        if seen and seen.unfound and self._sources and not self._sources.general():
            return Planned(candidate, engine, seen=seen)
        context, seen = await self.context(engine, info, session, asked, asked.before, options, seen)
        if not context.fits:
            raise too_long(info.name, context)
        think = self._think() if info.thinks else None  # `think` is only sent to models that can
        request = ChatRequest(0, info.name, context.messages, options, context.num_ctx, think)
        return Planned(candidate, engine, request, seen=seen)

    def options(self, session: ChatSession, preset: str) -> SamplingOptions:
        """What a preset sends, with the values set by hand over it. Raises UsageError for an unknown preset."""
        if preset not in self._presets:
            raise no_preset(preset, self._presets)
        return session.overrides.over(self._presets[preset].options)

    def seen_next(self, session: ChatSession) -> "Seen | None":
        """What the next question will have in front of it, as far as that is known before it is asked."""
        return self._seen(session, Candidate(session.model, session.preset, knowledge="prompt"), None)

    def _level(self, session: ChatSession, candidate: Candidate, asked: Asked | None) -> str:
        return candidate.knowledge or ("rag" if session.corpora or (asked and asked.found) else "prompt")

    def _seen(self, session: ChatSession, candidate: Candidate, asked: Asked | None) -> "Seen | None":
        """What stands in front of the question, before it is known how much there is room for; None = nothing."""
        level = self._level(session, candidate, asked)
        prompts: Sequence[ExtraPrompt] = ()
        if self._sources and level != "none":
            prompts = self._sources.prompts(session)
        found = asked.found if asked and level == "rag" else None
        if not (session.system or prompts or found):
            return None
        from llamune.chat.seen import Seen

        passages = (asked.passages if asked else ()) or found.passages if found and found.strength != "none" else ()
        corpora = tuple(dict.fromkeys((*session.corpora, *(p.corpus for p in passages)))) if found else ()
        return Seen(session.system, tuple(prompts), corpora, found, passages)

    async def context(
        self,
        engine: Engine,
        info: ModelInfo,
        session: ChatSession,
        asked: Asked | None,
        before: int,
        options: SamplingOptions,
        seen: "Seen | None",
    ) -> "tuple[Context, Seen | None]":
        """What the model will see, measured; and `seen` with the passages that there is room for."""
        turns = self._turns(session, before)
        num_ctx = self._sizes.num_ctx(info)
        share = 0.0 if asked and asked.passages else 1.0  # of the room; 0 = what another candidate saw, uncut
        while True:
            if share and seen and seen.passages:
                rest = _built(session, turns, asked, before, replace(seen, passages=()))[0]
                seen = self._cut(seen, rest, info.name, num_ctx, options, share)
            messages, left_out = _built(session, turns, asked, before, seen)
            guess = round(contexts.total(messages) * self._scale.get(info.name, 1.0))
            counted = None
            if guess > num_ctx / 2:  # near the limit a count is worth its milliseconds
                counted = await engine.count_tokens(ChatRequest(0, info.name, messages, options, num_ctx))
            context = Context(messages, guess if counted is None else counted, num_ctx, counted is not None, left_out)
            if context.fits or not (seen and seen.passages):
                return context, seen
            share = share / 2 or 1.0  # the estimate was too low: fewer passages

    def _cut(
        self, seen: "Seen", rest: Sequence[Message], model: str, num_ctx: int, options: SamplingOptions, share: float
    ) -> "Seen":
        """Leaves as many passages as go beside everything else and an answer."""
        from llamune.chat.grounding import fitting

        scale = self._scale.get(model, 1.0)
        answer = min(options.num_predict or num_ctx * ANSWER_SHARE, num_ctx / 2)
        room = (num_ctx - answer) / scale - contexts.total(rest)
        return replace(seen, passages=fitting(seen.passages, room * share))

    def _turns(self, session: ChatSession, before: int) -> list[tuple[int, str, str]]:
        if not session.id:
            return []
        compacted = session.summarised <= before
        turns = self._store.messages(session.id, after=session.summarised if compacted else 0)
        return [t for t in turns if t[0] <= before]

    def learn(self, request: ChatRequest, event: AnswerFinished) -> None:
        """How many tokens this model really makes of our estimate, for the next gauge and refusal."""
        estimated = contexts.total(request.messages)
        if event.usage.prompt_tokens and event.reason != "prompt_cut" and estimated > 50:
            self._scale[request.model] = event.usage.prompt_tokens / estimated

    def saw(self, session: ChatSession, turn: Turn, answer: Answer) -> tuple[tuple[Message, ...], bool]:
        """The messages that an answer saw, and whether they are known to be the very ones that were sent: what was said
        before may have been changed since."""
        before, system = turn.number - 1, answer.seen.system if answer.seen else ""
        turns = self._turns(session, before)
        messages, _left = _built(replace(session, system=system), turns, Asked.of(turn), before, answer.seen)
        return messages, checksum(messages) == answer.checksum


def _built(
    session: ChatSession,
    turns: Iterable[tuple[int, str, str]],
    asked: Asked | None,
    before: int,
    seen: "Seen | None",
) -> tuple[tuple[Message, ...], tuple[int, ...]]:
    """The messages, and the numbers of turns left out."""
    system, question = session.system, asked.sent if asked else None
    if seen:
        from llamune.chat.grounding import quoted, system_text

        system = system_text(session.system, seen.prompts)
        question = quoted(seen.passages, question) if question is not None else None
    summary = session.summary if session.summarised <= before else ""
    return contexts.build(turns, system=system, summary=summary, question=question)
