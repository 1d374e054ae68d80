"""A conversation: ask, retry, adopt, rewind, switch. The product's rules over the two ports, engine and store.

What the model sees is settled before anything is sent; what an answer says is stored while it grows. It draws nothing
and opens nothing itself.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from llamune.chat import context as contexts
from llamune.chat.answering import Answering
from llamune.chat.context import Context
from llamune.chat.events import AnswerFinished, Event, TextArrived
from llamune.chat.fanout import Running
from llamune.chat.lineup import Candidate
from llamune.chat.message import Message
from llamune.chat.model import ModelInfo
from llamune.chat.ports import ChatRequest, Engine, Store
from llamune.chat.preset import Preset, SamplingOptions, no_preset
from llamune.chat.scheduler import Slots
from llamune.chat.session import Answer, Attachment, ChatSession, Deleted, Turn, Undone
from llamune.errors import ContextOverflow, EngineError, LlamuneError, UsageError
from llamune.i18n import _
from llamune.text import title_of

SUMMARISED_AT_ONCE = 0.5  # of the context: a conversation that fills it is summarised in parts
KEEP_RECENT = 2  # turns that /compact leaves as they are


class Models(Protocol):
    """Where models are found: the catalogue of all engines."""

    async def find(self, name: str) -> tuple[Engine, ModelInfo]: ...


class Sizes(Protocol):
    """num_ctx of each model, the same for every request to it."""

    def num_ctx(self, model: ModelInfo) -> int: ...


@dataclass(frozen=True, slots=True)
class Planned:
    """A candidate with the request that asks it, or the reason why it cannot be asked."""

    candidate: Candidate
    engine: Engine | None = None
    request: ChatRequest | None = None
    error: LlamuneError | None = None


class Conversation:
    """One chat session being held.

    Args:
        presets: by name.
        think: asked at each request: False = tell models that can think not to.
        slots: places for answers that are being made, shared by all conversations; None = one of its own.
    """

    def __init__(
        self,
        store: Store,
        models: Models,
        sizes: Sizes,
        presets: Mapping[str, Preset],
        session: ChatSession,
        think: Callable[[], bool] = lambda: True,
        slots: Slots | None = None,
    ) -> None:
        self.store = store
        self.models = models
        self.sizes = sizes
        self.presets = presets
        self.session = session
        self._think = think
        self._slots = slots or Slots()
        self._answering = Answering(store, self._slots, self._learn)
        self._scale: dict[str, float] = {}  # model → real tokens over our estimate, learned from each answer

    # asking

    async def ask(self, question: str, attachments: Sequence[Attachment] = ()) -> Running:
        """A new turn with one answer by the current model and preset.

        Returns: the running answer, to be consumed under `async with`.
        Raises: ModelNotFound, EngineUnreachable, ContextOverflow; then nothing was stored or sent.
        """
        candidate = Candidate(self.session.model, self.session.preset)
        asked = contexts.with_attachments(question, attachments)
        engine, request = await self._prepare(candidate, asked, self.session.turn_count)
        if not self.session.id:
            self._begin(title_of(question))
        turn = self.store.add_turn(self.session.id, question, attachments)
        self.reload()
        return self._run(turn, [Planned(candidate, engine, request)], adopted=True)

    async def retry(self, candidates: Sequence[Candidate], turn: Turn | None = None) -> Running:
        """More answers to the last turn's question (or to `turn`), beside the one that stands.

        Raises: as `ask`; and UsageError when there is no turn.
        """
        turn = turn or self.last_turn()
        return self._run(turn, await self._plan(turn, candidates), adopted=False)

    async def behind(self, turn: Turn, candidates: Sequence[Candidate]) -> Running:
        """The line-up's answers to a turn, made while nothing in the foreground is."""
        return self._run(turn, await self._plan(turn, candidates, alone=False), adopted=False, behind=True)

    async def improve(self, answer: Answer, findings: Sequence[str]) -> Running:
        """Another answer of the same turn, by the current model: `answer` with what was found about it put right.

        Raises: as `ask`.
        """
        turn = self.store.turn(answer.turn_id)
        candidate = Candidate(self.session.model, self.session.preset)
        asked = contexts.with_attachments(turn.question, turn.attachments)
        engine, request = await self._prepare(candidate, asked, turn.number - 1)
        wish = IMPROVE + "".join(f"\n- {finding}" for finding in findings)
        messages = (*request.messages, Message("assistant", answer.text), Message("user", wish))
        seen = Context(messages, contexts.total(messages), request.num_ctx)
        if not seen.fits:
            raise too_long(request.model, seen)
        return self._run(turn, [Planned(candidate, engine, replace(request, messages=messages))], adopted=False)

    async def context(self, question: str | None = None) -> Context:
        """What the current model would see now, with `question` asked (or only what there is)."""
        engine, info = await self.models.find(self.session.model)
        return await self._context(engine, info, question, self.session.turn_count, SamplingOptions())

    # the session

    def open(self, session: ChatSession) -> None:
        """Goes on with another session."""
        self.session = session

    def new(self) -> None:
        """An empty session with the same model and preset; it has no row until something is asked."""
        now = self.session
        self.session = ChatSession(0, "", "auto", now.model, now.preset, now.system, now.overrides)

    def reload(self) -> None:
        """Reads the session's own row again."""
        if self.session.id:
            self.session = self.store.session(self.session.id)

    def change(self, **changes: Any) -> None:
        """Changes model, preset, system, overrides or title of the session."""
        if self.session.id:
            self.session = self.store.update_session(self.session.id, **changes)
        else:
            self.session = replace(self.session, **changes)

    def options(self, preset: str) -> SamplingOptions:
        """What a preset sends, with the values set by hand over it. Raises UsageError for an unknown preset."""
        if preset not in self.presets:
            raise no_preset(preset, self.presets)
        return self.session.overrides.over(self.presets[preset].options)

    def last_turn(self) -> Turn:
        """The newest turn. Raises UsageError when nothing was asked yet."""
        turns = self.store.turns(self.session.id, first=-1) if self.session.id else []
        if not turns:
            raise UsageError(_("Nothing has been asked in this session yet."), _("Ask something first."))
        return turns[-1]

    def find_answer(self, letter: str, turn: Turn | None = None) -> Answer:
        """The answer with that letter in the last turn. Raises UsageError that names the letters there are."""
        turn = turn or self.last_turn()
        for answer in turn.answers:
            if answer.letter == letter.strip().upper():
                return answer
        raise UsageError(
            _("There is no answer {letter}.").format(letter=letter),
            _("This turn has {letters}.").format(letters=", ".join(a.letter for a in turn.answers)),
        )

    def rewind(self, number: int) -> Deleted:
        """Goes back to turn `number` (0 = the beginning); /undo brings the rest back."""
        deleted = self.store.rewind(self.session.id, number)
        self.reload()
        return deleted

    def undo(self) -> Undone | None:
        """Takes back the newest act of this session, or of any when this one has none."""
        undone = self.store.undo(self.session.id) if self.session.id else None
        undone = undone or self.store.undo()
        self.reload()
        return undone

    # compacting

    def compactable(self) -> int:
        """Number of the last turn that /compact would summarise. Raises UsageError when there is nothing to."""
        through = self.session.turn_count - KEEP_RECENT
        if through <= self.session.summarised:
            raise UsageError(
                _("There is nothing to compact yet."), _("The last {n} turns always stay.").format(n=KEEP_RECENT)
            )
        return through

    async def summarise(self) -> tuple[int, str]:
        """A summary of all turns but the last two, by the current model; changes nothing yet.

        Returns: number of the last turn it stands for, and the text.
        Raises: UsageError when there is too little; EngineError.
        """
        through = self.compactable()
        engine, info = await self.models.find(self.session.model)
        room = self.sizes.num_ctx(info) * SUMMARISED_AT_ONCE
        summary, part = self.session.summary, ""
        for number, question, answer in self.store.messages(self.session.id, after=self.session.summarised):
            said = f"Q: {question}\nA: {answer}\n\n" if number <= through and answer.strip() else ""
            if part and contexts.estimate(summary + part + said) > room:
                summary, part = await self._summary(engine, info, summary, part), ""
            part += said
        return through, await self._summary(engine, info, summary, part)

    async def _summary(self, engine: Engine, info: ModelInfo, summary: str, talk: str) -> str:
        """One summary of an earlier summary and what came after it."""
        asked = "\n\n".join(x for x in (SUMMARISE, summary, talk) if x)
        think = _say(info, False)
        request = ChatRequest(0, info.name, (Message("user", asked),), num_ctx=self.sizes.num_ctx(info), think=think)
        async with self._slots.front():
            return await text_of(engine, request)

    def compact(self, through: int, summary: str) -> None:
        """Lets `summary` stand for the turns up to `through` from now on; /undo takes it back."""
        self.session = self.store.compact(self.session.id, through, summary)

    async def better_title(self) -> str:
        """A title by the model for the session's first question, cleaned to one short line; "" = none came."""
        engine, info = await self.models.find(self.session.model)
        first = self.store.turns(self.session.id, first=1, last=1)[0]
        messages = (Message("user", f"{TITLE}\n\n{first.question[:500]}"),)
        options = SamplingOptions(temperature=0.2, num_predict=50)
        request = ChatRequest(0, info.name, messages, options, self.sizes.num_ctx(info), _say(info, False))
        async with self._slots.behind():
            title = await text_of(engine, request)
        return _sane(title_of(title.strip().strip("「」\"'*# ")))

    # inside

    def _begin(self, title: str) -> None:
        draft = self.session
        self.session = self.store.create_session(
            model=draft.model, preset=draft.preset, system=draft.system, title=draft.title or title
        )
        if draft.overrides != SamplingOptions():
            self.change(overrides=draft.overrides)
        if draft.title:
            self.change(title=draft.title, titled_by="user")

    async def _plan(self, turn: Turn, candidates: Sequence[Candidate], *, alone: bool = True) -> list[Planned]:
        """A request for each candidate. One that cannot be asked fails by itself when others can go on."""
        asked = contexts.with_attachments(turn.question, turn.attachments)
        plan = []
        for candidate in candidates:
            try:
                plan.append(Planned(candidate, *await self._prepare(candidate, asked, turn.number - 1)))
            except (EngineError, UsageError) as error:  # UsageError: a preset that is gone
                if alone and len(candidates) == 1:
                    raise
                plan.append(Planned(candidate, error=error))
        return plan

    async def _prepare(self, candidate: Candidate, asked: str, before: int) -> tuple[Engine, ChatRequest]:
        """The request for one candidate with the turns up to `before` in front. Raises ContextOverflow."""
        engine, info = await self.models.find(candidate.model)
        options = replace(self.options(candidate.preset), **({"seed": candidate.seed} if candidate.seed else {}))
        seen = await self._context(engine, info, asked, before, options)
        if not seen.fits:
            raise too_long(info.name, seen)
        think = _say(info, self._think())
        return engine, ChatRequest(0, info.name, seen.messages, options, seen.num_ctx, think)

    async def _context(
        self, engine: Engine, info: ModelInfo, asked: str | None, before: int, options: SamplingOptions
    ) -> Context:
        session, num_ctx = self.session, self.sizes.num_ctx(info)
        compacted = session.summarised <= before
        turns = self.store.messages(session.id, after=session.summarised if compacted else 0) if session.id else ()
        messages, left_out = contexts.build(
            (t for t in turns if t[0] <= before),
            system=session.system,
            summary=session.summary if compacted else "",
            question=asked,
        )
        guess = round(contexts.total(messages) * self._scale.get(info.name, 1.0))
        counted = None
        if guess > num_ctx / 2:  # near the limit a count is worth its milliseconds
            counted = await engine.count_tokens(ChatRequest(0, info.name, messages, options, num_ctx))
        return Context(messages, guess if counted is None else counted, num_ctx, counted is not None, left_out)

    def _run(self, turn: Turn, plan: Sequence[Planned], *, adopted: bool, behind: bool = False) -> Running:
        """Rows in the order asked, so that letters follow it; streams by model, so that each is loaded once."""
        streams: dict[str, dict[int, AsyncGenerator[Event]]] = {}  # by model
        for planned in plan:
            candidate, request = planned.candidate, planned.request
            answer = self.store.add_answer(
                turn.id,
                model=request.model if request else candidate.model,
                preset=candidate.preset,
                options=request.options if request else SamplingOptions(seed=candidate.seed),
                engine=planned.engine.name if planned.engine else "",
                adopted=adopted,
            )
            streams.setdefault(candidate.model, {})[answer.id] = self._stream(answer, planned, behind)
        return Running({i: stream for same in streams.values() for i, stream in same.items()})

    def _stream(self, answer: Answer, planned: Planned, behind: bool) -> AsyncGenerator[Event]:
        if planned.engine is None or planned.request is None:
            return self._answering.failing(answer, planned.error or EngineError(""))
        request = replace(planned.request, answer_id=answer.id)
        return self._answering.run(answer, planned.engine, request, behind=behind)

    def _learn(self, request: ChatRequest, event: AnswerFinished) -> None:
        """How many tokens this model really makes of our estimate, for the next gauge and refusal."""
        estimated = contexts.total(request.messages)
        if event.usage.prompt_tokens and event.reason != "prompt_cut" and estimated > 50:
            self._scale[request.model] = event.usage.prompt_tokens / estimated


