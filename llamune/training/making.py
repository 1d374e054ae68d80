"""One version being made, stage by stage: rows, probe, training, verification, registration.

Each stage leaves its outcome in the version's folder, so a run that died anywhere goes on from there and ends with the
same model. What happens is reported as dictionaries with an `event`, which also go to events.jsonl.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from llamune import files
from llamune.chat.message import Message
from llamune.engine.catalog import Catalog
from llamune.errors import TrainingError
from llamune.i18n import _
from llamune.training import bases, evaluate, gate, pairs, process, replay, tokens, verify
from llamune.training.recipe import Dtype, Recipe
from llamune.training.served import serving
from llamune.training.versions import Version, digest

Report = Callable[[dict[str, Any]], None]
SMALL = 64 * 2**20  # bytes of a base for which the other types are no gain
ANSWER = 24  # tokens compared, as in child/__main__.py
LEAST_ROWS = 8


class Making:
    """Makes one version.

    Args:
        memory: bytes that training may take.
        busy: the file that the chat locks while a model generates.
    """

    def __init__(self, version: Version, catalog: Catalog, memory: int, busy: Path, report: Report) -> None:
        self.version, self.catalog = version, catalog
        self.folder = version.folder
        self._job: dict[str, Any] = {**version.job, "memory": memory, "busy": str(busy)}
        self._report = report

    @property
    def recipe(self) -> Recipe:
        return Recipe.parse(self._job["recipe"])

    async def run(self) -> dict[str, Any]:
        """Makes what is still to be made. Returns the result; raises TrainingError, EngineError."""
        await self._convert()
        bases.present(self._job["base"], self.version.tag)
        self._write_job()
        if not (self.folder / "tokens.jsonl").exists() or "prompts" not in self._job:
            await self._rows()
        if self.recipe.dtype == "auto":
            await self._probe()
        if not (self.folder / "reference.json").exists():
            await self._train()
        in_file, figures = await self._verify(), await self._evaluate()
        difference = max(in_file.largest, await self._register())
        result = {
            "engine": self._job["engine"],
            "model": self.version.tag,
            "verified": True,
            "max_logprob_difference": difference,
            "sha256": await asyncio.to_thread(digest, self.folder / "model.gguf"),
            **figures,
        }
        files.replace(self.folder / "result.json", json.dumps(result, ensure_ascii=False))
        return result

    async def _convert(self) -> None:
        """A base that is a folder becomes a file, and llama.cpp must read text from it as the folder's tokenizer."""
        converted = self.folder / "base.gguf"
        if not self._job.get("folder"):
            return
        self._job["base"] = str(converted)
        if self._job.get("split"):
            return
        self._say("stage", stage="convert")
        self._write_job()
        async with aclosing(self._child("convert")) as events:
            [said] = [e async for e in events if e["event"] == "converted"]
        async with serving(converted, self.recipe.length) as served:
            if await served.tokens(said["text"]) != said["tokens"]:
                raise TrainingError(
                    _("llama.cpp splits text otherwise than the tokenizer of {name}.").format(name=self._job["folder"]),
                    _("Take this model as a .gguf file."),
                )
        self._job["split"] = True

    async def _rows(self) -> None:
        self._say("stage", stage="rows")
        found = await asyncio.to_thread(lambda: list(pairs.read(self.folder / "dataset.jsonl")))
        async with serving(Path(self._job["base"]), self.recipe.length) as served:
            if not any(p.kind == replay.KIND for p in found):
                replayed = [p async for p in replay.pairs(served, found)]
                found += replayed
                await asyncio.to_thread(pairs.write, found, self.folder / "dataset.jsonl")
                self._say("replayed", count=len(replayed))
            counted = await tokens.write(found, served, self.recipe.length, self.folder / "tokens.jsonl")
            self._job["ends"] = await served.ending()
            asked = await tokens.compared(found, served, self.recipe.length - ANSWER)
        self._job["prompts"] = [prompt for _messages, prompt in asked]
        self._job["asked"] = [[[m.role, m.content] for m in messages] for messages, _prompt in asked]
        self._say("rows", **asdict(counted))
        if counted.rows.get("train", 0) < LEAST_ROWS:
            raise TrainingError(
                _("Only {n} pairs are left to learn from; at least {least} are needed.").format(
                    n=counted.rows.get("train", 0), least=LEAST_ROWS
                ),
                _("{command} says what was left out and why.").format(
                    command=f"llamune dataset show {self.version.name}"
                ),
            )
        self._write_job()

    async def _probe(self) -> None:
        self._say("stage", stage="probe")
        found = [p for dtype in self._candidates() if (p := await self._probed(dtype))]
        if not found:
            raise TrainingError(
                _("This base cannot be trained here: too little memory."),
                _("Take a smaller base, --method qlora, --checkpointing or a smaller --length."),
            )
        best = max(found, key=lambda p: p["tokens_per_second"])
        self._job["recipe"] = asdict(replace(self.recipe, dtype=best["dtype"]))
        self._job["speed"] = best["tokens_per_second"]
        self._write_job()
        self._say("chosen", dtype=best["dtype"], tokens_per_second=best["tokens_per_second"], peak=best["peak"])

    def _candidates(self) -> Sequence[Dtype]:
        if self.recipe.method == "qlora":
            return ("nf4",)
        return ("float32",) if Path(self._job["base"]).stat().st_size < SMALL else ("bfloat16", "float32")

    async def _probed(self, dtype: Dtype) -> dict[str, Any] | None:
        with suppress(TrainingError):
            async with aclosing(self._child(dtype)) as events:
                async for event in events:
                    if event["event"] == "probed":
                        return event
        return None

    async def _train(self) -> None:
        self._say("stage", stage="train")
        losses: dict[str, Any] = {}
        async with aclosing(self._child("train")) as events:
            async for event in events:
                if event["event"] in ("trained", "final"):
                    losses[event["event"]] = {k: v for k, v in event.items() if k != "event"}
        self._job["losses"] = losses
        self._write_job()

    async def _verify(self) -> verify.Difference:
        """The difference of the base in llama.cpp; the one of the own model is within its limits."""
        self._say("stage", stage="verify")
        model, base = self.folder / "model.gguf", Path(self._job["base"])
        prompts, size = self._job["prompts"], self.recipe.length
        of_base = await verify.in_file(base, prompts, _json(self.folder / "reference-base.json"), size)
        self._job["allowed"] = of_base.largest + verify.LIMITS[self.recipe.kind]
        found = await verify.in_file(model, prompts, _json(self.folder / "reference.json"), size)
        self._compared(found, "llama.cpp", base=round(of_base.largest, 4))
        return found

    def _compared(self, found: verify.Difference, engine: str, **more: float) -> None:
        """Tells the difference. Raises TrainingError when it is too large."""
        ok = found.steps > 0 and found.largest <= self._job["allowed"]
        self._say("verified", ok=ok, difference=round(found.largest, 4), engine=engine, steps=found.steps, **more)
        if not ok:
            raise TrainingError(
                _("{engine} does not say what was trained: log-probabilities differ by {n:.3f}.").format(
                    engine=engine, n=found.largest
                ),
                _("The model was not registered. Its file: {path}").format(path=self.folder / "model.gguf"),
            )

    async def _evaluate(self) -> dict[str, Any]:
        self._say("stage", stage="evaluate")
        rows = await asyncio.to_thread(lambda: list(pairs.read(self.folder / "dataset.jsonl")))
        model, base = self.folder / "model.gguf", Path(self._job["base"])
        found = await evaluate.evaluate(rows, base, model, self.recipe.length)
        before, after = self._job["losses"]["trained"]["before"], self._job["losses"]["final"]
        judged = gate.judge(before, after, found)
        self._say("judged", promote=judged.promote, reasons=list(judged.reasons))
        return gate.figures(found, judged, {"before": before, "after": after})

    async def _register(self) -> float:
        """Makes it a model of the engine. Returns the difference seen there, 0 where the file itself is served."""
        self._say("stage", stage="register")
        tag, model = self.version.tag, self.folder / "model.gguf"
        progress = lambda what, done, total: self._say("sending", what=what, done=done, total=total)  # noqa: E731
        self.catalog.forget()
        if self._job["engine"] != "ollama":
            engine = self.catalog.engine("embedded")
            if await engine.find(tag):  # of a run that died after this step
                await engine.remove(tag)
            await engine.install(model, tag, progress)
            return 0.0
        assert self.catalog.ollama is not None  # the job was made with it
        await self.catalog.ollama.own.create(tag, model, self._job["like"], progress)
        found = await self._in_ollama(tag, model)
        try:
            self._compared(found, "ollama")
        except TrainingError:
            await self.catalog.ollama.remove(tag)
            raise
        return found.largest

    async def _in_ollama(self, tag: str, model: Path) -> verify.Difference:
        """The comparison once more, through the server."""
        assert self.catalog.ollama is not None
        async with serving(model, self.recipe.length) as served:
            wanted = await verify.in_bytes(_json(self.folder / "reference.json"), served)
        asked = [[Message(role, content) for role, content in m] for m in self._job["asked"]]
        own = self.catalog.ollama.own
        return verify.by_text(wanted, [await own.steps(tag, m, self.recipe.length, ANSWER) for m in asked])

    async def _child(self, work: str) -> AsyncGenerator[dict[str, Any]]:
        async with aclosing(process.events(self.folder, work, lambda: self._say("stopping"))) as events:
            async for event in events:
                self._record(event)
                yield event

    def _say(self, event: str, **values: Any) -> None:
        self._record({"event": event, **values})

    def _record(self, event: dict[str, Any]) -> None:
        with (self.folder / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._report(event)

    def _write_job(self) -> None:
        files.replace(self.folder / "job.json", json.dumps(self._job, ensure_ascii=False))


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
