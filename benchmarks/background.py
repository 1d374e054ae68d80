"""What background answers cost the answer that the user waits for, and how soon they stop.

    python benchmarks/background.py [--ollama HOST:PORT] [--embedded] [RUNS]

Three models: the first three of the server named with --ollama; else models of noise that never end by themselves, put
on a real Ollama server where tests/live has built one, or run without any server (--embedded, or where none is built).
Printed: speed and time to the first token of the main answer alone, with three answers waiting behind it, and when it
interrupts one that is being written; then how long stopping all of them takes on our side, and until the server serves
somebody else, while it writes and while it reads a long prompt. The situations take turns, and the best run of each
counts: other programs on the machine can only make one slower.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "contract")]

from llamune import settings  # noqa: E402
from llamune.app import App  # noqa: E402
from llamune.chat.board import Background  # noqa: E402
from llamune.chat.conversation import Conversation  # noqa: E402
from llamune.chat.events import AnswerFailed, AnswerFinished, TextArrived  # noqa: E402
from llamune.chat.fanout import Running  # noqa: E402
from llamune.chat.lineup import Candidate  # noqa: E402
from llamune.chat.preset import SamplingOptions  # noqa: E402
from llamune.paths import Paths  # noqa: E402

TOKENS = 300  # of the main answer; those behind it are three times as long
LONG = "Which of these is the odd one out? " * 60
Situation = str
SITUATIONS = ("alone", "three wait", "one writes")


@dataclass(frozen=True)
class Taken:
    """One answer: seconds to its first token on our clock, and tokens a second on the engine's."""

    first: float
    speed: float


async def seen(running: Running) -> Taken:
    """Reads one answer to its end with our clock."""
    begun, first = time.perf_counter(), 0.0
    async with running:
        async for event in running:
            if isinstance(event, TextArrived):
                first = first or time.perf_counter() - begun
            elif isinstance(event, AnswerFinished):
                return Taken(first, event.usage.tokens_per_second or 0.0)
            elif isinstance(event, AnswerFailed):
                raise SystemExit(f"{event.message} {event.hint}")
    raise SystemExit("the answer was stopped")


class Bench:
    """One app with three models; a line-up of all three behind every question, where it is wanted."""

    def __init__(self, app: App, models: list[str]) -> None:
        self.app, self.models = app, models
        self.behind = Background(lambda _turn, _lanes: None, lambda: None)

    def conversation(self, tokens: int) -> Conversation:
        """A new one that stops after so many tokens."""
        talk = self.app.conversation()
        talk.change(model=self.models[0], overrides=SamplingOptions(num_predict=tokens, seed=1))
        return talk

    async def warm(self) -> None:
        """Every model in memory, and the limit as the chat would settle it."""
        for model in self.models:
            talk = self.conversation(5)
            talk.change(model=model)
            await seen(await talk.ask("Hello"))
        infos = [(await self.app.catalog.find(model))[1] for model in self.models]
        why = await self.app.settle_limit(infos)
        print(f"{', '.join(self.models)}; {self.app.slots.limit} at a time {why}")

    async def start(self, question: str = "What is a line-up?") -> None:
        """Three answers in the background, of which the first is under way."""
        talk = self.conversation(3 * TOKENS)
        async with await talk.ask(question) as main:
            main.stop()  # only its turn is wanted
        wanted = [Candidate(model, "balanced") for model in self.models[1:]] + [Candidate(self.models[0], "creative")]
        self.behind.start(talk.last_turn(), await talk.behind(talk.last_turn(), wanted))
        await asyncio.sleep(0.02)

    async def until_writing(self) -> None:
        while not any(lane.state == "writing" for lane in self.behind.open):  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.005)

    async def stop(self) -> float:
        """Stops all background answers. Returns the seconds until every one has ended on our side."""
        begun = time.perf_counter()
        self.behind.stop()
        while self.behind.open:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.001)
        return time.perf_counter() - begun

    async def main_answer(self, situation: Situation) -> Taken:
        """One main answer, measured in one of the situations."""
        talk = self.conversation(TOKENS)
        if situation == "one writes":
            await self.start()
            await self.until_writing()
        asking = seen(await talk.ask(f"{time.time()} How do I go on?"))  # never in the prompt cache
        if situation == "three wait":
            task = asyncio.create_task(asking)
            await asyncio.sleep(0)
            wanted = [Candidate(model, "creative") for model in self.models]
            self.behind.start(talk.last_turn(), await talk.behind(talk.last_turn(), wanted))
            asking = task  # type: ignore[assignment]
        taken = await asking
        await self.stop()
        return taken

    async def busy_for(self, model: str) -> float:
        """Seconds until the model has answered somebody else with one token."""
        begun = time.perf_counter()
        talk = self.conversation(1)
        talk.change(model=model)
        await seen_first(await talk.ask("Hello"))
        return time.perf_counter() - begun

    async def batch(self) -> float:
        """Seconds that the model which is stopped takes for one batch of a prompt."""
        talk = self.conversation(1)
        talk.change(model=self.models[1])
        first = (await seen(await talk.ask(f"{time.time()} {LONG}"))).first
        tokens = talk.last_turn().answers[0].usage.prompt_tokens or 1
        ours = self.app.catalog.engine_for(self.models[1]).name == "embedded"
        size = 512 if ours or self.app.state.sizes[self.models[1]] <= 4096 else 1024
        return first * min(1.0, size / tokens)

    async def stopping(self, *, reading: bool) -> tuple[float, float, float]:
        """Seconds until all have ended here; until the server served the next; and what that takes when idle."""
        await self.start(f"{time.time()} {LONG}" if reading else "What is a line-up?")
        if reading:
            await asyncio.sleep(0.1)
        else:
            await self.until_writing()
        model = self.models[1]
        here = await self.stop()
        there = await self.busy_for(model)
        return here, here + there, await self.busy_for(model)


