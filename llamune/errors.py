"""The one error tree. An error says what happened in the user's words, and its hint what to do next.

    LlamuneError               1
    ├─ UsageError              2
    ├─ SettingsError           2
    ├─ EngineError             3   EngineUnreachable · ModelNotFound · ContextOverflow · OutOfMemory
    │                              EngineBusy · EngineRefused · AnswerCut
    ├─ StoreError              4   NotFound
    └─ NetworkPolicyError      7

Each outer package translates foreign errors into these at its border. They are shown in two places only: the REPL
(show, go on) and the command line (show, leave with `exit_code`).
"""

from collections.abc import Iterable


class LlamuneError(Exception):
    """Base of everything that is shown to the user as two lines.

    Args:
        message: what happened, one sentence, already in the user's language.
        hint: what to do next; may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LlamuneError):
    """What was typed cannot be understood or done."""

    exit_code = 2


class SettingsError(LlamuneError):
    """A settings or preset file has an unknown key or a value out of range."""

    exit_code = 2


class EngineError(LlamuneError):
    """A model server, or the embedded one, did not do what was asked."""

    exit_code = 3


class EngineUnreachable(EngineError):
    """No connection, or it broke before an answer began."""


class ModelNotFound(EngineError):
    """No engine has a model of that name."""


class ContextOverflow(EngineError):
    """The prompt is longer than the context of the model."""


class OutOfMemory(EngineError):
    """The model does not fit into memory, or its process was killed for it."""


class EngineBusy(EngineError):
    """The server refused because too many requests wait (HTTP 503); trying again later can help."""


class EngineRefused(EngineError):
    """The server understood and said no."""


class AnswerCut(EngineError):
    """A stream ended in the middle: no end mark, half a line, or the engine died."""


class StoreError(LlamuneError):
    """The database could not be read or written."""

    exit_code = 4


class NotFound(StoreError):
    """A session, turn or answer with that number does not exist."""


class KnowledgeError(LlamuneError):
    """A collection of documents, its index or an embedding model."""

    exit_code = 5


class TrainingError(LlamuneError):
    """A data set, a training run or an own model."""

    exit_code = 6


class NetworkPolicyError(LlamuneError):
    """Something tried to call an address that is not allowed."""

    exit_code = 7


def near(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The entries of `known` that look most like `word`, best first; prefixes count as matches."""
    import difflib  # only where something was mistyped

    names = list(dict.fromkeys(known))
    folded = word.casefold()
    starts = [n for n in names if folded and n.casefold().startswith(folded)]
    close = difflib.get_close_matches(folded, [n.casefold() for n in names], count, 0.5)
    return list(dict.fromkeys(starts + [n for c in close for n in names if n.casefold() == c]))[:count]
