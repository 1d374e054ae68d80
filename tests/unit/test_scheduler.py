"""Places for answers: who may run, in simulated traffic. The jobs do nothing but hold their place for some steps."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import pytest

from llamune.chat.lineup import Candidate
from llamune.chat.model import ModelInfo
from llamune.chat.scheduler import LIMITS, MEMORY_SHARE, Slots, allowed, need, order


@dataclass
class Machine:
    """What runs where; notes every breach of a rule, and every load on a machine that holds one model."""

    slots: Slots
    sizes: dict[str, int]
    running: list[str] = field(default_factory=list)
    front: int = 0
    loaded: str = ""
    loads: int = 0
    most: int = 0
    done: list[str] = field(default_factory=list)

    async def work(self, model: str, steps: int, wanted_back: asyncio.Event | None = None, alone: bool = False) -> bool:
        """Holds the place. Returns whether it came to its end."""
        self.running.append(model)
        self.loads += model != self.loaded
        self.loaded = model
        assert len(self.running) <= self.slots.limit
        self.most = max(self.most, sum(self.sizes[m] for m in set(self.running)))
        try:
            for _step in range(steps):
                await asyncio.sleep(0)
                assert not alone or len(self.running) == 1
                if wanted_back and wanted_back.is_set():
                    return False
            return True
        finally:
            self.running.remove(model)

    async def ask(self, model: str, steps: int, alone: bool = False) -> None:
        self.front += 1
        try:
            async with self.slots.front(alone):
                await self.work(model, steps, alone=alone)
        finally:
            self.front -= 1

    async def behind(self, name: str, model: str, steps: int, alone: bool = False) -> None:
        given_up = 0
        while True:
            async with self.slots.behind(model, alone) as wanted_back:
                assert not self.front or wanted_back.is_set(), "a background answer began beside the user's"
                if await self.work(model, steps, wanted_back if given_up < 2 else None, alone):
                    self.done.append(name)
                    return
            given_up += 1


@pytest.mark.parametrize("seed", range(40))
async def test_places_in_random_traffic(seed: int) -> None:
    """Questions, background answers, stops and new limits at random: no rule is broken, and nothing is forgotten."""
    chance = random.Random(seed)
    sizes = {f"m{n}": chance.randint(1, 40) for n in range(6)}
    slots = Slots(chance.randint(1, 5))
    machine = Machine(slots, sizes)
    tasks, stopped = [], []
    for n in range(60):
        model, steps = chance.choice(list(sizes)), chance.randint(1, 9)
        act, alone = chance.random(), chance.random() < 0.2
        if act < 0.3:
            tasks.append(asyncio.create_task(machine.ask(model, steps, alone)))
        elif act < 0.85:
            tasks.append(asyncio.create_task(machine.behind(str(n), model, steps, alone), name=str(n)))
        elif tasks and not (victim := chance.choice(tasks)).done():
            victim.cancel()
            stopped.append(victim.get_name())
        for _step in range(chance.randint(0, 4)):
            await asyncio.sleep(0)
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
    assert not [r for r in results if isinstance(r, Exception)]
    named = {t.get_name() for t in tasks if t.get_name().isdecimal()}
    assert set(machine.done) | set(stopped) >= named
    async with asyncio.timeout(5), slots.behind():  # every place was given back
        assert not machine.running


async def test_the_user_goes_first_and_the_third_time_a_background_answer_stays() -> None:
    machine = Machine(Slots(1), {"a": 1, "b": 1})
    task = asyncio.create_task(machine.behind("x", "a", 50))
    for n in range(3):
        while "a" not in machine.running:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0)
        asked = asyncio.create_task(machine.ask("b", 5))
        for _step in range(20):
            await asyncio.sleep(0)
        assert asked.done() == (n < 2)
        await asked
    await task
    assert machine.done == ["x"]


async def test_background_answers_of_one_model_follow_one_another_across_questions() -> None:
    """Three questions with a line-up of three, on a machine that holds one model: three loads, not nine."""
    machine = Machine(Slots(1), dict.fromkeys("abc", 1))
    jobs = [machine.behind(f"{question}{model}", model, 3) for question in range(3) for model in "abc"]
    await asyncio.gather(*jobs)
    assert machine.done == ["0a", "1a", "2a", "0b", "1b", "2b", "0c", "1c", "2c"]
    assert machine.loads == 3


async def test_one_that_gave_way_goes_on_before_another_model_is_loaded() -> None:
    machine = Machine(Slots(1), dict.fromkeys("abm", 1))
    jobs = [asyncio.create_task(machine.behind(model, model, 20)) for model in "ab"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert machine.running == ["a"]
    await machine.ask("m", 2)
    await asyncio.gather(*jobs)
    assert machine.done == ["a", "b"]


@pytest.mark.parametrize("seed", range(40))
async def test_what_runs_at_once_never_takes_more_memory_than_there_is(seed: int) -> None:
    chance = random.Random(seed)
    sizes = {f"m{n}": chance.randint(1, 60) * 10**9 for n in range(chance.randint(1, 8))}
    memory = chance.randint(1, 128) * 10**9
    slots = Slots(allowed(chance.choice([*LIMITS, 99]), sizes, memory))
    machine = Machine(slots, sizes)
    jobs = [machine.behind(f"{m}{n}", m, chance.randint(1, 9)) for n in range(4) for m in sizes]
    await asyncio.gather(*jobs)
    assert slots.limit == 1 or machine.most <= memory * MEMORY_SHARE
    assert len(machine.done) == len(jobs)


def test_the_limit_is_as_high_as_memory_and_the_user_allow() -> None:
    sizes = {"a": 8, "b": 6, "c": 2}
    assert [allowed(n, sizes, 100) for n in (0, 1, 2, 5, 9)] == [1, 1, 2, 5, 5]
    assert allowed(3, sizes, 0) == 3  # memory is not known
    for memory in range(1, 40):
        most = allowed(5, sizes, memory)
        fits = all(sum(part) <= memory * MEMORY_SHARE for part in combinations(sizes.values(), min(most, 3)))
        assert most == 1 or fits


def test_a_model_needs_more_with_more_context() -> None:
    model = ModelInfo("m", "ollama", size=5 * 10**9)
    assert 5 * 10**9 < need(model, 4096) <= need(model, 32768)


def test_candidates_go_by_model_and_what_is_loaded_goes_first() -> None:
    def names(found: Sequence[Candidate]) -> list[str]:
        return [f"{c.model}{c.preset}" for c in found]

    asked = [Candidate(m, p) for p in "12" for m in "abc"]
    assert names(order(asked, ())) == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert names(order(asked, ["c"])) == ["c1", "c2", "a1", "a2", "b1", "b2"]
