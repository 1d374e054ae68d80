"""Domain modes from TOML files: those that ship, and the user's own, which win over shipped ones of the same name.

A mode is everything that a kind of work needs, under one name. All keys may be left out; what is left out stays as it
is when the mode begins. A file with anything wrong in it is left out whole and reported; the other modes still work.

    description.en = "…"      one line per interface language
    greeting.en = "…"         said when the mode begins
    system.en = "…"           the system prompt
    prompts.en = ["…", "…"]   extra prompts, sent behind it
    corpora = ["rules"]       collections of documents that are searched
    models = ["qwen3:8b"]     the first one that is there answers; the beginning of a name is enough
    preset = "technical"
    lineup = ["gemma3/fast"]  who answers in the background
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from llamune import files
from llamune.chat.lineup import pick
from llamune.errors import LlamuneError, SettingsError, UsageError, near
from llamune.i18n import LANGUAGES, _, language
from llamune.presets import text_problems, unknown, unreadable, unusable, unwritable, wrong

T = TypeVar("T")
TEXTS = ("description", "greeting", "system")
LISTS = ("corpora", "models", "lineup")
KEYS = (*TEXTS, "prompts", *LISTS, "preset")


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode, as its file says; texts by language."""

    name: str
    description: Mapping[str, str] = field(default_factory=dict)
    greeting: Mapping[str, str] = field(default_factory=dict)
    system: Mapping[str, str] = field(default_factory=dict)
    prompts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    corpora: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    preset: str = ""
    lineup: tuple[str, ...] = ()

    def applied(
        self, models: Sequence[str], presets: Iterable[str], corpora: Iterable[str]
    ) -> tuple[dict[str, Any], list[str]]:
        """What the mode sets in a session, of what there is here; and the names of what there is not."""
        there = set(corpora)
        model = next((name for wanted in self.models if (name := installed(wanted, models))), "")
        preset = self.preset if self.preset in presets else ""
        corpora = tuple(name for name in self.corpora if name in there)
        found = {"model": model, "system": told(self.system, ""), "preset": preset, "corpora": corpora}
        missing = [name for name in self.corpora if name not in there]
        missing += [] if preset == self.preset else [self.preset]
        missing += [] if model or not self.models else [" / ".join(self.models)]
        return {key: value for key, value in found.items() if value}, missing


@dataclass(frozen=True, slots=True)
class ModeSet:
    """The modes that can be used, by name, and what is wrong with the files of the others."""

    modes: Mapping[str, Mode]
    problems: tuple[SettingsError, ...] = ()

    def get(self, name: str) -> Mode:
        """The mode called `name`, or the only one that begins so. Raises UsageError with near matches."""
        starts = [n for n in self.modes if n.casefold().startswith(name.casefold())]
        if name in self.modes or len(starts) == 1:
            return self.modes[name if name in self.modes else starts[0]]
        raise UsageError(
            _("There is no mode called {name}.").format(name=name),
            _("Did you mean {names}?").format(names=", ".join(starts or near(name, self.modes) or self.modes)),
        )


def load(folders: Iterable[Path]) -> ModeSet:
    """The modes of all *.toml files directly in `folders`; later folders win. Missing folders hold none."""
    modes: dict[str, Mode] = {}
    problems: list[SettingsError] = []
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        try:
            modes[path.stem] = checked(path.stem, files.read(path), str(path))
        except OSError as error:
            problems.append(unreadable(path, error))
        except SettingsError as error:
            problems.append(error)
    return ModeSet(modes, tuple(problems))


def checked(name: str, data: bytes, place: str) -> Mode:
    """The mode that a file describes. Raises SettingsError that begins with `place` and says all that is wrong."""
    try:
        said = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SettingsError(_("{path} is not valid TOML: {reason}").format(path=place, reason=error)) from error
    if found := list(_problems(name, said)):
        told = "\n".join(f"{place}: {e.message}" for e in found)
        raise SettingsError(told, " ".join(dict.fromkeys(e.hint for e in found)))
    said |= {key: tuple(said[key]) for key in LISTS if key in said}
    said["prompts"] = {code: tuple(texts) for code, texts in said.get("prompts", {}).items()}
    return Mode(name, **said)


def told(texts: Mapping[str, T], nothing: T) -> T:
    """What is written for the interface language, else for English, else for the only one there is."""
    return texts.get(language()) or texts.get("en") or next(iter(texts.values()), nothing)


def installed(wanted: str, models: Sequence[str]) -> str:
    """The installed model that is meant, "" = none."""
    try:
        return pick(wanted, models)
    except UsageError:
        return ""


def path_of(folder: Path, name: str) -> Path:
    """Where the user's own mode lies. Raises UsageError for a name that no mode can have."""
    if unusable(name):
        raise UsageError(
            _("A mode cannot be called {name}.").format(name=repr(name)), _("It may hold no spaces and none of / * ,")
        )
    return folder / f"{name}.toml"


def write(folder: Path, name: str, text: str) -> Mode:
    """Writes the user's own mode in one step, after a check. Raises UsageError, SettingsError."""
    path = path_of(folder, name)
    mode = checked(name, text.encode("utf-8", "surrogatepass"), name)
    try:
        files.replace(path, text)
    except OSError as error:
        raise unwritable(path, error) from error
    return mode


def _problems(name: str, said: Mapping[str, Any]) -> Iterator[LlamuneError]:
    if unusable(name):
        yield SettingsError(
            _("A mode cannot be called {name}.").format(name=repr(name)), _("It may hold no spaces and none of / * ,")
        )
    yield from (unknown(key, KEYS) for key in said if key not in KEYS)
    for key in TEXTS:
        yield from text_problems(key, said.get(key, {}))
    prompts = said.get("prompts", {})
    if isinstance(prompts, Mapping):
        yield from (unknown(f"prompts.{c}", [f"prompts.{k}" for k in LANGUAGES]) for c in prompts if c not in LANGUAGES)
        yield from (_no_list(f"prompts.{code}") for code, texts in prompts.items() if not _texts(texts))
    else:
        yield wrong("prompts", _("one list of texts per language: prompts.en, prompts.ja"))
    yield from (_no_list(key) for key in LISTS if not _texts(said.get(key, [])))
    if not isinstance(said.get("preset", ""), str):
        yield wrong("preset", _("a text"))


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _no_list(key: str) -> SettingsError:
    return wrong(key, _("a list of texts"))
