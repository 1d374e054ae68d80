"""One answer on its way into the store: never more than a second behind what was shown."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from llamune.chat.events import AnswerFailed, AnswerFinished, Event, TextArrived, ThinkingArrived
from llamune.chat.ports import Store
from llamune.errors import EngineError, LlamuneError, StoreError
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.chat.seen import Checked

log = logging.getLogger(__name__)

SAVE_EVERY = 0.5  # seconds


class Draft:
    """The text of an answer while it comes.

    Args:
        answer_id: its row, which exists already.
    """

    def __init__(self, store: Store, answer_id: int) -> None:
        self._store = store
        self._id = answer_id
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._saved = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    @property
    def begun(self) -> bool:
        """Whether anything came yet."""
        return bool(self._text or self._thinking)

    @property
    def text(self) -> str:
        return "".join(self._text)

    def take(self, event: Event) -> None:
        """Remembers what came; saves now, or in a moment when the last save is young."""
        match event:
            case TextArrived(text=text):
                self._text.append(text)
            case ThinkingArrived(text=text):
                self._thinking.append(text)
            case _:
                return
        wait = self._saved + SAVE_EVERY - time.monotonic()
        if wait <= 0:
            self._save()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._save)

    def restart(self) -> None:
        """Forgets what came: the answer is asked for again from its beginning."""
        self._text.clear()
        self._thinking.clear()

    def finished(self, event: AnswerFinished, checked: "Checked | None" = None) -> Event:
        """Stores the end. An answer without a word is a failure that says why."""
        text = self.text
        if not text.strip():
            return self.failed(_empty(event, bool(self._thinking)))
        self._end()
        self._store.finish(
            self._id,
            "complete",
            text=text,
            thinking="".join(self._thinking),
            usage=event.usage,
            reason=event.reason,
            model=event.model,
            digest=event.digest,
            checked=checked,
        )
        return event

    def failed(self, error: LlamuneError) -> AnswerFailed:
        """Stores a failure with what had come."""
        self._end()
        text, thinking = "".join(self._text), "".join(self._thinking)
        self._store.finish(self._id, "failed", text=text, thinking=thinking, error=error.message, hint=error.hint)
        return AnswerFailed(self._id, error.message, error.hint, error.exit_code)

    def close(self) -> None:
        """When nothing else ended it, the answer was cancelled."""
        if not self._ended:
            self._end()
            self._store.finish(self._id, "cancelled", text="".join(self._text), thinking="".join(self._thinking))

    def _save(self) -> None:
        self._timer = None
        self._saved = time.monotonic()
        try:
            self._store.save_progress(self._id, "".join(self._text), "".join(self._thinking))
        except StoreError as error:  # the answer goes on; its end is stored again, and then the user is told
            log.warning("answer %s: %s", self._id, error)

    def _end(self) -> None:
        self._ended = True
        if self._timer:
            self._timer.cancel()


def _empty(event: AnswerFinished, thought: bool) -> EngineError:
    if event.reason == "length":
        hint = _(
            "Raise num_predict (/params), give more context (/context size N), or switch thinking off (/think off)."
        )
        if thought:
            return EngineError(_("The model used all its tokens for thinking; no answer came."), hint)
        return EngineError(_("The answer is empty: its length limit was reached before the first word."), hint)
    return EngineError(_("The model gave an empty answer."), _("Try /retry with another preset or model."))
