"""Statistics files, read: everything is checked, because somebody else wrote it. Their shape is usage_file.py's."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from llamune.chat.ranking import Name, Outcome, summed
from llamune.chat.task import TASKS
from llamune.chat.usage import KEYS, ZERO, Line, Spread
from llamune.chat.usage_file import CLASS, COUNTS, FORMAT, NAME, SPREADS, VERSION, Exported, Size
from llamune.errors import SettingsError
from llamune.i18n import _

LARGEST = 20_000_000  # bytes of a file
MOST = 10**12  # of any count, or of bytes
DATE = re.compile(r"|\d{4}-\d\d-\d\d", re.ASCII)


def read(data: bytes, place: str) -> Exported:
    """The figures of a file. Raises SettingsError that names the file and the first thing that is wrong in it."""
    try:
        return _exported(_content(data))
    except _Wrong as wrong:
        raise SettingsError(f"{place}: {wrong}", _("llamune stats export --anonymous writes such files.")) from wrong


class _Wrong(ValueError):
    """What is wrong, with its place in the file."""


def _content(data: bytes) -> Any:
    if len(data) > LARGEST:
        raise _Wrong(_("it is larger than {n} bytes").format(n=f"{LARGEST:,}"))
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _Wrong(_("not valid JSON: {reason}").format(reason=error)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _Wrong(_("these are no statistics of Llamune"))
    if content.get("version") != VERSION:
        raise _Wrong(_("format {n} is not understood by this Llamune").format(n=content.get("version")))
    return content


def _exported(content: Mapping[str, Any]) -> Exported:
    models = _of(content, "", "models", dict)
    games: dict[str, list[Outcome]] = {}
    for n, game in enumerate(_of(content, "", "games", list)):
        task, outcome = _game(game, f"games[{n}].")
        games.setdefault(task, []).append(outcome)
    lines = tuple(_line(line, f"lines[{n}].") for n, line in enumerate(_of(content, "", "lines", list)))
    if len({tuple(getattr(line, key) for key in KEYS) for line in lines}) < len(lines):
        raise _Wrong(_("{name} stands twice in {place}").format(name="model, preset, task", place="lines"))
    return Exported(
        _text(content, "", "machine", CLASS),
        _text(content, "", "first", DATE),
        _text(content, "", "last", DATE),
        {_named(name, f"models.{name}", NAME): _size(models, name) for name in models},
        lines,
        {task: tuple(summed(outcomes)) for task, outcomes in games.items()},
    )


def _size(models: Mapping[str, Any], name: str) -> Size:
    size = _of(models, "models.", name, dict)
    return Size(*(_count(size, f"models.{name}.", key) for key in ("size", "memory")))


def _line(line: Any, place: str) -> Line:
    names = {key: _text(line, place, key, NAME) for key in ("model", "preset")}
    counts = {key: _count(line, place, key) for key in COUNTS}
    for part, whole in (("complete", "answers"), ("failed", "answers"), ("chosen", "compared")):
        if counts[part] > counts[whole]:
            raise _Wrong(_("{place} cannot be {value}").format(place=place + part, value=counts[part]))
    spreads = {key: Spread(dict(_buckets(line, place, key))) for key in SPREADS}
    return Line(**names, task=_task_of(line, place), **counts, **spreads)  # type: ignore[arg-type]


def _buckets(line: Any, place: str, key: str) -> Iterator[tuple[int, int]]:
    for n, pair in enumerate(_of(line, place, key, list)):
        if not isinstance(pair, list) or len(pair) != 2:
            raise _Wrong(_("{place} has the wrong type").format(place=f"{place}{key}[{n}]"))
        where = {"bucket": pair[0], "count": pair[1]}
        at = _count(where, f"{place}{key}[{n}].", "bucket")
        if at >= 2 * ZERO:
            raise _Wrong(_("{place} cannot be {value}").format(place=f"{place}{key}[{n}]", value=at))
        yield at, _count(where, f"{place}{key}[{n}].", "count")


def _game(game: Any, place: str) -> tuple[str, Outcome]:
    first, second = (_pair(game, place, key) for key in ("first", "second"))
    score = _of(game, place, "score", (int, float))
    if score not in (0, 0.5, 1):
        raise _Wrong(_("{place} cannot be {value}").format(place=f"{place}score", value=score))
    blind, count = _of(game, place, "blind", bool), _count(game, place, "count")
    if first == second or not count:
        raise _Wrong(_("{place} cannot be {value}").format(place=f"{place}second", value=second))
    return _task_of(game, place), Outcome(first, second, float(score), blind, count)


def _pair(game: Any, place: str, key: str) -> Name:
    pair = _of(game, place, key, list)
    if len(pair) != 2:
        raise _Wrong(_("{place} has the wrong type").format(place=place + key))
    return _named(pair[0], f"{place}{key}[0]", NAME), _named(pair[1], f"{place}{key}[1]", NAME)


def _task_of(table: Any, place: str) -> str:
    found = _of(table, place, "task", str)
    if found and found not in TASKS:
        raise _Wrong(_("{place} cannot be {value}").format(place=f"{place}task", value=found))
    return str(found)


def _text(table: Any, place: str, key: str, allowed: re.Pattern[str]) -> str:
    return _named(_of(table, place, key, str), place + key, allowed)


def _named(found: object, place: str, allowed: re.Pattern[str]) -> str:
    if not isinstance(found, str) or not allowed.fullmatch(found):
        raise _Wrong(_("{place} cannot be {value}").format(place=place, value=repr(found)[:100]))
    return found


def _count(table: Any, place: str, key: str) -> int:
    found = _of(table, place, key, int)
    if not 0 <= found <= MOST:
        raise _Wrong(_("{place} cannot be {value}").format(place=place + key, value=repr(found)[:100]))
    return int(found)


def _of(table: Any, place: str, key: str, kind: Any) -> Any:
    """What stands under a key, of the right type."""
    if not isinstance(table, dict) or key not in table:
        raise _Wrong(_("{place} is missing").format(place=place + key))
    if not isinstance(table[key], kind) or (kind is not bool and isinstance(table[key], bool)):
        raise _Wrong(_("{place} has the wrong type").format(place=place + key))
    return table[key]
