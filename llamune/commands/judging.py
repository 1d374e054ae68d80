"""Letting one model judge what another wrote, and making a better answer of what it found.

A judgement is shown and kept for this run only; it changes nothing that is stored and counts in no ranking.
"""

from collections.abc import Sequence

from llamune.chat import judge as judges
from llamune.chat.context import with_attachments
from llamune.chat.judge import Case, Judge
from llamune.chat.model import ModelInfo
from llamune.chat.session import Answer, Turn
from llamune.chat.verdict import OVERALL, POINTS, Comparison, Judgement, Nonsense
from llamune.commands import answers, models, retrying, wording
from llamune.commands.registry import Arguments, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Fields, Note
from llamune.errors import UsageError
from llamune.i18n import N_, _
from llamune.text import cut, one_line

TITLE = N_("Judging")
NAMES = {
    "accuracy": N_("accuracy"),
    "consistency": N_("consistency"),
    "coverage": N_("coverage"),
    "wording": N_("wording"),
    OVERALL: N_("overall"),
}
BEFORE = 2  # turns that a judge sees before the question
SAID = 400  # characters of each of their answers
SHOWN = 160  # columns of nonsense
EXAMPLE = "/judge A C --by gemma3"


@command(
    "judge",
    N_("let another model judge one answer, or compare two"),
    Parameter(
        "LETTERS",
        N_("one or two answers, and --by MODEL; alone: the one that stands"),
        rest=True,
        choices=answers.letters,
    ),
    example=EXAMPLE,
)
async def judge(shell: Shell, args: Arguments) -> None:
    letters, by = understood(args.rest)
    chosen = [answers.find(shell, letter) for letter in letters] or [_standing(shell)]
    if len({a.id for a in chosen}) < len(chosen):
        raise UsageError(_("An answer cannot be compared with itself."), EXAMPLE)
    await examine(shell, chosen, by)


def understood(typed: str) -> tuple[list[str], str]:
    """The letters (two at most) and the judge's name, "" when none was given. Raises UsageError."""
    words = typed.split()
    by = ""
    for mark in ("--by", "by"):
        if mark in words:
            at = words.index(mark)
            if at + 1 == len(words):
                raise UsageError(_("{what} needs a value.").format(what=mark), EXAMPLE)
            by = words[at + 1]
            del words[at : at + 2]
    if len(words) > 2:
        raise UsageError(_("Only two answers can be compared."), EXAMPLE)
    return words, by


def _standing(shell: Shell) -> Answer:
    turn = answers.last_turn(shell)
    if turn.adopted is None:
        raise UsageError(_("No answer stands yet."), _("Say which answer you mean."))
    return turn.adopted


async def examine(shell: Shell, chosen: Sequence[Answer], by: str = "") -> bool:
    """Judges one answer or compares two, and shows it. Returns whether there was a judgement."""
    for answer in chosen:
        if answer.running or not answer.text.strip():
            raise UsageError(
                _("{answer} has no text.").format(answer=wording.who(answer)), _("/answers shows what there is.")
            )
    turn = shell.conversation.last_turn()
    written = [shell.app.store.answer(a.id) for a in chosen]  # with their makers, also while these are hidden
    model, own = await _by(shell, written, by)
    who = _(" and ").join(wording.who(a) for a in chosen)
    shell.show(Note(_("{model} judges {answers} …").format(model=one_line(model.name), answers=who), "dim"))
    if own:
        shell.show(Note(_("No other model can: it judges its own answer, and is likely to favour it."), "warn"))
    engine, info = await shell.app.catalog.find(model.name)
    case = Case(with_attachments(turn.question, turn.attachments), tuple(a.text for a in written), _before(shell, turn))
    judge = Judge(engine, info, shell.app.state.num_ctx(info), shell.app.slots)
    if len(chosen) == 1:
        return _assessed(shell, chosen[0], await judge.assess(case), model)
    return _compared(shell, chosen, await judge.compare(case), model)


