"""`llamune ask`: one question, one answer. Here are the flags and the question; what answers it is oneshot.py.

Nothing is imported here that the request does not need: from Enter to the request on its way is what this command is
measured by (benchmarks/ask.py).
"""

import argparse
import sys

from llamune.cli.parser import Parser
from llamune.errors import UsageError
from llamune.i18n import _


def declare(parser: Parser) -> None:
    """Adds the arguments."""
    from llamune.cli.chat import who

    who(parser)
    parser.add_argument("-s", "--system", metavar=_("TEXT"), help=_("a system prompt"))
    grounds(parser)
    parser.add_argument("--json", action="store_true", help=_("print one JSON object when the answer is complete"))
    parser.add_argument("--no-save", action="store_true", help=_("keep nothing of it in the database"))
    parser.add_argument(
        "question",
        metavar=_("QUESTION"),
        nargs="*",
        help=_("the question; - or nothing: standard input is the question"),
    )
    parser.epilog = _(
        "What is piped in goes along with the question as a text, in front of it: "
        "cat report.txt | llamune ask Summarise this. The answer is written to standard output as it comes. "
        "What /prompt add --always says in a chat goes along here, too, and with --mode NAME what it says of that mode."
    )


def grounds(parser: Parser) -> None:
    """The flags that put something in front of a question."""
    what = _("search this collection of documents; may be repeated")
    parser.add_argument("--knowledge", metavar=_("NAME"), action="append", default=[], help=what)
    parser.add_argument("--mode", metavar=_("NAME"), help=_("a mode: its prompts, documents, model and preset"))


def run(args: argparse.Namespace) -> int:
    """Asks, prints the answer, stores both. Returns the exit code."""
    words = " ".join(args.question).strip()
    piped = "" if _nothing_piped() else _piped()
    asked, beside = (piped, "") if words in ("", "-") else (words, piped.rstrip("\r\n"))
    if not asked.strip():
        raise UsageError(
            _("Nothing was asked."), _('Write the question behind it: llamune ask "How do I compare models?"')
        )
    from llamune.cli import oneshot

    return oneshot.run(args, asked, beside)


def _nothing_piped() -> bool:
    return sys.stdin is None or sys.stdin.closed or sys.stdin.isatty()


def _piped() -> str:
    """Standard input to its end, in whatever encoding a file of this user may have. Raises UsageError."""
    data = sys.stdin.buffer.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        from llamune.commands.files import decode

        return decode(data, _("standard input"))
