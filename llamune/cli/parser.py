"""The command line's grammar: argparse, in the language of the interface, with near matches for what was mistyped.

A sub-command's arguments are declared in its own module, which is imported when that sub-command is used (or when
shell completion is written). argparse says what is wrong in English; here its words become ours. Nothing is run here.
"""

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

from llamune import __version__
from llamune.errors import UsageError, near
from llamune.i18n import LANGUAGES, N_, _

COMMANDS: Mapping[str, str] = {
    "chat": N_("talk with a model (also without any command)"),
    "ask": N_("one question, one answer, for scripts and pipes"),
    "compare": N_("the same questions for many models and presets"),
    "sessions": N_("list, show, search, export, import, delete, restore, erase sessions"),
    "models": N_("list, show, import, remove models"),
    "recommend": N_("recommended models for this quarter: show, apply, import, sign"),
    "knowledge": N_("collections of documents: add, update, search, measure"),
    "presets": N_("list, show, make, change, remove presets"),
    "modes": N_("domain modes: list, show, make, change, export, import"),
    "stats": N_("what was counted of your answers and ratings: figures, ranking, export"),
    "evidence": N_("what happened on the network: the signed report, and its check"),
    "dataset": N_("what an own model learns from: build, show, check, export, scan"),
    "finetune": N_("make an own model from your documents, on this machine"),
    "settings": N_("show and change settings"),
    "doctor": N_("what was found, what is missing, what to do"),
    "completion": N_("completion for bash, zsh or fish"),
}
Declare = Callable[["Parser"], None]
Verbs = Mapping[str, tuple[str, *tuple[Declare, ...]]]  # name → a line about it (N_), then what declares its arguments

SAID: Mapping[str, str] = {  # what argparse says (3.11 to 3.14) → what we say
    r"the following arguments are required: (?P<what>.+)": N_("{what} is missing."),
    r"unrecognized arguments: (?P<what>.+)": N_("{what} is not understood here."),
    r"argument (?P<what>.+?): expected (?:one|at least one) argument": N_("{what} needs a value."),
    r"argument (?P<what>.+?): ignored explicit argument (?P<value>.+)": N_("{what} takes no value."),
    r"argument (?P<what>.+?): invalid \S+ value: (?P<value>.+)": N_("{what} cannot be {value}."),
    r"argument (?P<what>.+?): invalid choice: '(?P<value>[^']*)'.*": N_("There is no command called {value}."),
    r"argument (?P<what>.+?): not allowed with argument (?P<value>.+)": N_("{what} and {value} exclude each other."),
}


class Parser(argparse.ArgumentParser):
    """A parser whose arguments are declared when they are needed.

    Args:
        declare: adds the arguments; called once, late.
    """

    def __init__(self, *, declare: Declare | None = None, **rest: Any) -> None:
        super().__init__(add_help=False, allow_abbrev=False, formatter_class=Help, **rest)
        self._declare: Declare | None = declare
        self._words: dict[str, Parser] = {}
        self._positionals.title, self._optionals.title = _("Arguments"), _("Options")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.fill()
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found, rest

    def fill(self) -> "Parser":
        """Declares what is not declared yet."""
        if self._declare:
            declare, self._declare = self._declare, None
            declare(self)
            common(self)
        return self

    def words(self, dest: str, commands: Verbs, *, required: bool) -> None:
        """Adds sub-commands."""
        sub = self.add_subparsers(dest=dest, metavar=_("COMMAND"), title=_("Commands"), required=required)
        for name, (about, *declare) in commands.items():
            self._words[name] = sub.add_parser(name, help=_(about), description=_(about), declare=_in_turn(declare))

    @property
    def subparsers(self) -> "Mapping[str, Parser]":
        """The sub-commands by name."""
        return self._words

    @property
    def options(self) -> list[argparse.Action]:
        """The options that are shown to people."""
        return [a for a in self._actions if a.option_strings and a.help != argparse.SUPPRESS]

    @property
    def values(self) -> list[argparse.Action]:
        """The positional arguments; sub-commands are none."""
        return [a for a in self._actions if not a.option_strings and not isinstance(a, argparse._SubParsersAction)]

    def error(self, message: str) -> NoReturn:
        """Raises UsageError in the interface language; with near matches where a name was mistyped."""
        for pattern, ours in SAID.items():
            if match := re.fullmatch(pattern, message, re.DOTALL):
                told = _(ours).format(**match.groupdict())
                raise UsageError(told, self._hint(match.groupdict()))
        raise UsageError(message, self._see())

    def _hint(self, parts: Mapping[str, str]) -> str:
        word = parts.get("value", parts["what"]).strip("'").split()[0:1]
        known = list(self._words) if "value" in parts else [o for a in self.options for o in a.option_strings]
        matches = near(word[0], known) if word and known else []
        return _("Did you mean {names}?").format(names=", ".join(matches)) if matches else self._see()

    def _see(self) -> str:
        return _("{command} shows what there is.").format(command=f"{self.prog} --help")


