"""What goes wrong beside the line that is being done is said, and the chat lives."""

import json
import os
import sys
from pathlib import Path

from chatting import Chat, prepare


def test_a_line_up_that_names_a_lost_preset_is_said(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    (home / "state.json").write_text(json.dumps({"lineup": ["scripted:echo/gone"], "lineup_on": True}))
    with Chat(home, "scripted:list") as chat:
        chat.ask("What?", "One.", "There is no preset called gone.")
        chat.ask("And then?", "Two.")
        chat.leave()


def test_an_answer_that_cannot_be_asked_for_leaves_the_others_alone(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    (home / "state.json").write_text(json.dumps({"sizes": {"scripted:echo": 256}}))
    with Chat(home, "scripted:list") as chat:
        chat.ask("What? " * 180, "One.")
        chat.types("/retry scripted:echo scripted:list")
        chat.sees("scripted:echo reads 256. Nothing was sent.", "Two.", "/adopt C")
        chat.leave()


def test_a_proxy_that_only_others_understand_is_nobody_s_business(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), env={"ALL_PROXY": "socks5://127.0.0.1:9"}) as chat:
        chat.ask("What?", "What?")
        chat.leave()


def test_what_nobody_foresaw_before_the_chat_is_said_and_logged(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    (home / "sqlmodel.py").write_text("raise RuntimeError('broken')")
    path = os.pathsep.join([str(home), *sys.path])
    with Chat(home, env={"PYTHONPATH": path}, ready="") as chat:
        assert chat.wait_end() == 1
        chat.sees("Something unexpected went wrong.", "has the details.")
    assert "Traceback" in (home / "logs" / "llamune.log").read_text()
