"""What a slash command is: declared once, beside its handler; parsing, help, completion and the README derive from it.

There is no global table: `commands/__init__.py` lists the modules, `collect` finds the declarations in them.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

from llamune.errors import UsageError, near
from llamune.i18n import N_, _

if TYPE_CHECKING:
    from llamune.commands.session import Shell

NAMES = (  # of parameters, in help and usage lines
    *(N_("CANDIDATES"), N_("FILE"), N_("HOW"), N_("KEY"), N_("LETTER"), N_("LETTERS"), N_("MODEL"), N_("NAME")),
    *(N_("NUMBER"), N_("SCORES"), N_("TEXT"), N_("VALUE"), N_("WAY"), N_("WHAT"), N_("WORDS")),
)
Handler = Callable[["Shell", "Arguments"], Awaitable[None]]
Choice = tuple[str, str]  # what is inserted, and a few words about it
Completer = Callable[["Shell"], Iterable[Choice]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a command.

    Args:
        name: as shown in help ("N", "MODEL").
        about: one phrase, marked with N_.
        required: the command asks for it when it is missing.
        rest: takes everything that follows, spaces included.
        choices: completion for it.
    """

    name: str
    about: str
    required: bool = False
    rest: bool = False
    choices: Completer | None = None

    @property
    def shown(self) -> str:
        """The name in the interface language."""
        return _(self.name)

    @property
    def usage(self) -> str:
        return self.shown if self.required else f"[{self.shown}]"


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command. `now`: it may run while an answer streams, instead of waiting in line; `group`: the title of
    its module, under which help lists it."""

    name: str
    about: str
    handler: Handler
    parameters: tuple[Parameter, ...] = ()
    now: bool = False
    example: str = ""
    group: str = ""

    @property
    def usage(self) -> str:
        return " ".join([f"/{self.name}", *(p.usage for p in self.parameters)])


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was typed after a command: `words` by parameter; `rest` is all of it."""

    rest: str = ""
    words: tuple[str, ...] = ()

    def get(self, index: int) -> str:
        """The word for parameter `index`, "" when it was not given."""
        return self.words[index] if index < len(self.words) else ""

    def number(self, index: int, name: str = "N", hint: str = "") -> int:
        """The word as a whole number of at least 0. Raises UsageError; `hint` says where numbers come from."""
        word = self.get(index).lstrip("#")
        if not word.isdecimal():
            raise UsageError(
                _("{name} must be a number, not “{word}”.").format(name=name, word=word),
                hint or _("The numbers stand in the list before each line."),
            )
        return int(word)


def command(
    name: str, about: str, *parameters: Parameter, now: bool = False, example: str = ""
) -> Callable[[Handler], Handler]:
    """Declares a handler as the slash command `name`; `about` is one line, marked with N_."""

    def attach(handler: Handler) -> Handler:
        setattr(handler, "command", Command(name, about, handler, parameters, now, example))  # noqa: B010
        return handler

    return attach


def collect(modules: Sequence[ModuleType]) -> "CommandRegistry":
    """All commands declared in `modules`, in order of declaration; a module's TITLE names their group."""
    found: dict[str, Command] = {}
    for module in modules:
        group = getattr(module, "TITLE", "")
        for value in vars(module).values():
            declared: Any = getattr(value, "command", None)
            if isinstance(declared, Command):
                found[declared.name] = replace(declared, group=group)
    return CommandRegistry(found)


@dataclass(frozen=True, slots=True)
class CommandRegistry:
    """The commands there are."""

    commands: dict[str, Command] = field(default_factory=dict)

    def parse(self, line: str) -> tuple[Command, Arguments]:
        """`/name arguments` → command and arguments; a unique beginning of a name is enough.

        Raises: UsageError for unknown or ambiguous names, with near matches, and for a missing argument.
        """
        name, rest = [*line.lstrip("/").split(maxsplit=1), "", ""][
            :2
        ]  # any blank ends a name: a Japanese one, a new line
        found = self.find(name)
        rest = rest.strip()
        words = tuple(rest.split())
        required = [p for p in found.parameters if p.required]
        if len(words) < len(required):
            raise UsageError(
                _("/{name} needs {what}: {about}.").format(
                    name=found.name, what=required[len(words)].shown, about=_(required[len(words)].about)
                ),
                found.usage + (f"   {found.example}" if found.example else ""),
            )
        if len(words) > len(found.parameters) and not (found.parameters and found.parameters[-1].rest):
            raise UsageError(
                _("/{name} does not know what to do with “{word}”.").format(
                    name=found.name, word=words[len(found.parameters)]
                ),
                found.usage,
            )
        return found, Arguments(rest, words)

    def find(self, name: str) -> Command:
        """The command of that name, or the only one that begins so. Raises UsageError."""
        folded = name.casefold()
        if folded in self.commands:
            return self.commands[folded]
        starts = [n for n in self.commands if folded and n.startswith(folded)]
        if len(starts) == 1:
            return self.commands[starts[0]]
        names = starts or near(folded, self.commands)
        raise UsageError(
            _("There is no command /{name}.").format(name=name)
            if not starts
            else _("/{name} could be several commands.").format(name=name),
            _("Did you mean {names}?").format(names=", ".join(f"/{n}" for n in names))
            if names
            else _("/help lists all commands; //text sends a text that begins with a slash."),
        )
