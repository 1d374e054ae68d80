"""`llamune compare --answers FILE`: where answers that exist already differ in fact. No model is asked.

A line that cannot be used is named on standard error; the others go on.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from llamune.chat import sweep
from llamune.chat.session import Answer
from llamune.chat.tally import Tally
from llamune.cli import compare_files
from llamune.cli.compare_files import Damaged
from llamune.cli.compare_out import About, Sink
from llamune.errors import UsageError
from llamune.i18n import _
from llamune.text import clean, one_line


def run(path: Path, sinks: Sequence[Sink]) -> int:
    """Compares line by line. Returns 0. Raises UsageError when no line can be used, LlamuneError."""
    tally = Tally()
    for found in compare_files.answers(path):
        if isinstance(found, Damaged):
            print(clean(found.message), file=sys.stderr)
            continue
        number, question, answers = found
        result = sweep.result(number, question, answers)
        names = _names(answers)
        tally.add(result, names)
        for sink in sinks:
            sink.take(result, names)
    if not tally.questions:
        raise UsageError(
            _("{path} has no answers that can be compared.").format(path=one_line(str(path))),
            _('Each line is {"id": 1, "question": "…", "answers": [{"model": "…", "text": "…"}]}.'),
        )
    for sink in sinks:
        sink.end(tally, About(at_once=0))
    return 0


def _names(answers: Sequence[Answer]) -> list[str]:
    """What the answers' makers are called; one that is there several times is counted."""
    seen: Counter[str] = Counter()
    names = []
    for answer in answers:
        name = "/".join(one_line(part) for part in (answer.model or "?", answer.preset) if part)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return names
