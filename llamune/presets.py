"""Presets from TOML files: those that ship, and the user's own, which win over shipped ones of the same name.

A file with anything wrong in it is left out whole and reported, so that a preset never does something else than its
file says; all the other presets still work. Only the user's own files are ever written. Here is no default preset.

    purpose = "chat"                    one word: what it is for
    description.en = "even answers …"   one line per interface language
    hint.en = "Start here."
    options.temperature = 0.7           see RANGES in chat/preset.py; what is left out is not sent
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llamune import files
from llamune.chat.preset import ALIASES, OPTION_NAMES, Preset, SamplingOptions, no_preset, option_name, parse
from llamune.errors import LlamuneError, SettingsError, UsageError, near
from llamune.i18n import LANGUAGES, _

KEYS = ("purpose", "description", "hint", "options")
FORBIDDEN = frozenset("/*, \t\n\u3000")  # a line-up is written "model/preset, model/preset" and "*/preset"


@dataclass(frozen=True, slots=True)
class PresetSet:
    """The presets that can be used, by name, and what is wrong with the files of the others."""

    presets: Mapping[str, Preset]
    problems: tuple[SettingsError, ...] = ()

    def get(self, name: str) -> Preset:
        """The preset `name`. Raises UsageError with near matches."""
        if found := self.presets.get(name):
            return found
        raise no_preset(name, self.presets)


def load(folders: Iterable[Path]) -> PresetSet:
    """The presets of all *.toml files directly in `folders`; later folders win. Missing folders hold none."""
    presets: dict[str, Preset] = {}
    problems: list[SettingsError] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            preset, found = read(path)
            problems += found
            if preset:
                presets[preset.name] = preset
    return PresetSet(presets, tuple(problems))


def read(path: Path) -> tuple[Preset | None, list[SettingsError]]:
    """The preset of one file, or None and everything that is wrong with the file."""
    try:
        text = files.read(path).decode("utf-8-sig")
        data = tomllib.loads(text)
    except OSError as error:
        return None, [unreadable(path, error)]
    except (ValueError, RecursionError) as error:
        return None, [SettingsError(_("{path} is not valid TOML: {reason}").format(path=path, reason=error))]
    problems = [SettingsError(f"{_place(path, text, e)}: {e.message}", e.hint) for e in _problems(path.stem, data)]
    return (None if problems else _preset(path.stem, data)), problems


class WrongKey(SettingsError):
    """What is wrong with one key of a file."""

    def __init__(self, key: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.key = key.rpartition(".")[2]


def _place(path: Path, text: str, error: LlamuneError) -> str:
    """The file, with the line that gives the wrong key its value, where one is found."""
    given = rf"""[^#]*(?<![\w-])["']?{re.escape(error.key)}["']?\s*=""" if isinstance(error, WrongKey) else r"(?!)"
    numbers = (n for n, line in enumerate(text.splitlines(), 1) if re.match(given, line))
    return _("{path}, line {n}").format(path=path, n=n) if (n := next(numbers, 0)) else str(path)


def _preset(name: str, data: Mapping[str, Any]) -> Preset:
    return Preset(
        name,
        sampling(data.get("options", {})),
        description=data.get("description", {}),
        hint=data.get("hint", {}),
        purpose=data.get("purpose", ""),
    )


def sampling(options: Mapping[str, Any]) -> SamplingOptions:
    """The options of a table in which nothing is wrong."""
    return SamplingOptions(**{(name := option_name(k)): parse(name, v) for k, v in options.items()})  # type: ignore[arg-type]


def unusable(name: str) -> bool:
    """Whether no preset can have this name."""
    return not name or bool(FORBIDDEN & set(name)) or not name.isprintable() or name.startswith(".")


def path_of(folder: Path, name: str) -> Path:
    """Where the user's own preset `name` lies. Raises UsageError for a name that no preset can have."""
    if unusable(name):
        told = _("A preset cannot be called {name}.").format(name=repr(name))
        raise UsageError(told, _("It may hold no spaces and none of / * ,"))
    return folder / f"{name}.toml"


def checked(name: str, text: str) -> Preset:
    """The preset that `text` describes. Raises UsageError with everything that is wrong in it."""
    try:
        data = tomllib.loads(text)
    except ValueError as error:
        raise UsageError(_("This is not valid TOML: {reason}").format(reason=error)) from error
    if found := list(_problems(name, data)):
        raise UsageError("\n".join(e.message for e in found), " ".join(dict.fromkeys(e.hint for e in found)))
    return _preset(name, data)


def write(folder: Path, name: str, text: str) -> Preset:
    """Writes the user's own preset in one step, after a check. Raises UsageError, SettingsError."""
    preset, path = checked(name, text), path_of(folder, name)
    try:
        files.replace(path, text)
    except OSError as error:
        raise unwritable(path, error) from error
    return preset


def remove(folder: Path, name: str) -> None:
    """Removes the user's own preset. Raises SettingsError when the file cannot be removed."""
    path = path_of(folder, name)
    try:
        path.unlink()
    except OSError as error:
        raise unwritable(path, error) from error


def as_toml(preset: Preset, before: str = "") -> str:
    """The file of a preset; comments and order of an earlier text `before` stay."""
    import tomlkit  # only where something is written

    document = tomlkit.parse(before)
    if preset.purpose or "purpose" in document:
        document["purpose"] = preset.purpose
    for key, values in (("description", preset.description), ("hint", preset.hint)):
        _update(document, key, values)
    _update(document, "options", preset.options.given())
    return tomlkit.dumps(document)


def changed(preset: Preset, options: Mapping[str, str]) -> Preset:
    """A preset with options as typed, "none" to send nothing. Raises UsageError."""
    made = preset.options
    for name, value in options.items():
        made = made.with_value(name, value)
    return replace(preset, options=made)


def _update(document: Any, key: str, values: Mapping[str, Any]) -> None:
    """Makes table `key` hold exactly `values`."""
    import tomlkit

    table = document.get(key)
    if table is None:
        if values:
            document[key] = tomlkit.table()
            document[key].update(values)
        return
    for name in [n for n in table if _spelt_officially(n) not in values]:
        del table[name]
    spelt = {_spelt_officially(n): n for n in table}
    for name, value in values.items():
        table[spelt.get(name, name)] = value


def _spelt_officially(name: str) -> str:
    """The official spelling of an option, any other word as it is."""
    return ALIASES.get(name, name)


def unreadable(path: Path, error: OSError) -> SettingsError:
    """The error for a file that cannot be read."""
    return SettingsError(_("{path} cannot be read: {reason}").format(path=path, reason=error.strerror or error))


def unwritable(path: Path, error: OSError) -> SettingsError:
    """The error for a file that cannot be written."""
    return SettingsError(_("{path} cannot be written: {reason}").format(path=path, reason=error.strerror or error))


def _problems(name: str, data: Mapping[str, Any]) -> Iterator[LlamuneError]:
    if unusable(name):
        yield SettingsError(
            _("A preset cannot be called {name}.").format(name=repr(name)),
            _("Its file's name may hold no spaces and none of / * ,"),
        )
    for key in data:
        if key not in KEYS:
            yield unknown(key, [f"options.{n}" for n in near(key, OPTION_NAMES)] or KEYS)
    if not isinstance(data.get("purpose", ""), str):
        yield wrong("purpose", _("a text"))
    for key in ("description", "hint"):
        yield from text_problems(key, data.get(key, {}))
    yield from option_problems(data.get("options", {}))


def text_problems(key: str, texts: object) -> Iterator[LlamuneError]:
    """What is wrong in a table of one text per interface language."""
    if not isinstance(texts, Mapping):
        yield wrong(key, _("one text per language: {key}.en, {key}.ja").format(key=key))
        return
    for language, text in texts.items():
        if language not in LANGUAGES:
            yield unknown(f"{key}.{language}", [f"{key}.{known}" for known in LANGUAGES])
        elif not isinstance(text, str):
            yield wrong(f"{key}.{language}", _("a text"))


def option_problems(options: object) -> Iterator[LlamuneError]:
    """Everything that is wrong in a table of options."""
    if not isinstance(options, Mapping):
        yield wrong("options", _("a table of {names}").format(names=", ".join(OPTION_NAMES)))
        return
    for key, value in options.items():
        try:
            parse(option_name(key), value)
        except UsageError as error:
            yield WrongKey(key, error.message, error.hint)
    for alias, name in ALIASES.items():
        if alias in options and name in options:
            yield WrongKey(alias, _("{one} and {two} are the same option.").format(one=alias, two=name), "")


def unknown(key: str, known: Iterable[str]) -> SettingsError:
    """The error for a key that a file cannot have."""
    names = near(key, known) or list(known)
    return WrongKey(
        key,
        _("There is no key called {name}.").format(name=key),
        _("Did you mean {names}?").format(names=", ".join(names)),
    )


def wrong(key: str, expected: str) -> SettingsError:
    """The error for a value of the wrong type."""
    told = _("{key} is {expected}.").format(key=key, expected=expected)
    return WrongKey(key, _("{key} has the wrong type.").format(key=key), told)
