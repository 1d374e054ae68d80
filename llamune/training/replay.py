"""General data for replay: what the base itself says to general questions, so that it does not forget to say it.

A quarter of what is learned cut forgetting from 0.87 to 0.13 of the loss in the first trials. An organisation has no
general data at hand, and none can be fetched; the base has it in itself.
"""

import random
from collections.abc import AsyncGenerator, Sequence

from llamune.chat.message import Message
from llamune.training.dataset.general import questions
from llamune.training.pairs import Pair, Split
from llamune.training.served import Served

KIND = "replay"
SHARE = 0.25  # of what is learned
HELD = 0.2  # of the replay, kept back to measure what was forgotten
LENGTH = 96  # tokens of an answer


async def pairs(served: Served, own: Sequence[Pair]) -> AsyncGenerator[Pair]:
    """Answers of the base, as many as the share asks for and there are questions. Raises TrainingError."""
    learned = sum(p.split == "train" for p in own)
    asked = list(questions("replayed"))
    random.Random(0).shuffle(asked)
    wanted = max(10, round(learned * SHARE / (1 - SHARE) / (1 - HELD)))
    for number, question in enumerate(asked[:wanted]):
        message = Message("user", question)
        answer = await served.answer(await served.prompt([message]), LENGTH)
        if answer.strip():
            split: Split = "general" if number % round(1 / HELD) == 0 else "train"
            yield Pair((message, Message("assistant", answer.strip())), KIND, f"replay: {question}", split)
