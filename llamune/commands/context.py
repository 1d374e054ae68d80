"""What the model sees: shown exactly, given more room, shortened by a summary, extended by a file.

`/compact` changes only what is sent; the turns themselves stay in the session.
"""

from collections.abc import Iterable, Sequence

from llamune.chat.context import LEAST_CONTEXT
from llamune.chat.message import Message
from llamune.chat.model import ModelInfo
from llamune.chat.session import Answer
from llamune.commands import wording
from llamune.commands.answers import find, letters
from llamune.commands.files import path_of, read_text
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Fields, Note, Verbatim
from llamune.errors import EngineError, UsageError
from llamune.i18n import N_, _, ngettext
from llamune.text import one_line, size

TITLE = N_("What the model sees")
RECENT = 20  # messages that /context shows
MOST = 10_000_000  # tokens; the upper end only counts where a model does not say what it was trained for


def what(shell: Shell) -> Iterable[Choice]:
    yield "size", _("how many tokens the current model reads")
    yield "all", _("every message of a long session")
    yield from letters(shell)


@command(
    "context",
    N_("what the model sees, word for word; or how much it reads"),
    Parameter("WHAT", N_("an answer's letter: what that one saw; all; or size: how much is read"), choices=what),
    Parameter("N", N_("tokens")),
    now=True,
    example="/context size 8192",
)
async def context(shell: Shell, args: Arguments) -> None:
    match wording.typed(args.get(0)):
        case "" | "all" as word if answer := _grounded(shell):
            await _saw(shell, answer, whole=bool(word))
        case "" | "all" as word:
            await _show(shell, whole=bool(word))
        case "size":
            await _resize(shell, args)
        case word if shell.conversation.session.turn_count and word.isalpha() and len(word) < 3:
            await _saw(shell, find(shell, word), whole=True)
        case word:
            raise UsageError(
                _("/context does not know “{word}”.").format(word=word),
                _("/context, /context all, /context A or /context size N"),
            )


def _grounded(shell: Shell) -> Answer | None:
    """The answer that stands last, when it saw passages: they are part of what the model saw, and of that turn only."""
    turn = shell.conversation.last_turn() if shell.conversation.session.turn_count else None
    answer = turn.adopted if turn else None
    return answer if answer and answer.seen and answer.seen.passages else None


async def _messages(shell: Shell, messages: Sequence[Message], whole: bool) -> None:
    """What comes first (the system prompt) and the newest messages, or all of them."""
    skipped = 0 if whole else len(messages) - 1 - RECENT
    for number, message in enumerate(messages):
        if number == 0 or number > skipped:
            await shell.show_long(Verbatim(message.role, message.content))
        elif number == skipped:
            told = ngettext("… {n} message · /context all", "… {n} messages · /context all", skipped)
            shell.show(Note(told.format(n=f"{skipped:,}"), "dim"))


async def _saw(shell: Shell, answer: Answer, *, whole: bool) -> None:
    """The messages that an answer saw, then the figures."""
    if answer.reason == "not_found":
        return shell.show(_("No model was asked: the documents hold nothing on the question. /sources hits"))
    messages, exact = shell.conversation.saw(shell.app.store.turn(answer.turn_id), answer)
    await _messages(shell, messages, whole)
    rows = [(_("seen by"), wording.who(answer))]
    if answer.usage.prompt_tokens:
        rows.append((_("tokens"), f"{answer.usage.prompt_tokens:,}"))
    rows.append((_("options"), wording.options(answer.options) or _("none: the engine's own")))
    shell.show(Fields(rows))
    told = _("Word for word as it was sent.") if exact else _("Put together anew: what was said before has changed.")
    more = _("The next question is searched for anew; passages are not sent again.") if answer.seen else ""
    shell.show(Note(f"{told} {more}".strip(), "dim" if exact else "warn"))


async def _show(shell: Shell, *, whole: bool) -> None:
    """The messages with their roles, then the figures."""
    conversation = shell.conversation
    seen = await conversation.context()
    await _messages(shell, seen.messages, whole)
    if not seen.messages:
        shell.show(_("The model sees nothing yet: no system prompt, no turns."))
    rows = [(_("model"), one_line(conversation.session.model)), (_("context"), wording.gauge(seen))]
    sent = wording.options(conversation.options(conversation.session.preset))
    rows.append((_("options"), sent or _("none: the engine's own")))
    if conversation.session.summary:
        rows.append((_("summary"), _("stands for turns 1 to {n}").format(n=conversation.session.summarised)))
    if seen.left_out:
        numbers = ", ".join(map(str, seen.left_out))
        rows.append((_("left out"), _("turns without an answer: {numbers}").format(numbers=numbers)))
    shell.show(Fields(rows))


async def _resize(shell: Shell, args: Arguments) -> None:
    """Changes num_ctx of the current model."""
    _engine, model = await shell.app.catalog.find(shell.conversation.session.model)
    if not args.get(1):
        return shell.show(
            _("{model} reads {n} tokens. {range}").format(
                model=one_line(model.name), n=f"{shell.app.state.num_ctx(model):,}", range=_range(model)
            )
        )
    wanted, most = args.number(1, hint=_range(model)), model.context_length or MOST
    if not LEAST_CONTEXT <= wanted <= most:
        raise UsageError(
            _("{model} cannot read {n} tokens.").format(model=one_line(model.name), n=f"{wanted:,}"), _range(model)
        )
    before = shell.app.state.num_ctx(model)
    shell.app.state.remember(sizes={model.name: wanted})
    told = _("{model} reads {n} tokens from now on (before: {before}).").format(
        model=one_line(model.name), n=f"{wanted:,}", before=f"{before:,}"
    )
    memory = (wanted - before) * model.kv_bytes_per_token
    more = " " + _("That takes about {size} more memory.").format(size=size(memory)) if memory > 0 else ""
    shell.show(told + more + " " + _("The model is loaded again for it at the next question."))


def _range(model: ModelInfo) -> str:
    if not model.context_length:
        return _("It can be {least} or more; the model does not say how much it was trained for.").format(
            least=LEAST_CONTEXT
        )
    return _("It can be {least} to {most}.").format(least=LEAST_CONTEXT, most=f"{model.context_length:,}")


@command("compact", N_("replace the oldest turns, for the model only, by a summary"))
async def compact(shell: Shell, args: Arguments) -> None:
    session = wording.begun(shell)
    shell.conversation.compactable()
    shell.show(Note(_("{model} writes a summary …").format(model=one_line(session.model)), "dim"))
    through, summary = await shell.conversation.summarise()
    if not summary.strip():
        raise EngineError(
            _("The summary came back empty; nothing was changed."), _("Try again, or /switch to another model.")
        )
    shell.conversation.compact(through, summary.strip())
    shell.show(Verbatim(_("summary of turns 1 to {n}").format(n=through), summary.strip()))
    shell.show(
        Note(
            _("The model sees this instead of those turns from now on. /history still has them; /undo takes it back."),
            "good",
        )
    )


@command(
    "attach",
    N_("put a text file into the next question"),
    Parameter("FILE", N_("a text file; @FILE inside a question does the same"), required=True, rest=True),
    example="/attach notes.md",
)
async def attach(shell: Shell, args: Arguments) -> None:
    attachment = read_text(path_of(args.rest))
    shell.attach(attachment)
    shell.show(
        _("{name} ({n} characters) goes with the next question.").format(
            name=attachment.name, n=f"{len(attachment.text):,}"
        )
    )
