"""What Llamune remembers between runs without being told to: the last model and preset, and each model's num_ctx.

One small JSON file, so that `llamune ask` need not open the database before it sends. A damaged file counts as empty:
nothing in it cannot be chosen again. It holds no text of any conversation.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from llamune import files
from llamune.chat.context import LEAST_CONTEXT, default_size
from llamune.chat.model import ModelInfo
from llamune.chat.scheduler import LIMITS
from llamune.errors import SettingsError
from llamune.i18n import _


@dataclass(slots=True)
class State:
    """Remembered choices. `sizes` is num_ctx by model name: set by hand, or settled at first use. `lineup` are
    candidates as written; `limit` is how many answers may be made at once, 0 = as many as is good here.
    `recommended` is the set in force, `answered` the newest one that the user decided about, `from_set` what of these
    a set has put in."""

    path: Path
    model: str = ""
    preset: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    lineup: list[str] = field(default_factory=list)
    lineup_on: bool = False
    limit: int = 0
    recommended: str = ""
    answered: str = ""
    from_set: dict[str, Any] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)  # what was changed in this run; not written

    @classmethod
    def load(cls, path: Path) -> "State":
        """Reads the file; what is not understood is left out."""
        try:
            data = json.loads(files.read(path))
            return cls(
                path,
                str(data.get("model", "")),
                str(data.get("preset", "")),
                {k: v for k, v in data.get("sizes", {}).items() if type(v) is int and v >= LEAST_CONTEXT},
                [c for c in data.get("lineup", []) if isinstance(c, str) and "/" in c],
                data.get("lineup_on") is True,
                limit if type(limit := data.get("limit", 0)) is int and limit in LIMITS else 0,
                str(data.get("recommended", "")),
                str(data.get("answered", "")),
                put if isinstance(put := data.get("from_set"), dict) else {},
            )
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return cls(path)

    def remember(self, **changes: Any) -> None:
        """Changes values and writes the file; what another process wrote meanwhile stays, apart from what was changed
        in this run."""
        with suppress(OSError):  # a read-only home: remembered for this run only; the store tells the user
            self._merge(changes)

    def settle(self, **changes: Any) -> None:
        """The same for what must be kept. Raises SettingsError when it cannot be; then nothing has changed."""
        before = {name: getattr(self, name) for name in changes}
        try:
            self._merge(changes)
        except OSError as error:
            for name, value in before.items():
                setattr(self, name, value)
            raise SettingsError(
                _("{path} cannot be written: {reason}").format(path=self.path, reason=error.strerror or error),
                _("Nothing was changed."),
            ) from error

    def _merge(self, changes: dict[str, Any]) -> None:
        on_disk = State.load(self.path)
        self.sizes = {**on_disk.sizes, **self.sizes, **changes.pop("sizes", {})}
        self.own |= changes.keys()
        kept = [f.name for f in fields(self) if f.name not in ("path", "own")]
        for name in kept:
            if name in changes or (name not in self.own and name != "sizes"):
                setattr(self, name, changes.get(name, getattr(on_disk, name)))
        data = {name: getattr(self, name) for name in kept}
        files.replace(self.path, json.dumps(data, ensure_ascii=False), durable=False)

    def num_ctx(self, model: ModelInfo) -> int:
        """The context length of a model: chosen once, then the same for every request (a difference reloads it)."""
        if model.name not in self.sizes:
            self.remember(sizes={model.name: default_size(model, memory())})
        return self.expected(model)

    def expected(self, model: ModelInfo) -> int:
        """The context length that a model has or would get; nothing is settled by asking."""
        size = self.sizes.get(model.name) or default_size(model, memory())
        return min(size, model.context_length) if model.context_length else size


def memory() -> int:
    """Bytes of memory of this machine, 0 when the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