async def seen_first(running: Running) -> None:
    async with running:
        async for event in running:
            if isinstance(event, TextArrived | AnswerFinished):
                return


async def measure(app: App, models: list[str], runs: int) -> None:
    bench = Bench(app, models)
    await bench.warm()
    taken: dict[Situation, list[Taken]] = {situation: [] for situation in SITUATIONS}
    for _run in range(runs):
        for situation in SITUATIONS:
            taken[situation].append(await bench.main_answer(situation))
    floor: Taken | None = None
    for situation, found in taken.items():
        first, speed = min(t.first for t in found), max(t.speed for t in found)
        floor = floor or Taken(first, speed)
        kept = f"speed kept {speed / floor.speed:4.0%}   first token kept {floor.first / first:4.0%}"
        print(f"  {situation:11} first token {1000 * first:6.1f} ms   {speed:6.1f} tokens/s   {kept}")
    print(f"  a batch of a prompt takes {1000 * await bench.batch():.0f} ms")
    for reading in (False, True):
        found = [await bench.stopping(reading=reading) for _run in range(runs)]
        here, there, idle = (1000 * min(column) for column in zip(*found, strict=True))
        what = "a prompt is read" if reading else "one is written  "
        print(
            f"  all stopped while {what}   here {here:5.1f} ms (worst {1000 * max(f[0] for f in found):.0f})"
            f"   the server serves another after {there:6.1f} ms (idle {idle:.1f})"
        )


async def noise(app: App, engine: str) -> list[str]:
    """Three models that never end, on an engine."""
    from tiny_gguf import babbler

    names, whole = [], babbler(app.paths.home / "noise.gguf", hidden=512, layers=8).read_bytes()
    for n in range(1, 4):
        gguf = app.paths.home / f"noise{n}.gguf"
        gguf.write_bytes(whole.replace(b"babbler", b"babble%d" % n))  # the same file would share an engine
        names.append(f"noise{n}:latest")
        await app.catalog.engine(engine).install(gguf, names[-1], lambda *_step: None)
    app.catalog.forget()
    return names


@contextmanager
def server(wanted: str, embedded: bool) -> Iterator[tuple[str, bool]]:
    """(address, whether it has models of its own); no address: without a server."""
    from tests.live.ollama_live import FOLDER, serving

    if wanted or embedded or not (FOLDER / "new" / "ollama").exists():
        yield wanted, bool(wanted)
        return
    with tempfile.TemporaryDirectory() as folder, serving(FOLDER / "new", Path(folder) / "store") as found:
        yield f"{found.host}:{found.port}", False


async def run(address: str, furnished: bool, runs: int, home: Path) -> None:
    paths = Paths(home)
    paths.make()
    flags = {"ollama_host": address or "127.0.0.1:9", "start_ollama": "false"}
    app = App(settings.load(paths, flags, {}), paths)
    app.load()
    try:
        if furnished:
            models = [m.name for m in await app.catalog.engine("ollama").models()][:3]
        else:
            models = await noise(app, "ollama" if address else "embedded")
        print(f"Ollama {await app.catalog.server_version()}" if address else "embedded engine, no server")
        await measure(app, models, runs)
    finally:
        await app.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ollama", default="", metavar="HOST:PORT", help="a server with models of its own")
    parser.add_argument("--embedded", action="store_true", help="without a server")
    parser.add_argument("runs", nargs="?", type=int, default=7)
    options = parser.parse_args()
    with server(options.ollama, options.embedded) as (address, furnished), tempfile.TemporaryDirectory() as home:
        asyncio.run(run(address, furnished, options.runs, Path(home) / "home"))


if __name__ == "__main__":
    main()