class Help(argparse.HelpFormatter):
    """Help in the interface language; Japanese wraps by columns, not by characters."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, _("Usage: ") if prefix is None else prefix)

    def _split_lines(self, text: str, width: int) -> list[str]:
        from llamune.text import wrap

        return wrap(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        from llamune.text import wrap

        return "\n".join(indent + row for row in wrap(text, width - len(indent)))


def build() -> Parser:
    """The whole grammar; the sub-commands' own arguments come later (see `Parser.fill`)."""
    parser = Parser(prog="llamune", description=_("A chat shell for closed networks."), declare=_top)
    parser.epilog = _("Without a command: chat. {command} tells more.").format(command="llamune COMMAND --help")
    return parser


def _top(parser: Parser) -> None:
    parser.words("command", {n: (about, _in_module(n)) for n, about in COMMANDS.items()}, required=False)


def _in_module(name: str) -> Declare:
    """The declaration that stands in the module of a sub-command, imported when it is called."""

    def declare(parser: Parser) -> None:
        import_module(f"llamune.cli.{name}").declare(parser)

    return declare


def _in_turn(parts: Iterable[Declare]) -> Declare:
    def declare(parser: Parser) -> None:
        for part in parts:
            part(parser)

    return declare


def json_flag(parser: Parser) -> None:
    """--json, for programs."""
    parser.add_argument("--json", action="store_true", help=_("print JSON"))


def yes_flag(parser: Parser) -> None:
    """--yes, where something would be lost."""
    parser.add_argument("--yes", action="store_true", help=_("do not ask"))


def own_name(parser: Parser) -> None:
    """NAME, of what the command is about."""
    parser.add_argument("name", metavar=_("NAME"), help=_("its name"))


def common(parser: Parser) -> None:
    """The options that every command takes."""
    none = argparse.SUPPRESS  # a sub-command that says nothing must not undo what stood before it
    told = _("language of the interface")
    parser.add_argument("--language", metavar="en|ja", type=one_of("auto", *LANGUAGES), default=none, help=told)
    told = _("without any network but relays to the servers listed, or not at all")
    parser.add_argument("--sealed", action="store_const", const="on", default=none, help=told)
    parser.add_argument("--scripted", action="store_true", default=none, help=argparse.SUPPRESS)
    version, told = f"Llamune {__version__}", _("show the version and leave")
    parser.add_argument("--version", action="version", version=version, help=told)
    parser.add_argument("-h", "--help", action="help", help=_("show this help and leave"))


def one_of(*choices: str) -> Callable[[str], str]:
    """An argument type that takes only `choices`."""

    def check(word: str) -> str:
        if word in choices:
            return word
        raise UsageError(
            _("“{word}” is not possible here.").format(word=word),
            _("Did you mean {names}?").format(names=", ".join(near(word, choices) or choices)),
        )

    return check


def count(word: str) -> int:
    """An argument type: how many, at least 1."""
    if not word.isdecimal() or not int(word):
        raise UsageError(
            _("{name} must be a number from 1 on, not “{word}”.").format(name=_("COUNT"), word=word),
            _("Example: {example}").format(example="50"),
        )
    return int(word)


def number(word: str) -> int:
    """An argument type: the number of a session, as 12 or #12."""
    bare = word.lstrip("#")
    if not bare.isdecimal():
        raise UsageError(
            _("{name} must be a number, not “{word}”.").format(name=_("NUMBER"), word=word),
            _("{command} shows the numbers.").format(command="llamune sessions list"),
        )
    return int(bare)


def prepared(words: Sequence[str]) -> list[str]:
    """The words of the command line, with `chat` put in where options of chat stand and no command does."""
    at = 0
    while at < len(words) and words[at].partition("=")[0] in ("--language", "--scripted", "--sealed"):
        at += 2 if words[at] == "--language" else 1
    first = words[at] if at < len(words) else ""
    if first.startswith("-") and first not in ("-h", "--help", "--version"):
        return [*words[:at], "chat", *words[at:]]
    return list(words)


def language_of(words: Iterable[str]) -> str | None:
    """The interface language that the command line names, before anything else of it is understood."""
    found = None
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name == "--language":
            found = value if equals else next(rest, "")
    return found if found in ("auto", *LANGUAGES) else None
