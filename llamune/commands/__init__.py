"""The slash commands: one module per theme, each declared beside its handler.

A handler calls services and ends in `shell.show(value)`; it draws nothing. There is no registration by import: the
modules are listed here, and nothing is loaded before `registry` is called.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llamune.commands.registry import CommandRegistry


def registry() -> "CommandRegistry":
    """Every command, in the order in which help shows them."""
    from llamune.commands import answers, context, models, program, sessions, trash, turns
    from llamune.commands.registry import collect

    return collect([answers, turns, models, context, sessions, trash, program])