async def text_of(engine: Engine, request: ChatRequest) -> str:
    """The whole text of one answer that belongs to no turn (a title, a summary). Raises EngineError."""
    pieces = []
    async with aclosing(engine.chat(request)) as stream:
        async for event in stream:
            if isinstance(event, TextArrived):
                pieces.append(event.text)
    return "".join(pieces)


def _sane(title: str) -> str:
    """The title, or "" for what small models give instead of one: commands, and the same piece again and again."""
    pairs = {title[i : i + 2] for i in range(len(title) - 1)}
    return "" if title.startswith("/") or len(pairs) < len(title) / 2 else title


def too_long(model: str, seen: Context) -> ContextOverflow:
    """The error for a prompt that does not fit, with the numbers and the ways out."""
    about = "" if seen.exact else _("about ")
    return ContextOverflow(
        _("This would be {about}{tokens} tokens, but {model} reads {limit}. Nothing was sent.").format(
            about=about, tokens=f"{seen.tokens:,}", model=model, limit=f"{seen.num_ctx:,}"
        ),
        _("/compact shortens the conversation, /context size N gives more room, /new starts afresh."),
    )


def _say(info: ModelInfo, think: bool) -> bool | None:
    """`think` is only sent to models that can."""
    return think if info.thinks else None


SUMMARISE = (
    "Summarise the following conversation so that it can be continued from your summary. Keep all facts, numbers, "
    "names, decisions and open questions. Write in the language of the conversation, at most 300 words."
)
IMPROVE = (
    "Write your last answer again, better. Give only the new answer, whole, without a word about the changes, in the "
    "language of the question. This was found about it:"
)
TITLE = (
    "Give a title of at most six words for a conversation that begins with this question. Answer with the title only, "
    "in the language of the question."
)
