"""The training process as seen from the parent: started without network, listened to, killed; what its end means."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from llamune.errors import LlamuneError, TrainingError
from llamune.i18n import _
from llamune.network import sealed

PROGRAM = "llamune.training.child"
PATIENCE_S = 20.0  # for one step and a checkpoint


async def events(folder: Path, work: str, stopping: Callable[[], None]) -> AsyncGenerator[dict[str, Any]]:
    """What one run says; it is killed when nobody listens any more.

    Args:
        folder: of the version; work: as in `child/__main__.py`.
        stopping: called when this is cancelled, before the wait for the step and its checkpoint.

    Raises: TrainingError when it failed or died.
    """
    argv = [sys.executable, "-P", "-m", PROGRAM, str(folder), work]
    command = await asyncio.to_thread(sealed.child, argv)
    yield {"event": "sealed", "way": command.way}
    log = (folder / "child.log").open("ab")
    process = await asyncio.create_subprocess_exec(
        *command.argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log, limit=2**24
    )
    log.close()
    failed: dict[str, Any] | None = None
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            event = _event(line)
            if event is None:
                continue
            failed = event if event["event"] == "failed" else failed
            yield event
        code = await process.wait()
    except asyncio.CancelledError:
        stopping()
        raise
    finally:
        await _stop(process)
    if failed or code:
        raise _ended(failed or {}, code, folder)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ends it; it may finish its step and save first, a second Ctrl-C does not wait for that."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await process.communicate()
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
    await process.wait()


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None  # a library that prints
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None


def _ended(event: dict[str, Any], code: int, folder: Path) -> LlamuneError:
    """What became of the training process, in the user's words."""
    resume = _("Nothing is lost: {command}").format(command="llamune finetune resume")
    kind, detail = event.get("kind"), event.get("detail", "")
    if kind == "base":
        return TrainingError(_("This base cannot be trained: {reason}").format(reason=detail))
    if kind == "diverged":
        return TrainingError(_("The training ran away: the loss is no number any more."), _("Try a smaller --rate."))
    if kind == "memory" or code == -9:
        return TrainingError(_("The training process ran out of memory."), resume)
    if kind == "disk":
        return TrainingError(_("The disk is full."), resume)
    return TrainingError(
        _("The training process ended with code {code}: {reason}").format(code=code, reason=detail or "?"),
        _("Its log: {path}").format(path=folder / "child.log"),
    )
