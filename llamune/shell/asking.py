"""What becomes of a question: files named in it, documents searched, the answer, a stand-in for a model that is gone,
and the line-up's answers behind it. Commands are the REPL's; what is drawn while an answer comes is watch.py's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llamune import text
from llamune.chat.session import Attachment, Turn
from llamune.commands import files, lineup, recommending
from llamune.errors import EngineUnreachable, ModelNotFound
from llamune.i18n import _
from llamune.shell import banner

if TYPE_CHECKING:
    from llamune.shell.repl import Repl


async def ask(repl: "Repl", typed: str) -> None:
    """Asks what was typed, with the files in it and those attached before; shows the answer. Raises LlamuneError."""
    if repl.title:
        repl.title.cancel()  # what the user waits for comes first
    question, named = files.attachments(typed)
    attachments = tuple(dict.fromkeys((*repl.attachments, *named)))
    for attachment in attachments:
        told = _("with {name}, {n} characters").format(name=attachment.name, n=f"{len(attachment.text):,}")
        repl.screen.above(repl.view.style(f"  {text.one_line(told)}", "dim"))
    for name in files.missing(typed):
        told = _("@{name} is no file here; it stays a word of the question.").format(name=name)
        repl.screen.above(repl.view.style(f"  {told}", "warn"))
    await _answered(repl, question, attachments)
    if repl.conversation.session.turn_count == 1:
        repl.title = repl.aside.start(banner.suggest_title(repl))


async def _answered(repl: "Repl", question: str, attachments: tuple[Attachment, ...]) -> None:
    """Asks and shows the answer; where the model turns out to be gone, the next best one answers instead."""
    with _searching(repl):
        try:
            running = await repl.conversation.ask(question, attachments)
        except (ModelNotFound, EngineUnreachable):
            if not await recommending.stand_in(repl):
                raise
            running = await repl.conversation.ask(question, attachments)
    repl.attachments.clear()
    turn = repl.conversation.last_turn()
    repl.aside.start(_line_up(repl, turn))
    repl.refresh()
    await repl.watch(running, turn)
    stands = repl.app.store.turn(turn.id).adopted
    if stands and stands.status == "failed" and not stands.text and await recommending.stand_in(repl):
        repl.conversation.rewind(turn.number - 1)
        await _answered(repl, question, attachments)


@contextmanager
def _searching(repl: "Repl") -> Iterator[None]:
    """Says what is waited for while documents are searched."""
    if corpora := repl.conversation.session.corpora:
        told = text.cut(_("searching {names} …").format(names=", ".join(corpora)), repl.screen.columns - 1)
        repl.screen.preview([repl.view.style(text.one_line(told), "dim")])
    try:
        yield
    finally:
        repl.screen.preview([])


async def _line_up(repl: "Repl", turn: Turn) -> None:
    """Starts the other models' answers to a question, behind the main one."""
    others = lineup.candidates(repl)
    if not others:
        return
    names = {c.model for c in others}
    await repl.app.settle_limit([m for m in repl.known if m.name in names])
    repl.background.start(turn, await repl.conversation.behind(turn, others))
