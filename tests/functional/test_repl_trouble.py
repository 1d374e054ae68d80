"""What goes wrong beside the line that is being done is said, and the chat lives."""

import json
from pathlib import Path

from chatting import Chat, prepare


def test_a_line_up_that_names_a_lost_preset_is_said(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    (home / "state.json").write_text(json.dumps({"lineup": ["scripted:echo/gone"], "lineup_on": True}))
    with Chat(home, "scripted:list") as chat:
        chat.ask("What?", "One.", "There is no preset called gone.")
        chat.ask("And then?", "Two.")
        chat.leave()
