"""What functional tests share: a database made once, and a shell for commands."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from program import Program
from remembering import RememberingShell

from llamune import settings
from llamune.app import App
from llamune.engine.catalog import Catalog
from llamune.engine.scripted import ScriptedEngine
from llamune.paths import Paths
from llamune.store import database
from tests.functional.chatting import NOWHERE


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version, made once."""
    home = Paths(tmp_path_factory.mktemp("home"))
    database.open(home).close()
    return home.database


@pytest.fixture
def run(paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program inside this process, with no Ollama that it could find or start."""
    monkeypatch.setenv("OLLAMA_HOST", NOWHERE)
    paths.settings.write_text("start_ollama = false\n")
    return Program(capsys, monkeypatch)


@pytest.fixture
async def shell(
    paths: Paths, migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RememberingShell]:
    """A shell on an empty store; `scripted:list` answers Alpha, Beta, Gamma … in turn."""
    shutil.copy(migrated, paths.database)
    monkeypatch.chdir(tmp_path)
    app = App(settings.load(paths), paths)
    app._catalog = Catalog([ScriptedEngine(["Alpha 14 days.", "Beta 30 days.", "Gamma.", "Delta."])])
    app.load()
    app.state.remember(model="scripted:list", preset="balanced")
    made = RememberingShell(app)
    yield made
    await made.background.aclose()
    await app.close()
