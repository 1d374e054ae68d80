"""The sets there are: shipped ones and imported ones, none of which is ever removed; and the keys that are trusted."""

import re
from pathlib import Path

from llamune import files
from llamune.errors import SettingsError, UsageError
from llamune.i18n import _
from llamune.presets import unreadable, unwritable
from llamune.recommend.reading import LARGEST, read
from llamune.recommend.signing import standing
from llamune.recommend.values import RecommendedSet, age


class Sets:
    """The sets there are.

    Args:
        shipped: folder of those that come with the program.
        own: folder of imported ones; made when something is imported.
    """

    def __init__(self, shipped: Path, own: Path) -> None:
        self._shipped, self.own = shipped, own

    def all(self) -> list[RecommendedSet]:
        """Every readable set, oldest first; an imported one wins over a shipped one of the same version."""
        return self.load()[0]

    def load(self) -> tuple[list[RecommendedSet], list[SettingsError]]:
        """The same, and what is wrong with the files that cannot be used."""
        found: dict[str, RecommendedSet] = {}
        problems: list[SettingsError] = []
        for folder in (self._shipped, self.own):
            for path in sorted(folder.glob("*.toml")):
                try:
                    one = read(files.read(path, LARGEST), str(path))
                except SettingsError as error:
                    problems.append(SettingsError(error.message, _("The other sets can be used.")))
                except OSError as error:
                    problems.append(unreadable(path, error))
                else:
                    found[one.version] = one
        return sorted(found.values(), key=lambda s: age(s.version)), problems

    def get(self, version: str = "") -> RecommendedSet:
        """One set; "" = the newest. Raises UsageError."""
        known = self.all()
        for one in known if version else known[-1:]:
            if version in ("", one.version):
                return one
        raise UsageError(
            _("There is no recommended set {version}.").format(version=version),
            _("There are: {names}").format(names=", ".join(s.version for s in known) or "-"),
        )

    def path(self, version: str) -> Path:
        """The file of a set."""
        own = self.own / f"{version}.toml"
        return own if own.exists() else self._shipped / f"{version}.toml"

    def trusted(self) -> set[str]:
        """Public keys, as hex, that the user trusts."""
        try:
            return set(files.read(self.own / "trusted.txt").decode("ascii", "replace").split())
        except OSError:
            return set()

    def trust(self, key: str) -> None:
        """Trusts a public key from now on. Raises UsageError, SettingsError."""
        if not re.fullmatch(r"[0-9a-f]{64}", key):
            raise UsageError(
                _("This is no public key: {key}").format(key=key), _("It has 64 digits, 0 to 9 and a to f.")
            )
        self._write("trusted.txt", "".join(f"{k}\n" for k in sorted(self.trusted() | {key})))

    def take(self, path: Path, data: bytes, *, once: bool) -> RecommendedSet:
        """Imports a set; earlier ones stay. Raises SettingsError, UsageError with nothing changed."""
        found, how = read(data, str(path)), standing(data, self.trusted())
        if how == "wrong":
            raise UsageError(_("The signature does not fit the file: it was changed after it was signed."))
        if how != "trusted" and not once:
            said = _("It is not signed.") if how == "unsigned" else _("It is signed with a key that is not trusted.")
            raise UsageError(
                said, _("llamune recommend trust KEY trusts a key for good; --trust-once takes this file alone.")
            )
        newest = max((age(s.version) for s in self.all()), default=("", 0))
        if age(found.version) < newest or self.path(found.version).exists():
            raise UsageError(
                _("{version} is not newer than what is here.").format(version=found.version),
                _("llamune recommend apply VERSION goes back to an earlier set."),
            )
        self._write(f"{found.version}.toml", data.decode("utf-8"))
        return found

    def _write(self, name: str, text: str) -> None:
        try:
            files.replace(self.own / name, text)
        except OSError as error:
            raise unwritable(self.own / name, error) from error