async def _by(shell: Shell, written: Sequence[Answer], by: str) -> tuple[ModelInfo, bool]:
    """The judge, and whether it judges its own answer. Raises UsageError when it may not."""
    known = await models.look(shell)
    model, own = judges.choose(written, known, shell.conversation.session.model)
    if model is None:
        raise UsageError(_("No engine has a model."), _("/models shows what there is."))
    if not by:
        return model, own
    names = {c.model for c in await retrying.choose(shell, by)}
    wanted = [m for m in known if m.name in names]
    if len(wanted) != 1:
        raise UsageError(_("One model judges, not several."), EXAMPLE)
    wrote = judges.wrote(wanted[0], written)
    if wrote and not own:
        told = _("{model} wrote what is to be judged; models favour their own answers.")
        raise UsageError(
            told.format(model=one_line(wanted[0].name)),
            _("Another one can: --by {model}").format(model=one_line(model.name)),
        )
    return wanted[0], wrote


def _before(shell: Shell, turn: Turn) -> str:
    """The turns before, as a judge reads them: shortened."""
    if turn.number < 2:
        return ""
    earlier = shell.app.store.turns(turn.session_id, first=max(1, turn.number - BEFORE), last=turn.number - 1)
    said = [f"Q: {t.question[:SAID]}\nA: {t.adopted.text[:SAID] if t.adopted else ''}" for t in earlier]
    return "\n\n".join(said)


def _assessed(shell: Shell, answer: Answer, found: Judgement | Nonsense, model: ModelInfo) -> bool:
    if isinstance(found, Nonsense):
        return _nonsense(shell, found, model)
    shell.app.findings[answer.id] = found.findings
    rows = [(_(NAMES[p]), f"{found.scores[p]}/5  {found.reasons[p]}") for p in POINTS]
    shell.show(Fields([*rows, *_improvements(_("improvements"), found.improvements)]))
    if found.findings:
        shell.show(Note(_("/improve {letter} makes a better one of this").format(letter=answer.letter), "dim"))
    return True


def _compared(shell: Shell, chosen: Sequence[Answer], found: Comparison | Nonsense, model: ModelInfo) -> bool:
    if isinstance(found, Nonsense):
        return _nonsense(shell, found, model)
    one, two = chosen
    sides = {"first": one.letter, "second": two.letter, "tie": _("tie")}
    rows = []
    for point in (*POINTS, OVERALL):
        turned = point in found.flipped
        reason = _("(each order of asking said something else)") if turned else found.reasons[point]
        rows.append((_(NAMES[point]), f"{sides[found.better[point]]}  {reason}"))
    for answer, improvements in zip(chosen, found.improvements, strict=True):
        shell.app.findings[answer.id] = improvements
        rows += _improvements(_("improvements {letter}").format(letter=answer.letter), improvements)
    shell.show(Fields(rows))
    told = _("asked in both orders; in the reasons answer 1 is {one} and answer 2 is {two}")
    shell.show(Note(told.format(one=one.letter, two=two.letter), "dim"))
    return True


def _improvements(name: str, found: Sequence[str]) -> list[tuple[str, str]]:
    return [(name if n == 0 else "", f"- {one_line(text)}") for n, text in enumerate(found)]


def _nonsense(shell: Shell, found: Nonsense, model: ModelInfo) -> bool:
    """What was no judgement is never a score."""
    name, said = one_line(model.name), cut(one_line(found.said), SHOWN)
    told = _("What {model} wrote is no judgement: “{said}”").format(model=name, said=said)
    if not said:
        told = _("{model} wrote nothing.").format(model=name)
    shell.show(Note(told, "warn"))
    shell.show(Note(_("Nothing was judged. Another model may do better: /judge --by MODEL"), "dim"))
    return False


@command(
    "improve",
    N_("a new answer made from an old one and what a judge found about it"),
    Parameter("LETTER", N_("the answer's letter; without: the one that stands"), choices=answers.letters),
    example="/improve A",
)
async def improve(shell: Shell, args: Arguments) -> None:
    answer = answers.find(shell, args.get(0)) if args.get(0) else _standing(shell)
    findings = shell.app.findings.get(answer.id, ())
    if not findings:
        if not await examine(shell, [answer]):
            return
        findings = shell.app.findings.get(answer.id, ())
    if not findings:
        return shell.show(_("The judge found nothing to improve in {answer}.").format(answer=wording.who(answer)))
    turn = answers.last_turn(shell)
    await retrying.follow(shell, await shell.conversation.improve(answer, findings), turn)
