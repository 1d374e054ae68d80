"""The user's settings: one frozen object, built once, where every value knows where it came from.

A setting is declared once, as a field of `Settings`: reading and checking the file, `/settings`, completion and the
README's table are derived from that declaration. Order of strength: flags, environment, file, default.
Not here: what the program itself remembers between runs (state.json), and anything a session or a model owns.
"""

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from llamune import files
from llamune.address import Address, sites
from llamune.errors import SettingsError, near
from llamune.i18n import _
from llamune.paths import Paths

Origin = Literal["default", "file", "environment", "flag"]
YES = frozenset({"true", "yes", "on", "1"})
NO = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Setting:
    """The declaration of one setting.

    Args:
        key: its name in settings.toml.
        default: the value when nobody says anything; its type is the type of the setting.
        describe: gives one line about it in the interface language.
        choices: the only values it may have; empty = any of its type.
        low, high: inclusive range of a whole number.
        environment: a variable that is honoured for it, "" = none.
        example: a value, where the default is none.
        clean: brings a checked value into its final form; raises ValueError for one that has none.
    """

    key: str
    default: Any
    describe: Callable[[], str]
    choices: tuple[Any, ...] = ()
    low: int = 0
    high: int = 0
    environment: str = ""
    example: str = ""
    clean: Callable[[Any], Any] | None = None

    @property
    def expected(self) -> str:
        """What a value of this setting looks like, in the interface language."""
        if self.choices:
            return _("one of {choices}").format(choices=", ".join(map(str, self.choices)))
        if isinstance(self.default, bool):
            return _("true or false")
        if isinstance(self.default, int):
            return _("a whole number from {low} to {high}").format(low=self.low, high=self.high)
        example = self.example or self.default
        return _("an address like {example}").format(example=example) if self.clean else _("a text")

    def from_text(self, text: str) -> Any:
        """The value a user typed, checked. Raises SettingsError."""
        text = text.strip()
        folded = text.casefold()
        if isinstance(self.default, bool):
            return self.check(True if folded in YES else False if folded in NO else text)
        if isinstance(self.default, int):
            return self.check(int(text) if text.isascii() and text.lstrip("-").isdigit() else text)
        return self.check(folded if self.choices else text)

    def check(self, value: Any) -> Any:
        """`value` in its final form when it has the right type and range. Raises SettingsError."""
        inside = type(value) is type(self.default)
        if self.choices:
            inside = inside and value in self.choices
        elif inside and type(value) is int:
            inside = self.low <= value <= self.high
        try:
            if inside:
                return self.clean(value) if self.clean else value
        except ValueError:
            pass
        raise SettingsError(
            _("The setting {key} cannot be {value}.").format(key=self.key, value=repr(value)),
            _("{key} is {expected}.").format(key=self.key, expected=self.expected),
        )


def _sites(text: str) -> str:
    sites(text)
    return " ".join(text.split())


