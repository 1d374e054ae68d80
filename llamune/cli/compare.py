"""`llamune compare`: the same questions for many models and presets, or answers that exist already, compared.

Here are the flags, what they may be together, and who answers what. Asking is compare_run.py's, reading files
compare_files.py's, writing compare_out.py's and report_html.py's.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from llamune.cli.parser import Parser, count
from llamune.errors import UsageError
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.chat.sweep import Question
    from llamune.cli.compare_out import Sink


def declare(parser: Parser) -> None:
    """Adds the arguments."""
    who = _("who answers: all, or a model with or without a preset; may be repeated")
    parser.add_argument("-m", "--model", dest="models", metavar=_("MODEL"), action="append", default=[], help=who)
    how = _("how they answer: all, or presets; may be repeated")
    parser.add_argument("-p", "--preset", dest="presets", metavar=_("PRESET"), action="append", default=[], help=how)
    what = _("search this collection of documents; may be repeated")
    parser.add_argument("--knowledge", metavar=_("NAME"), action="append", default=[], help=what)
    levels = _("ask each with these levels of knowledge: none, prompt, rag")
    parser.add_argument("--levels", metavar="none,rag", type=_levels, default=[], help=levels)
    parser.add_argument("--seeds", metavar=_("COUNT"), type=count, help=_("ask each so many times, with other seeds"))
    parser.add_argument("-s", "--system", metavar=_("TEXT"), help=_("a system prompt"))
    parser.add_argument("--questions", metavar=_("FILE"), help=_("many questions: .txt, .jsonl or .csv"))
    parser.add_argument(
        "--expect", action="store_true", help=_("the file says what should be answered: count who does")
    )
    parser.add_argument("--answers", metavar=_("FILE"), help=_("compare the answers in a .jsonl file; ask nobody"))
    out = parser.add_mutually_exclusive_group()
    out.add_argument("--json", action="store_true", help=_("print a JSON object, or one a line for many questions"))
    out.add_argument("--jsonl", metavar=_("FILE"), help=_("write one JSON object a line"))
    parser.add_argument("--html", metavar=_("FILE"), help=_("write a report that any browser shows, without a network"))
    parser.add_argument(
        "--fresh", action="store_true", help=_("ask everything again, also what was asked before a stop")
    )
    parser.add_argument(
        "--at-once",
        metavar=_("COUNT"),
        type=count,
        help=_("so many answers at a time, 1 to 5; then speeds do not compare"),
    )
    parser.add_argument("question", metavar=_("QUESTION"), nargs="*", help=_("the question"))
    parser.epilog = _(
        "Models and presets are written as for /retry in the chat: -m all, -m gemma3/fast, -p code,balanced. After a "
        "stop the same command goes on where it was."
    )


def _levels(word: str) -> list[str]:
    """An argument type: levels of knowledge, separated by commas."""
    from llamune.chat.lineup import LEVELS
    from llamune.cli.parser import one_of

    return list(LEVELS) if word == "all" else [one_of(*LEVELS)(part) for part in word.replace("、", ",").split(",")]


def run(args: argparse.Namespace) -> int:
    """Compares. Returns the exit code: 3 when a question has no complete answer. Raises LlamuneError."""
    if args.answers:
        return _answers(args)
    questions = _questions(args)
    from llamune.cli import compare_run

    with ExitStack() as files:
        return compare_run.run(args, questions, _sinks(args, len(questions), files))


def _answers(args: argparse.Namespace) -> int:
    from llamune.cli import compare_existing

    if args.question or args.questions or args.models or args.presets or args.expect:
        raise UsageError(
            _("With --answers nobody is asked anything."),
            _("It goes with --json, --jsonl FILE and --html FILE only."),
        )
    with ExitStack() as files:
        return compare_existing.run(Path(args.answers), _sinks(args, 0, files))


def _questions(args: argparse.Namespace) -> "Sequence[Question]":
    """What is to be asked. Raises UsageError when that is nothing, or two things."""
    from llamune.chat.sweep import Question
    from llamune.cli import compare_files

    typed = " ".join(args.question).strip()
    if args.questions and typed:
        raise UsageError(_("A question and --questions exclude each other."), _("Put the question into the file."))
    if args.questions:
        found = compare_files.questions(Path(args.questions).expanduser(), args.system or "")
        if args.expect and not any(q.expect for q in found):
            raise UsageError(
                _("The file has no expected answers."), _("They stand in the column or key “expect” or “answer”.")
            )
        return found if args.expect else [Question(q.text, q.id, (), q.system) for q in found]
    if args.expect:
        raise UsageError(
            _("--expect needs --questions."), _("A .jsonl or .csv file with the columns “question” and “expect”.")
        )
    asked = _piped() if typed in ("", "-") else typed
    if not asked.strip():
        raise UsageError(_("Nothing was asked."), _('Write the question behind it: llamune compare -m all "Why?"'))
    return [Question(asked, system=args.system or "")]


def _piped() -> str:
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return ""
    from llamune.commands.files import decode

    return decode(sys.stdin.buffer.read(), _("standard input")).rstrip("\n")


def _sinks(args: argparse.Namespace, questions: int, files: ExitStack) -> "list[Sink]":
    """Where results go. Files are opened now: hours later is too late to hear that there is no such folder."""
    from llamune.cli import compare_out

    sinks: list[Sink] = []
    only_differences = bool(args.answers)
    if args.jsonl:
        file = files.enter_context(compare_out.opened(Path(args.jsonl).expanduser()))
        sinks.append(compare_out.JsonFile(file, only_differences))
    if args.html:
        from llamune.cli.report_html import Report

        sinks.append(files.enter_context(Report(Path(args.html).expanduser())))
    if args.json:
        sinks.append(compare_out.JsonPrinter(only_differences, indent=2 if questions == 1 else None))
    else:
        sinks.append(compare_out.Printer(whole=not (args.html or args.jsonl), single=questions == 1))
    return sinks
