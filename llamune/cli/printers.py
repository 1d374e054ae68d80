"""What `llamune ask` writes: the answer's text as it comes, or one JSON object at the end."""

import sys
from typing import Any

from llamune.chat.events import Event, TextArrived
from llamune.chat.session import Answer
from llamune.cli.late import LateStore
from llamune.text import Cleaner


class TextPrinter:
    """The answer's text as it comes, made harmless; thinking is not shown."""

    def __init__(self) -> None:
        self._cleaner = Cleaner()
        self._last = "\n"

    def show(self, event: Event) -> None:
        if isinstance(event, TextArrived):
            self._write(self._cleaner.feed(event.text))

    def ended(self) -> None:
        """No more comes: whatever is left, and a line end where the text has none."""
        self._write(self._cleaner.end())
        if self._last != "\n":
            self._write("\n")

    def stored(self, answer: Answer, late: LateStore) -> None:
        """All was said before, but for the sources: standard output is the answer alone."""
        if answer.seen and answer.seen.found:
            from llamune.cli.output import show_sources

            show_sources(answer)

    def _write(self, text: str) -> None:
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._last = text[-1]


class JsonPrinter:
    """One object when all is over."""

    def show(self, event: Event) -> None:
        """Nothing yet."""

    def ended(self) -> None:
        """Where it is stored belongs to it, and is not known yet."""

    def stored(self, answer: Answer, late: LateStore) -> None:
        from llamune.cli.output import show_json

        show_json({"session": late.session_id, "turn": late.turn_number, "answers": [answer_json(answer)]})


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as `ask --json` and `sessions show --json` print it; texts are as the model sent them."""
    usage = answer.usage
    names = ("prompt_tokens", "completion_tokens", "first_token_ms", "load_ms", "total_ms", "tokens_per_second")
    return {
        "model": answer.model,
        "digest": answer.digest,
        "engine": answer.engine,
        "preset": answer.preset,
        "options": answer.options.given(),
        "status": answer.status,
        "text": answer.text,
        "thinking": answer.thinking,
        "error": answer.error or None,
        **({"knowledge": answer.knowledge} if answer.knowledge else {}),
        **(_sources(answer) if answer.seen and answer.seen.found else {}),
        "usage": {name: getattr(usage, name) for name in names},
    }


def _sources(answer: Answer) -> dict[str, Any]:
    """What stands behind an answer, and what became of its citations."""
    seen, checked = answer.seen, answer.checked
    assert seen
    assert seen.found
    names = ("corpus", "path", "section", "page", "date", "score", "text")
    passages = [{"number": n, **{k: getattr(p, k) for k in names}} for n, p in enumerate(seen.passages, 1)]
    lists = {k: list(getattr(checked, k)) if checked else [] for k in ("cited", "nowhere", "unsupported")}
    return {"sources": {"found": seen.found.strength, "passages": passages, **lists}}
