"""Sampling options and named sets of them.

`None` means "send nothing", never a copied default. What forces a reload of the model (num_ctx, shift, threads) is no
sampling option and has no place here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from llamune.errors import UsageError, near
from llamune.i18n import _

RANGES: Mapping[str, tuple[float, float]] = {  # requirement P1; seed and min_p as llama.cpp takes them
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "top_k": (1, 100),
    "min_p": (0.0, 1.0),
    "repeat_penalty": (1.0, 2.0),
    "num_predict": (50, 4096),
    "seed": (0, 2**31 - 1),
}
WHOLE = frozenset({"top_k", "num_predict", "seed"})
ALIASES = {"max_tokens": "num_predict"}


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """Options of one request, spelt as the Ollama server spells them."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    num_predict: int | None = None
    seed: int | None = None

    def given(self) -> dict[str, float | int]:
        """What is to be sent: the options that have a value."""
        return {k: v for k, v in asdict(self).items() if v is not None}

    def over(self, base: "SamplingOptions") -> "SamplingOptions":
        """These options, with `base` where these say nothing."""
        return replace(base, **self.given())  # type: ignore[arg-type]

    def with_value(self, name: str, text: str) -> "SamplingOptions":
        """A copy with one value changed, from what a user typed; "none" removes it. Raises UsageError."""
        key = option_name(name)
        return replace(self, **{key: None if text.lower() in ("none", "-", "default") else parse(key, text)})  # type: ignore[arg-type]


OPTION_NAMES = tuple(f.name for f in fields(SamplingOptions))


def option_name(name: str) -> str:
    """The official spelling of an option; raises UsageError with near matches."""
    key = ALIASES.get(name, name)
    if key in OPTION_NAMES:
        return key
    matches = near(name, (*OPTION_NAMES, *ALIASES))
    raise UsageError(
        _("There is no option called {name}.").format(name=name),
        _("Did you mean {names}?").format(names=", ".join(matches or OPTION_NAMES)),
    )


def parse(name: str, value: object) -> float | int:
    """A checked value of the option `name`. Raises UsageError that names the range."""
    low, high = RANGES[name]
    kind = _("a whole number") if name in WHOLE else _("a number")
    try:
        text = str(value) if str(value).isascii() and "_" not in str(value) else ""  # Python would take １_０
        number: float | int = int(text) if name in WHOLE else float(text)
        inside = low <= number <= high and not isinstance(value, bool)
    except ValueError:
        inside = False
    if not inside:
        raise UsageError(
            _("{name} cannot be {value}.").format(name=name, value=value),
            _("{name} is {kind} from {low} to {high}.").format(name=name, kind=kind, low=f"{low:g}", high=f"{high:g}"),
        )
    return number


def allowed(name: str, value: object) -> bool:
    """Whether the option `name` can have this value."""
    try:
        parse(name, value)
    except UsageError:
        return False
    return True


def no_preset(name: str, known: Iterable[str]) -> UsageError:
    """The error for a preset that does not exist, with near matches."""
    names = list(known)
    return UsageError(
        _("There is no preset called {name}.").format(name=name),
        _("Did you mean {names}?").format(names=", ".join(near(name, names) or names)),
    )


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of options.

    Args:
        description: one line about it per interface language; `hint` (when to choose it) likewise.
        purpose: one word, what it is for: chat, ideas, short, code, explain, any.
    """

    name: str
    options: SamplingOptions = SamplingOptions()
    description: Mapping[str, str] = field(default_factory=dict)
    hint: Mapping[str, str] = field(default_factory=dict)
    purpose: str = ""
