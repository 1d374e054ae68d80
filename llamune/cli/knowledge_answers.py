"""The grid none / prompt / rag per model: the same questions at each level of knowledge, scored by what is expected.

Each answer is a conversation of one turn that is not stored. An answer is right where the expected text, or all its
numbers, dates and names, is in it (chat/expect.py).
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from llamune.chat.conversation import Conversation
from llamune.chat.expect import found
from llamune.chat.lineup import Level
from llamune.chat.ports import Store
from llamune.chat.session import ChatSession
from llamune.cli import start
from llamune.cli.knowledge_bar import Bar
from llamune.cli.late import LateStore
from llamune.errors import EngineError, UsageError
from llamune.i18n import _
from llamune.knowledge.evaluate import Question
from llamune.knowledge.followup import complete

if TYPE_CHECKING:
    from llamune.app import App

LEVELS: tuple[Level, ...] = ("none", "prompt", "rag")


async def grid(args: argparse.Namespace, questions: Sequence[Question]) -> dict[str, dict[str, float]]:
    """Model/level → the part of the questions that it answered rightly. Raises EngineError for an unknown model."""
    asked = [question for question in questions if question.answer]
    if not asked:
        raise UsageError(_("None of the questions has an answer to compare with."))
    app, rows = start.app(args), dict[str, dict[str, float]]()
    try:
        names = [(await app.open_catalog().find(name))[1].name for name in args.answer]
        cells = [(name, level, question) for name in names for level in LEVELS for question in asked]
        with Bar() as bar:
            for number, (name, level, question) in enumerate(cells):
                bar.step("answer", number, len(cells))
                row = rows.setdefault(f"{name}/{level}", {"questions": len(asked), "right": 0.0})
                asked_now = complete(question.text, question.history)
                text = await answer(app, (args.name,), name, level, asked_now)
                row["right"] += bool(found([question.answer], text)) / len(asked)
    finally:
        await app.library.aclose()
        await app.close()
    return {key: {**row, "right": round(row["right"], 4)} for key, row in rows.items()}


async def answer(app: "App", corpora: tuple[str, ...], model: str, level: Level, question: str) -> str:
    """What a model answers at a level of knowledge, in a conversation of its own; "" where the engine refused."""
    store = LateStore()
    session = replace(ChatSession(0, "-", "user", model, app.draft().preset), corpora=corpora)
    talk = Conversation(
        cast(Store, store), app.open_catalog(), app.state, app.presets, session,
        lambda: app.settings.thinking != "off", app.slots, app.library,
    )  # fmt: skip
    try:
        async with await talk.ask(question, knowledge=level) as running:
            async for _event in running:
                pass
    except EngineError:
        return ""
    return store.answer.text if store.answer else ""
