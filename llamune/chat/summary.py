"""What a model writes about a conversation: a summary of its oldest turns, and a title. It stores nothing."""

from contextlib import aclosing

from llamune.chat import context as contexts
from llamune.chat.events import TextArrived
from llamune.chat.message import Message
from llamune.chat.model import ModelInfo
from llamune.chat.planning import Models, Sizes
from llamune.chat.ports import ChatRequest, Engine, Store
from llamune.chat.preset import SamplingOptions
from llamune.chat.scheduler import Slots
from llamune.chat.session import ChatSession
from llamune.errors import UsageError
from llamune.i18n import _
from llamune.text import title_of

KEEP_RECENT = 2  # turns that stay as they are
SUMMARISED_AT_ONCE = 0.5  # of the context: a conversation that fills it is summarised in parts
SUMMARISE = (
    "Summarise the following conversation so that it can be continued from your summary. Keep all facts, numbers, "
    "names, decisions and open questions. Write in the language of the conversation, at most 300 words."
)
TITLE = (
    "Give a title of at most six words for a conversation that begins with this question. Answer with the title only, "
    "in the language of the question."
)


class Summaries:
    """Asks the session's current model, in turn with the answers.

    Args:
        slots: places for answers that are being made.
    """

    def __init__(self, store: Store, models: Models, sizes: Sizes, slots: Slots) -> None:
        self._store, self._models, self._sizes, self._slots = store, models, sizes, slots

    def through(self, session: ChatSession) -> int:
        """Number of the last turn that a summary would stand for. Raises UsageError when there is nothing to sum up."""
        through = session.turn_count - KEEP_RECENT
        if through <= session.summarised:
            raise UsageError(
                _("There is nothing to compact yet."), _("The last {n} turns always stay.").format(n=KEEP_RECENT)
            )
        return through

    async def summary(self, session: ChatSession, through: int) -> str:
        """A summary of the turns up to `through`. Raises EngineError."""
        engine, info = await self._models.find(session.model)
        room = self._sizes.num_ctx(info) * SUMMARISED_AT_ONCE
        summary, part = session.summary, ""
        for number, question, answer in self._store.messages(session.id, after=session.summarised):
            said = f"Q: {question}\nA: {answer}\n\n" if number <= through and answer.strip() else ""
            if part and contexts.estimate(summary + part + said) > room:
                summary, part = await self._summary(engine, info, summary, part), ""
            part += said
        return await self._summary(engine, info, summary, part)

    async def _summary(self, engine: Engine, info: ModelInfo, summary: str, talk: str) -> str:
        """One summary of an earlier summary and what came after it."""
        asked = "\n\n".join(x for x in (SUMMARISE, summary, talk) if x)
        think = False if info.thinks else None
        request = ChatRequest(0, info.name, (Message("user", asked),), num_ctx=self._sizes.num_ctx(info), think=think)
        async with self._slots.front():
            return await text_of(engine, request)

    async def title(self, session: ChatSession) -> str:
        """A title for the session's first question, cleaned to one short line; "" = none came. Raises EngineError."""
        engine, info = await self._models.find(session.model)
        first = self._store.turns(session.id, first=1, last=1)[0]
        messages = (Message("user", f"{TITLE}\n\n{first.question[:500]}"),)
        options = SamplingOptions(temperature=0.2, num_predict=50)
        think = False if info.thinks else None
        request = ChatRequest(0, info.name, messages, options, self._sizes.num_ctx(info), think)
        async with self._slots.behind():
            title = await text_of(engine, request)
        return _sane(title_of(title.strip().strip("「」\"'*# ")))


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
