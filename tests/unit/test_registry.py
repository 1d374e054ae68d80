"""Slash commands as declarations: parsing, help and the table derive from them."""

import pytest

from llamune.commands import registry
from llamune.commands.program import detail, overview, table
from llamune.commands.registry import CommandRegistry
from llamune.errors import UsageError

WANTED = (
    "retry adopt keep discard answers answer diff undo rewind history edit copy think models switch current preset "
    "params system context compact attach new sessions resume title search delete trash restore purge export import "
    "help settings quit"
)


@pytest.fixture(scope="module")
def commands() -> CommandRegistry:
    return registry()


def test_every_command_is_there(commands: CommandRegistry) -> None:
    assert set(WANTED.split()) <= set(commands.commands)


@pytest.mark.parametrize(
    ("line", "name", "rest"),
    [
        ("/retry 2 1/creative", "retry", "2 1/creative"),
        ("/SW qwen", "switch", "qwen"),
        ("/system one\ntwo", "system", "one\ntwo"),
        ("/system\none two", "system", "one two"),
        ("/retry　２", "retry", "２"),
        ("/answer B", "answer", "B"),
        ("/history", "history", ""),
    ],
)
def test_lines_are_parsed(commands: CommandRegistry, line: str, name: str, rest: str) -> None:
    found, arguments = commands.parse(line)
    assert (found.name, arguments.rest) == (name, rest)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("/retyr", "There is no command /retyr.", "Did you mean /retry"),
        ("/re", "/re could be several commands.", "/retry, /rewind, /recommend, /resume, /restore"),
        ("/zzzzz", "There is no command /zzzzz.", "/help lists all commands"),
        ("/", "There is no command /.", "/help lists all commands"),
        ("/adopt", "/adopt needs LETTER: the answer's letter.", "/adopt LETTER   /adopt B"),
        ("/keep it", "/keep does not know what to do with “it”.", "/keep"),
    ],
)
def test_errors_name_the_way_on(commands: CommandRegistry, line: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        commands.parse(line)
    assert error.value.message == message
    assert hint in error.value.hint


def test_numbers_may_be_typed_as_they_are_shown(commands: CommandRegistry) -> None:
    assert commands.parse("/rewind #3")[1].number(0) == 3
    assert commands.parse("/rewind ３")[1].number(0) == 3
    for word in ("x", "-1", "1.5"):
        with pytest.raises(UsageError, match="must be a number"):
            commands.parse(f"/rewind {word}")[1].number(0)


def test_every_example_can_be_parsed(commands: CommandRegistry) -> None:
    for command in commands.commands.values():
        if command.example:
            assert commands.parse(command.example)[0] == command
        assert command.parameters == () or command.example or not command.parameters[0].required


def test_help_has_every_command_under_a_title(commands: CommandRegistry) -> None:
    rows = list(overview(commands))
    titles = [name for name, about in rows if not about]
    assert titles[0] == "Answers"
    assert len(titles) == len(set(titles)) >= 7
    assert len(rows) == len(titles) + len(commands.commands)
    assert detail(commands.find("rewind"))[-1] == ("  example", "/rewind 2")


def test_the_table_has_a_row_for_every_command(commands: CommandRegistry) -> None:
    lines = table(commands).splitlines()
    assert len(lines) == 2 + len(commands.commands)
    assert all(line.count(" | ") == 1 for line in lines if not line.startswith("|---"))
