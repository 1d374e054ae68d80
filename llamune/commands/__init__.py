"""The slash commands: one module per theme, each declared beside its handler.

A handler calls services and ends in `shell.show(value)`; it draws nothing. There is no registration by import: the
modules are listed here, and none is loaded before `registry` is called.
"""

# Loaded here, before the function below takes its name: a submodule loaded later would take it back.
from llamune.commands.registry import CommandRegistry, collect


def registry() -> CommandRegistry:
    """Every command, in the order in which help shows them."""
    from llamune.commands import (
        answers,
        context,
        judging,
        knowledge,
        lineup,
        models,
        modes,
        options,
        program,
        prompts,
        ratings,
        recommending,
        retrying,
        sessions,
        traffic,
        trash,
        turns,
        web,
    )  # fmt: skip

    talk, who = [retrying, answers, ratings, judging, lineup, turns], [models, options, recommending, context]
    return collect([*talk, *who, modes, prompts, knowledge, sessions, trash, traffic, web, program])
