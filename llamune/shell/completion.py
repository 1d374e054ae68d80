"""Completion of commands, their arguments, and @FILE, from the commands' own declarations."""

from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from llamune import text
from llamune.commands.registry import Parameter
from llamune.commands.session import Shell
from llamune.errors import UsageError
from llamune.i18n import _


class LlamuneCompleter(Completer):
    """Completes slash commands with their one-line descriptions, then what their parameters offer."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        if before.startswith("//") or "\n" in before:
            return
        if before.startswith("/"):
            name, space, rest = before[1:].partition(" ")
            yield from self._arguments(name, rest) if space else self._names(name)
        elif (word := document.get_word_before_cursor(WORD=True)).startswith("@"):
            path = Document(word[1:])
            yield from self._paths.get_completions(path, complete_event)

    def _names(self, start: str) -> Iterable[Completion]:
        for command in self._shell.registry.commands.values():
            if command.name.startswith(start.casefold()):
                yield Completion(command.name, -len(start), display=f"/{command.name}", display_meta=_(command.about))

    def _arguments(self, name: str, rest: str) -> Iterable[Completion]:
        try:
            command = self._shell.registry.find(name)
        except UsageError:
            return
        words = rest.split(" ")
        if not command.parameters:
            return
        parameter = command.parameters[min(len(words), len(command.parameters)) - 1]
        yield from self._choices(parameter, words[-1])

    def _choices(self, parameter: Parameter, start: str) -> Iterable[Completion]:
        if parameter.name == "FILE":
            yield from self._paths.get_completions(Document(start), CompleteEvent())
        for insert, about in parameter.choices(self._shell) if parameter.choices else ():
            if insert.casefold().startswith(start.casefold()):
                meta = text.cut(text.one_line(about), 60)
                yield Completion(insert, -len(start), display=text.one_line(insert), display_meta=meta)
