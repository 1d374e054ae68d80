"""`llamune chat`: the open chat. Here are its flags only; the chat itself is shell/."""

import argparse
import sys
from typing import TYPE_CHECKING

from llamune.cli.parser import Parser, number
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.app import App


def declare(parser: Parser) -> None:
    """Adds the arguments."""
    who(parser)
    parser.add_argument(
        "--resume", metavar=_("NUMBER"), nargs="?", type=number, const=0, help=_("go on with a session; the last one")
    )


def who(parser: Parser) -> None:
    """The flags that choose who answers, and how."""
    parser.add_argument("-m", "--model", metavar=_("MODEL"), help=_("the model that answers"))
    parser.add_argument("-p", "--preset", metavar=_("PRESET"), help=_("the preset: how it answers"))


def run(args: argparse.Namespace) -> int:
    """Chats until the user leaves. Settings and all the rest are loaded behind the first paint."""
    from llamune import paths
    from llamune.shell.front import run as chat

    made: list[App] = []

    def build() -> "App":
        from llamune.cli import start

        made.append(start.app(args))
        return made[0]

    code = chat(build, paths.find().history, resume=getattr(args, "resume", None))
    if made and sys.stdout.isatty():
        _farewell(made[0])
    return code


def _farewell(app: "App") -> None:
    """How far the evidence goes: on paper, or in another's hands, it shows whether the log was rolled back."""
    from llamune.cli.output import show
    from llamune.commands.values import Note

    if app.noted:
        show(Note(_("evidence {head}").format(head=app.noted.short), "dim"))
    elif app.evidence.problem:
        show(Note(_("no evidence was written: {reason}").format(reason=app.evidence.problem), "warn"))
