"""The language of the interface: `_("English text")` gives the text in the chosen language.

English is the source; catalogues lie in llamune/locale. The choice is the one piece of process-wide state of this
program: texts are made in every layer, and passing a translator through all of them would say nothing more.
"""

import os
from pathlib import Path
from typing import Protocol

LANGUAGES = ("en", "ja")


class _Catalogue(Protocol):
    def gettext(self, message: str, /) -> str: ...
    def ngettext(self, one: str, many: str, n: int, /) -> str: ...


_catalogue: _Catalogue | None = None


def install(language: str) -> None:
    """Chooses the interface language for this process: "en", "ja" or "auto" (from the locale)."""
    global _catalogue
    _catalogue = _load(from_locale() if language == "auto" else language)


def _load(language: str) -> _Catalogue | None:
    if language != "ja":
        return None
    import gettext  # only here: English does not pay for it

    return gettext.translation("llamune", Path(__file__).parent / "locale", ["ja"], fallback=True)


def translated(message: str, language: str) -> str:
    """A text marked with N_ in a language of LANGUAGES, whichever is in use: for files that hold several."""
    catalogue = _load(language)
    return catalogue.gettext(message) if catalogue else message


def language() -> str:
    """The language in use: "en" or "ja"."""
    return "en" if _catalogue is None else "ja"


def from_locale() -> str:
    """The language the environment asks for; POSIX order of LC_ALL, LC_MESSAGES, LANG."""
    value = next((v for k in ("LC_ALL", "LC_MESSAGES", "LANG") if (v := os.environ.get(k))), "")
    return "ja" if value.lower().startswith("ja") else "en"


def _(message: str) -> str:
    """`message` in the interface language."""
    return _catalogue.gettext(message) if _catalogue else message


def ngettext(one: str, many: str, n: int) -> str:
    """The form for `n` of a text with a number in it; the caller fills the number in with `.format(n=n)`."""
    return _catalogue.ngettext(one, many, n) if _catalogue else (one if n == 1 else many)


def N_(message: str) -> str:
    """Marks a text for translation where it is declared; it is translated where it is shown."""
    return message
