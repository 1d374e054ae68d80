"""Errors that every engine words in the same way."""

from collections.abc import Iterable
from typing import Final

from llamune.errors import AnswerCut, ContextOverflow, EngineRefused, ModelNotFound, near
from llamune.i18n import _

LONGEST_TEXT: Final = 400  # characters of a server's own words that are shown


def context_overflow(tokens: int = 0, context: int = 0) -> ContextOverflow:
    """The prompt is too long; 0 = number not known."""
    if tokens and context:
        text = _("The conversation has {tokens:,} tokens, and the model sees only {context:,}.")
    else:
        text = _("The conversation is longer than the context of the model.")
    return ContextOverflow(
        text.format(tokens=tokens, context=context),
        _("Shorten it with /compact or /rewind, or make the context larger with /context size."),
    )


def model_not_found(model: str, known: Iterable[str] = ()) -> ModelNotFound:
    """No engine has it; the hint names what looks like it."""
    matches = near(model, known)
    hint = _("Did you mean {names}?").format(names=", ".join(matches)) if matches else _("/models shows what there is.")
    return ModelNotFound(_("There is no model called {model}.").format(model=model), hint)


def cut(why: str = "") -> AnswerCut:
    """A stream that began and did not end well."""
    text = (
        _("The answer was cut off: {why}.").format(why=short(why).rstrip(".")) if why else _("The answer was cut off.")
    )
    return AnswerCut(text, _("What had come is kept. Ask again: /retry"))


def not_a_model(path: object, why: str) -> EngineRefused:
    """A file that was to be installed is no usable model."""
    return EngineRefused(
        _("{path} is no usable model: {why}.").format(path=path, why=short(why).rstrip(".")),
        _("A GGUF file of a chat or embedding model is needed."),
    )


def no_embedding(model: str) -> EngineRefused:
    return EngineRefused(
        _("{model} cannot make embeddings.").format(model=model), _("/models shows what each model can do.")
    )


def short(said: str) -> str:
    """A server's words on one line of bounded length."""
    line = " ".join(said.split())
    return line if len(line) <= LONGEST_TEXT else line[:LONGEST_TEXT] + "…"
