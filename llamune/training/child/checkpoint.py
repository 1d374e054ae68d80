"""Checkpoints that survive a crash at any moment: written beside, checked by their hashes, moved into place.

The two latest and the best are kept. A damaged one is passed over for the one before it.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from errno import EIO, ENOSPC
from hashlib import file_digest
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

KEPT = 2
ALMOST_FULL = 2**20  # bytes
WEIGHTS, OPTIMISER, STATE, SEAL = "weights.safetensors", "optimiser.pt", "state.json", "seal.json"


@dataclass(frozen=True, slots=True)
class Saved:
    """A whole checkpoint. `state` holds plain numbers: step, best loss, the curve."""

    path: Path
    weights: dict[str, Any]
    state: dict[str, Any]

    def optimiser(self) -> Any:
        return torch.load(self.path / OPTIMISER, weights_only=True)


def save(folder: Path, weights: Mapping[str, Any], optimiser: Any, state: Mapping[str, Any]) -> None:
    """Writes the checkpoint of a step and forgets old ones. Raises OSError."""
    target = folder / f"step-{state['step']:08d}"
    _write(target, weights, optimiser, state)
    for old in _steps(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def save_best(folder: Path, weights: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Writes the best weights so far. Raises OSError."""
    _write(folder / "best", weights, None, state)


def latest(folder: Path) -> Saved | None:
    """The newest checkpoint that is whole; None when there is none."""
    return next((s for s in map(_read, _steps(folder)) if s), None)


def best(folder: Path) -> Saved | None:
    """The best weights, None when there are none that are whole."""
    return _read(folder / "best") or _read(folder / "best.old")


def _steps(folder: Path) -> list[Path]:
    return sorted((p for p in folder.glob("step-*") if p.suffix != ".part"), reverse=True)


def _write(target: Path, weights: Mapping[str, Any], optimiser: Any, state: Mapping[str, Any]) -> None:
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        save_file({n: t.detach().cpu().contiguous() for n, t in weights.items()}, part / WEIGHTS)
        if optimiser is not None:
            torch.save(optimiser, part / OPTIMISER)
    except (SafetensorError, RuntimeError) as error:  # what these libraries make of an OSError
        raise _disk_error(part, error) from error
    (part / STATE).write_text(json.dumps(state), encoding="utf-8")
    (part / SEAL).write_text(json.dumps({p.name: _digest(p) for p in part.iterdir()}), encoding="utf-8")
    for path in part.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    old = target.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    part.rename(target)


def _disk_error(folder: Path, error: Exception) -> OSError:
    """The error as the system gave it; a full disk where its text does not say."""
    number = re.search(r"os error (\d+)", str(error))
    full = shutil.disk_usage(folder).free < ALMOST_FULL
    return OSError(int(number[1]) if number else ENOSPC if full else EIO, str(error).splitlines()[0])


def _read(path: Path) -> Saved | None:
    try:
        sealed = json.loads((path / SEAL).read_text(encoding="utf-8"))
        if any(_digest(path / name) != digest for name, digest in sealed.items()):
            return None
        return Saved(path, load_file(path / WEIGHTS), json.loads((path / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
