"""Phrases and look-ups that several commands share: names of sessions and answers, counts, dates, what was typed.

Nothing is shown or changed here.
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime

from llamune.chat.context import Context
from llamune.chat.fit import Fit
from llamune.chat.preset import Preset, SamplingOptions
from llamune.chat.session import Answer, ChatSession
from llamune.commands.session import Shell
from llamune.errors import UsageError
from llamune.i18n import _, language, ngettext
from llamune.text import cut, one_line, size

YES = ("y", "yes", "はい")
NO = ("n", "no", "いいえ")
TITLE_WIDTH = 48  # columns of a title inside a sentence


def typed(text: str) -> str:
    """A short reply in plain form: an input method left on turns y into ｙ."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def yes(text: str) -> bool:
    """Whether a short reply says yes, however it was typed."""
    return typed(text) in YES


def something_else(text: str) -> bool:
    """Whether a reply to a question of yes or no is neither: the user went on, and it must not be lost."""
    return typed(text) not in ("", *YES, *NO)


def when(moment: datetime | None) -> str:
    """Date and minute in this machine's time zone; the store's times are UTC."""
    if moment is None:
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone().strftime("%Y-%m-%d %H:%M")


def titled(session: ChatSession, columns: int = TITLE_WIDTH) -> str:
    """A session's title, harmless and short."""
    return cut(one_line(session.title), columns) or _("(no title)")


def named(session: ChatSession) -> str:
    """Number and title: 12 “Title”."""
    return _("{number} “{title}”").format(number=session.id, title=titled(session))


def who(answer: Answer) -> str:
    """Letter and maker: B (gemma3:12b creative)."""
    return f"{answer.letter} ({one_line(answer.model)} {answer.how})" if answer.preset else answer.letter


def turns(n: int) -> str:
    return ngettext("{n} turn", "{n} turns", n).format(n=n)


def answers(n: int) -> str:
    return ngettext("{n} answer", "{n} answers", n).format(n=n)


def counted(turn_count: int, answer_count: int, rejected: int = 0) -> str:
    """3 turns, 5 answers (2 not adopted)."""
    text = _("{turns}, {answers}").format(turns=turns(turn_count), answers=answers(answer_count))
    return text + (_(" ({n} not adopted)").format(n=rejected) if rejected else "")


def options(values: SamplingOptions) -> str:
    """What is sent, in one line."""
    return " · ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in values.given().items())


def describe(preset: Preset) -> str:
    """The preset's line in the interface language."""
    return _told(preset.description)


def hint(preset: Preset) -> str:
    """When to choose the preset, in the interface language."""
    return _told(preset.hint)


def _told(texts: Mapping[str, str]) -> str:
    """The text in the interface language, else in English, else in the only one there is."""
    return texts.get(language()) or texts.get("en", "") or next(iter(texts.values()), "")


def gauge(seen: Context) -> str:
    """Tokens of all tokens, and the share."""
    text = (
        _("{tokens} of {limit} tokens ({percent} %)")
        if seen.exact
        else _("about {tokens} of {limit} tokens ({percent} %)")
    )
    percent = round(100 * seen.tokens / seen.num_ctx)
    return text.format(tokens=f"{seen.tokens:,}", limit=f"{seen.num_ctx:,}", percent=percent)


def verdict(found: Fit | None) -> str:
    """A model in this machine's memory, with what it needs; "" where nothing is known."""
    if found is None:
        return ""
    word = {"fits": _("fits"), "tight": _("tight"), "no": _("too large")}[found.verdict]
    return f"{word} {'' if found.need.exact else '≥ '}{size(found.need.total)}"


def begun(shell: Shell) -> ChatSession:
    """The current session, which has turns. Raises UsageError when nothing was asked yet."""
    shell.conversation.last_turn()
    return shell.conversation.session


def session_of(shell: Shell, number: int, *, deleted: bool = False) -> ChatSession:
    """The session of that number, in or out of the trash as wanted. Raises NotFound, UsageError."""
    session = shell.app.store.session(number)
    if session.deleted_at and not deleted:
        raise UsageError(
            _("Session {session} is in the trash.").format(session=named(session)),
            _("/restore {number} brings it back.").format(number=number),
        )
    if deleted and not session.deleted_at:
        raise UsageError(
            _("Session {session} is not in the trash.").format(session=named(session)), _("/trash lists what is.")
        )
    return session


def quiet(shell: Shell) -> None:
    """Raises UsageError while answers are being written: what holds the database for long would make them wait."""
    if shell.running():
        raise UsageError(_("Answers are still being written."), _("/stop all stops them; or try again in a moment."))
