"""The extra prompts in a database that nobody has opened: for questions on the command line, which are sent first.

Opening the store takes longer than the whole way to a first token (benchmarks/ask.py), so this is one SELECT with the
standard library alone. It changes nothing, and brings no old database up to date.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from llamune.chat.seen import ExtraPrompt

HELD = """
SELECT id, max(version), text, mode FROM prompt JOIN prompt_version ON prompt_id = id
WHERE session_id IS NULL AND mode IN ('', ?) AND active AND NOT removed GROUP BY id ORDER BY mode <> '', id
"""


def prompts(file: Path, mode: str) -> list[ExtraPrompt]:
    """Those that are sent in every session, and in every session of `mode` ("" = none); [] where none can be read."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(HELD, (mode,)).fetchall()
    except sqlite3.Error:  # there is none yet, or one from before there were prompts; storing tells what else is wrong
        return []
    return [ExtraPrompt(number, version, text, mode=of) for number, version, text, of in rows]
