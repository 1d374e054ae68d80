"""A conversation: ask, retry, adopt, rewind, switch. The product's rules over the two ports, engine and store.

What the model sees is settled by planning.py before anything is sent; what an answer says is stored while it grows. It
draws nothing and opens nothing itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llamune.chat import context as contexts
from llamune.chat.answering import Answering
from llamune.chat.context import Context, too_long
from llamune.chat.fanout import Running
from llamune.chat.launching import Launcher
from llamune.chat.lineup import Candidate, Level
from llamune.chat.message import Message
from llamune.chat.planning import Asked, Models, Planned, Planner, Sizes
from llamune.chat.ports import Store
from llamune.chat.preset import Preset, SamplingOptions
from llamune.chat.scheduler import Slots
from llamune.chat.session import Answer, Attachment, ChatSession, Deleted, Turn, Undone
from llamune.chat.summary import Summaries
from llamune.errors import UsageError
from llamune.i18n import _
from llamune.text import title_of

if TYPE_CHECKING:  # a chat without knowledge loads nothing of it
    from llamune.chat.grounding import Sources
    from llamune.chat.passage import Found

KEPT = ("overrides", "corpora", "mode", "before_mode")  # that a new session takes over, beside model, preset, system
IMPROVE = (
    "Write your last answer again, better. Give only the new answer, whole, without a word about the changes, in the "
    "language of the question. This was found about it:"
)


class Conversation:
    """One chat session being held.

    Args:
        presets: by name.
        think: asked at each request: False = tell models that can think not to.
        slots: places for answers that are being made, shared by all conversations; None = one of its own.
        sources: of extra prompts and of passages from documents; None = there are none.
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
        sources: "Sources | None" = None,
    ) -> None:
        self.store = store
        self.models = models
        self.session = session
        slots = slots or Slots()
        self._planner = Planner(store, models, sizes, presets, think, sources)
        self._launcher = Launcher(store, Answering(store, slots, self._planner.learn))
        self._summaries = Summaries(store, models, sizes, slots)

    # asking

    async def ask(
        self,
        question: str,
        attachments: Sequence[Attachment] = (),
        knowledge: Level = "",
        found: "Found | None" = None,
    ) -> Running:
        """A new turn with one answer by the current model and preset.

        Args:
            knowledge: what is put in front of it, "" = as the session has it.
            found: what was found for it already; then nothing is searched.

        Returns: the running answer, to be consumed under `async with`.
        Raises: ModelNotFound, EngineUnreachable, ContextOverflow, KnowledgeError; then nothing was stored or sent.
        """
        candidate, session = Candidate(self.session.model, self.session.preset, knowledge=knowledge), self.session
        asked = Asked(question, contexts.with_attachments(question, attachments), session.turn_count, found)
        planned = await self._prepare(candidate, asked)
        if not self.session.id:
            self.begin(title_of(question))
        elif not self.session.title:  # it was begun for a prompt of its own
            self.change(title=title_of(question))
        turn = self.store.add_turn(self.session.id, question, attachments)
        self.reload()
        return await self._launcher.run(turn, [planned], adopted=True)

    async def retry(self, candidates: Sequence[Candidate], turn: Turn | None = None) -> Running:
        """More answers to the last turn's question (or to `turn`), beside the one that stands.

        Raises: as `ask`; and UsageError when there is no turn.
        """
        turn = turn or self.last_turn()
        return await self._launcher.run(turn, await self._planner.plan(self.session, turn, candidates), adopted=False)

    async def behind(self, turn: Turn, candidates: Sequence[Candidate]) -> Running:
        """The line-up's answers to a turn, made while nothing in the foreground is."""
        plan = await self._planner.plan(self.session, turn, candidates, alone=False)
        return await self._launcher.run(turn, plan, adopted=False, behind=True)

    async def improve(self, answer: Answer, findings: Sequence[str]) -> Running:
        """Another answer of the same turn, by the current model: `answer` with what was found about it put right.

        Raises: as `ask`.
        """
        turn = self.store.turn(answer.turn_id)
        candidate = Candidate(self.session.model, self.session.preset, knowledge=answer.knowledge)
        planned = await self._prepare(candidate, Asked.of(turn))
        if planned.request is None:
            return await self._launcher.run(turn, [planned], adopted=False)
        wish = IMPROVE + "".join(f"\n- {finding}" for finding in findings)
        messages = (*planned.request.messages, Message("assistant", answer.text), Message("user", wish))
        seen = Context(messages, contexts.total(messages), planned.request.num_ctx)
        if not seen.fits:
            raise too_long(planned.request.model, seen)
        planned = replace(planned, request=replace(planned.request, messages=messages))
        return await self._launcher.run(turn, [planned], adopted=False)

    async def context(self, question: str | None = None) -> Context:
        """What the current model would see now, with `question` asked (or only what there is), without passages: they
        are looked up when something is really asked."""
        engine, info = await self.models.find(self.session.model)
        count = self.session.turn_count
        asked = Asked(question, question, count) if question is not None else None
        seen = self._planner.seen_next(self.session)
        found = await self._planner.context(engine, info, self.session, asked, count, SamplingOptions(), seen)
        return found[0]

    def saw(self, turn: Turn, answer: Answer) -> tuple[tuple[Message, ...], bool]:
        """The messages that an answer saw, and whether they are word for word what was sent."""
        return self._planner.saw(self.session, turn, answer)

    # the session

    def open(self, session: ChatSession) -> None:
        """Goes on with another session."""
        self.session = session

    def new(self) -> None:
        """An empty session with the same model, preset, mode and documents; it has no row until something is asked."""
        now = self.session
        kept = {name: getattr(now, name) for name in KEPT}
        self.session = ChatSession(0, "", "auto", now.model, now.preset, now.system, **kept)

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
        return self._planner.options(self.session, preset)

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
        return self._summaries.through(self.session)

    async def summarise(self) -> tuple[int, str]:
        """A summary of all turns but the last two, by the current model, and the number of the last turn it stands for;
        changes nothing yet. Raises UsageError when there is too little; EngineError."""
        through = self.compactable()
        return through, await self._summaries.summary(self.session, through)

    def compact(self, through: int, summary: str) -> None:
        """Lets `summary` stand for the turns up to `through` from now on; /undo takes it back."""
        self.session = self.store.compact(self.session.id, through, summary)

    async def better_title(self) -> str:
        """A title by the model for the session's first question; "" = none came. Raises EngineError."""
        return await self._summaries.title(self.session)

    def begin(self, title: str = "") -> None:
        """Gives the session its row."""
        draft = self.session
        self.session = self.store.create_session(
            model=draft.model, preset=draft.preset, system=draft.system, title=draft.title or title
        )
        new = ChatSession(0, "", "auto", "", "")
        if kept := {name: getattr(draft, name) for name in KEPT if getattr(draft, name) != getattr(new, name)}:
            self.change(**kept)
        if draft.title:
            self.change(title=draft.title, titled_by="user")

    # inside

    async def _prepare(self, candidate: Candidate, asked: Asked) -> Planned:
        """One candidate's request, searched for and measured."""
        asked = await self._planner.searched(self.session, candidate, asked)
        return await self._planner.prepare(self.session, candidate, asked)