def _declare(default: Any, describe: Callable[[], str], **rest: Any) -> Any:
    return field(default=default, metadata={"default": default, "describe": describe, **rest})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its value in force. `origins` says for each key where its value came from."""

    language: str = _declare(
        "auto", lambda: _("language of the interface; auto follows the locale"), choices=("auto", "en", "ja")
    )
    model: str = _declare("", lambda: _("model of a new session; empty = the one used last"))
    preset: str = _declare("", lambda: _("preset of a new session; empty = the one used last"))
    ollama_host: str = _declare(
        "http://127.0.0.1:11434",
        lambda: _("address of the Ollama server"),
        environment="OLLAMA_HOST",
        clean=lambda text: Address.parse(text).url,
    )
    start_ollama: bool = _declare(True, lambda: _("start an installed Ollama when none answers"))
    sealed: str = _declare(
        "auto",
        lambda: _("run without any network but relays to the servers listed; auto = wherever the system can"),
        choices=("auto", "on", "off"),
    )
    intranet: str = _declare(
        "",
        lambda: _("sites that /web may read, by blanks: search pages, sitemaps, hosts; empty = none"),
        example="http://wiki.example/search?q={query}",
        clean=_sites,
    )
    embedded_idle: int = _declare(
        300, lambda: _("seconds after which an unused built-in model leaves memory; 0 = never"), low=0, high=86400
    )
    search_model: str = _declare(
        "", lambda: _("chat model that completes follow-up questions and puts passages in order; empty = none does")
    )
    not_found: str = _declare(
        "say",
        lambda: _("when the documents hold nothing on a question: say so, or let the model answer generally"),
        choices=("say", "general"),
    )
    thinking: str = _declare(
        "fold", lambda: _("thinking of a model: folded, shown, or not asked for"), choices=("fold", "show", "off")
    )
    allow_pull: bool = _declare(False, lambda: _("let llamune models pull make Ollama call the internet"))
    use_recommended: bool = _declare(True, lambda: _("tell of new recommended models, and let them be applied"))
    suggest_titles: bool = _declare(True, lambda: _("let the model write a better title where that is cheap"))
    ambiguous_width: int = _declare(1, lambda: _("columns of characters like ○ and ※ in your terminal"), choices=(1, 2))
    ascii: str = _declare(
        "auto",
        lambda: _("plain signs instead of ★ and lines; auto looks at the terminal"),
        choices=("auto", "yes", "no"),
    )
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def origin(self, key: str) -> Origin:
        """Where the value of `key` came from."""
        return self.origins.get(key, "default")


DECLARED: Mapping[str, Setting] = {
    f.name: Setting(f.name, **f.metadata) for f in fields(Settings) if f.name != "origins"
}


def setting(key: str) -> Setting:
    """The declaration of `key`. Raises SettingsError with near matches."""
    if found := DECLARED.get(key):
        return found
    raise SettingsError(
        _("There is no setting called {key}.").format(key=key),
        _("Did you mean {names}?").format(names=", ".join(near(key, DECLARED) or DECLARED)),
    )


def load(
    paths: Paths, flags: Mapping[str, str | None] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings in force. Raises SettingsError that names the file, the key and what it takes.

    Args:
        flags: values from the command line as typed, by key; None says nothing.
        environment: where variables are looked up (default: this process's); an empty one says nothing.
    """
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for key, value in _read(paths.settings).items():
        with _named(str(paths.settings)):
            values[key], origins[key] = setting(key).check(value), "file"
    variables = os.environ if environment is None else environment
    for key, declared in DECLARED.items():
        if text := variables.get(declared.environment, "").strip():
            with _named(declared.environment):
                values[key], origins[key] = declared.from_text(text), "environment"
    for key, flag in (flags or {}).items():
        if flag is not None:
            values[key], origins[key] = setting(key).from_text(flag), "flag"
    return Settings(**values, origins=origins)


def set_value(paths: Paths, key: str, text: str | None) -> Any:
    """Writes one setting to settings.toml, comments and other keys untouched; None takes the key out.

    The file is replaced in one step, so that a crash leaves the old one or the new one.

    Returns:
        the value that the file now gives (the default where the key was taken out).

    Raises:
        SettingsError: unknown key, wrong value, a file that is no TOML, or one that cannot be written.
    """
    declared = setting(key)
    value = declared.default if text is None else declared.from_text(text)
    _read(paths.settings)  # a damaged file is reported and never overwritten
    import tomlkit  # here: reading settings at the start does without it

    try:
        old = files.read(paths.settings).decode("utf-8-sig") if paths.settings.exists() else ""
        document = tomlkit.parse(old)
        if text is None:
            document.pop(key, None)
        else:
            document[key] = value
        files.replace(paths.settings, tomlkit.dumps(document))
    except OSError as error:
        raise SettingsError(
            _("{path} cannot be written: {reason}").format(path=paths.settings, reason=error.strerror or error)
        ) from error
    return value


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(files.read(path).decode("utf-8-sig"))  # -sig: Windows editors write a mark in front
    except FileNotFoundError:
        return {}
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(_("{path} cannot be read: {reason}").format(path=path, reason=reason)) from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(
            _("{path} is not valid TOML: {reason}").format(path=path, reason=error),
            _('A line looks like key = "text", key = 1 or key = true. Mend or remove the file.'),
        ) from error


@contextmanager
def _named(origin: str) -> Iterator[None]:
    """Puts the file or variable in front of what is wrong in it."""
    try:
        yield
    except SettingsError as error:
        raise SettingsError(f"{origin}: {error.message}", error.hint) from error
