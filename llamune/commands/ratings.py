"""Saying what an answer is worth: votes, scores, and comparing without names.

Votes and choices are counted by `llamune stats ranking`; nothing of it leaves this machine.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from llamune.chat import task
from llamune.chat.rating import HIGHEST, LOWEST, SCORES
from llamune.chat.session import Answer
from llamune.commands import answers, wording
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Note
from llamune.errors import UsageError, near
from llamune.i18n import N_, _

TITLE = N_("Ratings")
NAMES: Mapping[str, str] = {"accuracy": N_("accuracy"), "natural": N_("naturalness"), "useful": N_("usefulness")}
WORDS: Mapping[str, str] = {name: name for name in SCORES} | {
    "correct": "accuracy", "正確": "accuracy", "正確さ": "accuracy", "正確性": "accuracy",
    "naturalness": "natural", "自然": "natural", "自然さ": "natural", "日本語": "natural",
    "usefulness": "useful", "有用": "useful", "有用さ": "useful", "有用性": "useful", "役立ち": "useful",
}  # fmt: skip
COMMENT = re.compile(r'"([^"]*)"|“([^”]*)”|「([^」]*)」|『([^』]*)』|\'([^\']*)\'')
SCORE = re.compile(r"([^\W\d_]+)\s*[:=]?\s*(-?\d+)")
EXAMPLE = '/rate B accuracy 4 natural 5 useful 3 "short and clear"'


def on_off(shell: Shell) -> Iterable[Choice]:
    """Completion: what /blind can be."""
    return (("on", _("hide names until the vote")), ("off", _("show names")))


def points(shell: Shell) -> Iterable[Choice]:
    """Completion: letters and what is scored."""
    yield from answers.letters(shell)
    yield from ((name, _(about)) for name, about in NAMES.items())


@command(
    "good",
    N_("this answer is good"),
    Parameter("LETTER", N_("the answer's letter; without: the one that stands"), choices=answers.letters),
    example="/good B",
)
async def good(shell: Shell, args: Arguments) -> None:
    _vote(shell, args, "good")


@command(
    "bad",
    N_("this answer is bad"),
    Parameter("LETTER", N_("the answer's letter; without: the one that stands"), choices=answers.letters),
    example="/bad A",
)
async def bad(shell: Shell, args: Arguments) -> None:
    _vote(shell, args, "bad")


def _vote(shell: Shell, args: Arguments, vote: str) -> None:
    answer = _meant(shell, args.get(0))
    _store(shell, answer, {"vote": vote})
    said = _("{answer} is noted as good.") if vote == "good" else _("{answer} is noted as bad.")
    shell.show(Note(said.format(answer=_named(shell, answer)), "good"))


@command(
    "rate",
    N_("give an answer scores from 1 to 5"),
    Parameter(
        "SCORES", N_("[LETTER] accuracy 4 natural 5 useful 3 “comment”"), required=True, rest=True, choices=points
    ),
    example=EXAMPLE,
)
async def rate(shell: Shell, args: Arguments) -> None:
    letter, said = understood(args.rest)
    answer = _meant(shell, letter)
    _store(shell, answer, said)
    scores = [f"{_(NAMES[name])} {said[name]}" for name in SCORES if name in said]
    told = " · ".join([_named(shell, answer), *scores, *([f"“{said['comment']}”"] if "comment" in said else [])])
    shell.show(Note(told, "good"))


def understood(typed: str) -> tuple[str, dict[str, Any]]:
    """The letter ("" when none was given) and what was said. Raises UsageError that names what is not understood."""
    said: dict[str, Any] = {}
    rest = typed
    if found := COMMENT.search(typed):
        said["comment"] = next(g for g in found.groups() if g is not None).strip()
        rest = typed[: found.start()] + " " + typed[found.end() :]
    rest = unicodedata.normalize("NFKC", rest).replace(",", " ").replace("、", " ")
    for word, number in SCORE.findall(rest):
        said[_point(word)] = _score(word, number)
    left = SCORE.sub(" ", rest).split()
    letter = left.pop(0) if left and re.fullmatch(r"[A-Za-z]{1,2}", left[0]) else ""
    if left:
        raise UsageError(_("“{word}” is not understood here.").format(word=left[0]), EXAMPLE)
    if not said:
        raise UsageError(_("Scores are missing."), EXAMPLE)
    return letter, said


def _point(word: str) -> str:
    if found := WORDS.get(word.casefold()):
        return found
    starts = {point for name, point in WORDS.items() if name.startswith(word.casefold())}
    if len(starts) == 1:
        return starts.pop()
    raise UsageError(
        _("“{word}” is nothing that is scored.").format(word=word),
        _("Did you mean {names}?").format(names=", ".join(near(word, WORDS) or SCORES)),
    )


def _score(word: str, number: str) -> int:
    if not LOWEST <= int(number) <= HIGHEST:
        raise UsageError(
            _("{name} cannot be {value}.").format(name=word, value=number),
            _("Scores go from {low} to {high}.").format(low=LOWEST, high=HIGHEST),
        )
    return int(number)


@command(
    "blind",
    N_("hide who wrote the answers of /retry until you voted"),
    Parameter("on|off", N_("alone: what is set"), choices=on_off),
    example="/blind on",
)
async def blind(shell: Shell, args: Arguments) -> None:
    state = shell.app.blind
    match wording.typed(args.get(0)):
        case "on" | "オン":
            state.on = True
        case "off" | "オフ":
            state.on = False
            if shell.conversation.session.turn_count:
                answers.reveal(shell, shell.conversation.last_turn())
            state.reveal()
        case "":
            pass
        case other:
            raise UsageError(_("“{word}” is not possible here.").format(word=other), "/blind on · /blind off")
    if state.on:
        told = _(
            "on: /retry with several candidates mixes them and hides their names until /good, /rate, /adopt or /keep"
        )
    else:
        told = _("off: names are shown")
    shell.show(told)


def tasks(shell: Shell) -> Iterable[Choice]:
    """Completion: what a question can be for."""
    return ((name, _(about)) for name, about in task.TASKS.items())


@command(
    "task",
    N_("what the last question was for, as statistics count it; or say otherwise"),
    Parameter("TASK", N_("coding, translation, documents, reasoning, writing, chat"), choices=tasks),
    example="/task translation",
)
async def task_(shell: Shell, args: Arguments) -> None:
    turn = answers.last_turn(shell)
    if typed := wording.typed(args.get(0)):
        shell.app.store.set_task(turn.id, _task(typed))
    noted = shell.app.store.task(turn.id)
    rule, word = task.guess(turn.question, files=bool(turn.attachments))
    told = _("by the word “{word}” in the question").format(word=word) if word else _("by the rule")
    if noted != rule:
        told = _("as you said")
    shell.show(Note(_("task: {task} ({told})").format(task=task.said(noted), told=told)))


def _task(typed: str) -> str:
    """The task that was named, in either language. Raises UsageError."""
    names = {word: name for name in task.TASKS for word in (name, task.said(name))}
    if found := names.get(typed):
        return found
    raise UsageError(
        _("There is no task called {name}.").format(name=typed),
        _("Did you mean {names}?").format(names=", ".join(near(typed, names) or task.TASKS)),
    )


def _meant(shell: Shell, letter: str) -> Answer:
    """The answer that is rated. Raises UsageError."""
    if letter:
        return answers.find(shell, letter)
    turn = answers.last_turn(shell)
    if answers.is_blind(shell, turn):
        raise UsageError(_("Say which answer you mean."), _("Example: {example}").format(example="/good B"))
    if turn.adopted is None:
        raise UsageError(_("No answer stands yet."), _("Say which answer you mean."))
    return turn.adopted


def _store(shell: Shell, answer: Answer, said: Mapping[str, Any]) -> None:
    turn = shell.conversation.last_turn()
    blind = answers.is_blind(shell, turn)
    shell.app.store.rate(answer.id, blind=blind, task=shell.app.store.task(turn.id), **said)
    answers.reveal(shell, turn)


def _named(shell: Shell, answer: Answer) -> str:
    return wording.who(shell.app.blind.masked(shell.app.store.answer(answer.id)))
