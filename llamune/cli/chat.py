"""`llamune chat`: the open chat. Here are its flags only; the chat itself is shell/."""

import argparse
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

    def build() -> "App":
        from llamune.cli import start

        return start.app(args)

    return chat(build, paths.find().history, resume=getattr(args, "resume", None))
