"""What an Ollama server, or the way to it, says went wrong, as errors in the user's words.

Servers of different ages say the same thing differently, so texts are recognised by parts of them, and what is not
recognised is shown as it came. The exceptions of the official client are translated in `ollama_admin`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from llamune.engine.faults import LONGEST_TEXT, context_overflow, cut, model_not_found, short
from llamune.engine.http import ConnectFailed, HttpError, parsed
from llamune.engine.ndjson import BadLine
from llamune.errors import ContextOverflow, EngineBusy, EngineError, EngineRefused, EngineUnreachable, OutOfMemory
from llamune.i18n import _

_MEMORY: Final = (
    "out of memory", "out-of-memory", "cudamalloc failed", "failed to allocate", "more system memory", "signal: killed",
    "unable to allocate", "insufficient memory",
)  # fmt: skip
_OVERFLOW: Final = (
    "exceed_context_size", "longer than the context", "exceeds the context", "exceeds the available context",
    "exceeds maximum context",
)  # fmt: skip
_DIED: Final = ("process has terminated", "unexpectedly stopped", "unable to load model", "error loading model")
_NUMBERS: Final = re.compile(r"\((\d+) tokens\).*?\((\d+) tokens\)")


def refusal(status: int, body: bytes, model: str) -> EngineError:
    """The error for a response whose status is not 200."""
    value = parsed(body)
    said = body[:LONGEST_TEXT].decode("utf-8", "replace") if value is None else said_in(value)
    return refused(status, said, model)


def refused(status: int, said: str, model: str) -> EngineError:
    """The error for a status and the server's words about it."""
    if status == 404 and "not found" in said:
        return model_not_found(model)
    if status == 503:
        return EngineBusy(_("Ollama has too many requests waiting."), _("Try again in a moment: /retry"))
    if status == 403 and not said:
        return EngineRefused(
            _("Ollama refuses to be called by this name (HTTP 403)."), _("Use 127.0.0.1 or localhost as its address.")
        )
    return failure(said or f"HTTP {status}", model)


def failure(said: str, model: str) -> EngineError:
    """The error for a reason that the server gave in words."""
    folded = said.casefold()
    if overflow := _overflow(said):
        return overflow
    if any(part in folded for part in _MEMORY):
        return OutOfMemory(
            _("{model} does not fit into memory.").format(model=model),
            _("Unload other models, make the context smaller with /context size, or take a smaller model."),
        )
    if "does not support" in folded:
        what = folded.rpartition("does not support")[2].strip(' ".')
        return EngineRefused(
            _("{model} cannot do this: {what}.").format(model=model, what=what),
            _("/models shows what each model can do."),
        )
    if any(part in folded for part in _DIED):
        return EngineError(
            _("Ollama could not run {model}: {said}").format(model=model, said=short(said)),
            _("Ollama's log says more. Another model may work: /switch"),
        )
    return EngineRefused(_("Ollama refused: {said}").format(said=short(said)), _("/models shows what there is."))


def unreachable(where: str, why: str = "") -> EngineUnreachable:
    return EngineUnreachable(
        _("Ollama does not answer at {where}.").format(where=where) + (f" ({short(why)})" if why else ""),
        _("Start it with: ollama serve. The built-in model answers without it: /models"),
    )


def not_ollama(where: str) -> EngineError:
    return EngineError(
        _("What answers at {where} is not an Ollama server.").format(where=where), _("Check the address: /settings")
    )


def said_in(value: Any) -> str:
    """The text of an error object; newer servers wrap llama-server's error as JSON inside that text."""
    for _depth in range(6):
        if isinstance(value, dict):
            value = value.get("error", value.get("message", ""))
        elif isinstance(value, str) and isinstance(inner := parsed(value.encode("utf-8", "replace")), dict):
            value = inner
        else:
            break
    return value.strip() if isinstance(value, str) else ""


def _overflow(said: str) -> ContextOverflow | None:
    if not any(part in said for part in _OVERFLOW):
        return None
    numbers = _NUMBERS.search(said)
    return context_overflow(int(numbers[1]), int(numbers[2])) if numbers else context_overflow()


@contextmanager
def translated(where: str, *, began: bool = False) -> Iterator[None]:
    """Turns the exceptions of our HTTP client into the tree; everything else passes.

    Args:
        where: the server's address, for the message.
        began: an answer has begun, so that a break means a cut answer.
    """
    try:
        yield
    except BadLine as error:
        raise (cut(_("what Ollama sent is not readable")) if began else not_ollama(where)) from error
    except ConnectFailed as error:
        raise unreachable(where) from error
    except HttpError as error:
        raise (cut(_("the connection to Ollama broke")) if began else unreachable(where, str(error))) from error
