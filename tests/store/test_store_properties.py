"""Any sequence of what users do, kills included: one answer stands in a turn at most, and always the one it should be.

The machine keeps its own book of what must stand (`stands`) and what is hidden, and compares it with the store after
every step: also for turns that are rewound, or came back as a session of their own.
"""

import shutil
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest

from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Turn
from llamune.errors import StoreError
from llamune.paths import Paths
from llamune.store.connection import Database
from llamune.store.owner import Owner, me
from llamune.store.store import SqlStore

GONE = Owner(2**22 + 1, "a process that has ended")  # above the largest pid that Linux gives
OPTIONS = SamplingOptions()
STEPS = 60
WEIGHTS = {  # how often each thing is done
    "ask": 4, "retry": 6, "adopt": 6, "keep": 1, "discard": 4, "adopt_what_is_hidden": 1, "rewind": 2, "undo": 6,
    "branch": 2, "switch": 2, "new": 1, "die_and_open_again": 2,
}  # fmt: skip


class Chats:
    """Some sessions, one of them open.

    Args:
        paths: a home with an empty database.
        random: decides what is done.
    """

    def __init__(self, paths: Paths, random: Random) -> None:
        self.paths, self.random = paths, random
        self.ticks = count()
        self.store = self.opened(me())
        self.session = self.store.create_session(model="m", preset="p").id
        self.sessions = [self.session]
        self.letters: dict[int, tuple[int, str]] = {}
        self.stands: dict[int, int | None] = {}
        self.hidden: set[int] = set()
        self.acts: list[tuple[str, int, int, int | None]] = []  # kind, session, turn or answer, what stood before

    def opened(self, owner: Owner) -> SqlStore:
        clock = lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(self.ticks))  # noqa: E731
        return SqlStore(Database(self.paths.database), self.paths.backups, owner, clock)

    def step(self) -> str:
        """Does one thing. Returns its name."""
        able = WEIGHTS if self.live() else {"ask": 4, "undo": 2, "switch": 2}
        name = self.random.choices(list(able), list(able.values()))[0]
        getattr(self, name)()
        return name

    # what users do

    def ask(self) -> None:
        self.answer(self.store.add_turn(self.session, "?"), adopted=True)

    def retry(self) -> None:
        self.answer(self.pick(), adopted=False)

    def adopt(self) -> None:
        turn = self.pick()
        answer = self.random.choice(turn.answers)
        if not answer.adopted:
            self.acts.append(("adopt", self.session, turn.id, self.stands[turn.id]))
        self.store.adopt(answer.id)
        self.stands[turn.id] = answer.id

    def keep(self) -> None:
        turn = self.pick()
        assert self.store.keep(turn.id) == turn

    def discard(self) -> None:
        turn = self.pick()
        answer = self.random.choice(turn.answers)
        if answer.adopted:
            with pytest.raises(StoreError):
                self.store.discard(answer.id)
            return
        self.store.discard(answer.id)
        self.hidden.add(answer.id)
        self.acts.append(("discard", self.session, answer.id, None))

    def adopt_what_is_hidden(self) -> None:
        for answer_id in self.hidden & self.answers_of(self.pick().id):
            with pytest.raises(StoreError):
                self.store.adopt(answer_id)

    def rewind(self) -> None:
        live = self.live()
        number = self.random.randint(0, len(live))
        gone = self.store.rewind(self.session, number)
        assert gone.turns == len(live) - number
        if gone.turns:
            self.acts.append(("rewind", self.session, 0, None))

    def undo(self) -> None:
        undone = self.store.undo(self.session)
        mine = [act for act in self.acts if act[1] == self.session]
        assert (undone.kind if undone else None) == (mine[-1][0] if mine else None)
        if undone is None:
            return
        self.acts.remove(mine[-1])
        kind, _session, what, before = mine[-1]
        if kind == "adopt":
            self.stands[what] = before
        elif kind == "discard":
            self.hidden.discard(what)
        elif undone.copy:
            self.learn(undone.copy.id)

    def branch(self) -> None:
        """Goes back, asks something else, and wants the old turns again: they become a session, which is opened."""
        self.rewind()
        self.ask()
        self.undo()
        self.session = self.sessions[-1]

    def switch(self) -> None:
        self.session = self.random.choice(self.sessions)

    def new(self) -> None:
        self.session = self.store.create_session(model="m", preset="p").id
        self.sessions.append(self.session)

    def die_and_open_again(self) -> None:
        """The process dies in the middle of an answer; its text stays, and nothing else changes."""
        self.store.close()
        dying = self.opened(GONE)
        for turn in dying.turns(self.session, first=-1):
            running = dying.add_answer(turn.id, model="m", preset="p", options=OPTIONS)
            dying.save_progress(running.id, "half", "")
            self.letters[running.id] = (turn.id, running.letter)
        dying.close()
        self.store = self.opened(me())
        assert all(self.store.answer(i).status != "streaming" for i in list(self.letters)[-1:])

    # the book

    def live(self) -> list[Turn]:
        return self.store.turns(self.session)

    def pick(self) -> Turn:
        return self.random.choice(self.live())

    def answer(self, turn: Turn, *, adopted: bool) -> None:
        made = self.store.add_answer(turn.id, model="m", preset="p", options=OPTIONS, adopted=adopted)
        if self.random.random() < 0.8:
            self.store.finish(made.id, "complete", text="text")
        self.letters[made.id] = (turn.id, made.letter)
        if adopted:
            self.stands[turn.id] = made.id

    def learn(self, session: int) -> None:
        """Turns that came back took what can be undone in them along; those that led to them are copies."""
        self.sessions.append(session)
        came = {turn.id for turn in self.store.turns(session)} & self.stands.keys()
        self.acts = [
            (kind, session if mine == self.session and self.turn_of(kind, what) in came else mine, what, before)
            for kind, mine, what, before in self.acts
        ]
        for turn in self.store.turns(session):
            if turn.id not in self.stands:
                self.stands[turn.id] = turn.adopted.id if turn.adopted else None
                with self.store._database.reading() as connection:
                    found = connection.exec_driver_sql(
                        "SELECT id, letter, discarded FROM answer WHERE turn_id = ?", (turn.id,)
                    ).all()
                self.letters |= {i: (turn.id, letter) for i, letter, _hidden in found}
                self.hidden |= {i for i, _letter, hidden in found if hidden}

    def one_answer_stands_and_it_is_the_right_one(self) -> None:
        for turn_id, stands in self.stands.items():
            turn = self.store.turn(turn_id)
            assert [a.id for a in turn.answers if a.adopted] == ([stands] if stands else [])
            assert {a.id for a in turn.answers} == self.answers_of(turn_id) - self.hidden

    def letters_never_change(self) -> None:
        for answer_id, (turn_id, letter) in self.letters.items():
            answer = self.store.answer(answer_id)
            assert (answer.turn_id, answer.letter) == (turn_id, letter)
        assert len(set(self.letters.values())) == len(self.letters)

    def live_turns_are_numbered(self) -> None:
        for session in self.sessions:
            turns = self.store.turns(session)
            assert [t.number for t in turns] == list(range(1, len(turns) + 1))
            seen = [a for _n, _q, a in self.store.messages(session)]
            assert seen == [t.adopted.text if t.adopted else "" for t in turns]

    def turn_of(self, kind: str, what: int) -> int:
        return self.letters[what][0] if kind == "discard" else what

    def answers_of(self, turn_id: int) -> set[int]:
        return {i for i, (turn, _letter) in self.letters.items() if turn == turn_id}


@pytest.mark.parametrize("seed", range(5))
def test_any_sequence_leaves_one_answer_standing_and_the_right_one(
    paths: Paths, database_file: Path, seed: int
) -> None:
    shutil.copy(database_file, paths.database)
    chats = Chats(paths, Random(seed))
    done: list[str] = []
    try:
        for _step in range(STEPS):
            done.append(chats.step())
            chats.one_answer_stands_and_it_is_the_right_one()
            chats.letters_never_change()
            chats.live_turns_are_numbered()
    except AssertionError:
        print("after", *done)
        raise
    finally:
        chats.store.close()
