"""A store per test on a real file: migrated once in a run, copied for each test. Its clock moves a second per look."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Turn
from llamune.paths import Paths
from llamune.store import database
from llamune.store.store import SqlStore


class Clock:
    """The time, a second later at each look."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of the newest version; to be copied, not used."""
    home = Paths(tmp_path_factory.mktemp("migrated"))
    database.open(home).close()
    return home.database


@pytest.fixture
def store(paths: Paths, database_file: Path, clock: Clock) -> Iterator[SqlStore]:
    shutil.copy(database_file, paths.database)
    opened = database.open(paths, clock=clock)
    yield opened
    opened.close()


Say = Callable[..., Turn]


@pytest.fixture
def say() -> Say:
    """say(store, session_id, question, *answers): a turn with complete answers; the first one stands."""

    def run(store: SqlStore, session_id: int, question: str, *answers: str) -> Turn:
        turn = store.add_turn(session_id, question)
        for place, text in enumerate(answers):
            options = SamplingOptions(temperature=0.5)
            answer = store.add_answer(turn.id, model="m", preset="p", options=options, adopted=place == 0)
            store.finish(answer.id, "complete", text=text)
        return store.turn(turn.id)

    return run
