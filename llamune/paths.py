"""Where everything lies: the user's data (one folder, moved by LLAMUNE_HOME) and what ships with the program.

Makes folders when asked, private ones (0700); reads and writes no file itself.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from llamune.errors import LlamuneError
from llamune.i18n import _


@dataclass(frozen=True, slots=True)
class Paths:
    """Every file of one Llamune home folder.

    Args:
        home: the folder that holds all of the user's data.
    """

    home: Path

    @property
    def database(self) -> Path:
        return self.home / "llamune.db"

    @property
    def settings(self) -> Path:
        return self.home / "settings.toml"

    @property
    def state(self) -> Path:
        return self.home / "state.json"

    @property
    def history(self) -> Path:
        return self.home / "history"

    @property
    def log(self) -> Path:
        return self.home / "logs" / "llamune.log"

    @property
    def backups(self) -> Path:
        return self.home / "backups"

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def presets(self) -> Path:
        return self.home / "presets"

    @property
    def modes(self) -> Path:
        return self.home / "modes"

    @property
    def own(self) -> Path:
        return self.home / "own"

    @property
    def busy(self) -> Path:
        return self.home / "busy"

    @property
    def recommended(self) -> Path:
        return self.home / "recommended"

    @property
    def evidence(self) -> Path:
        return self.home / "evidence"

    def make(self) -> None:
        """Creates the home folder. Raises LlamuneError when it cannot be written."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise LlamuneError(
                _("The data folder {path} cannot be made: {reason}").format(path=self.home, reason=error.strerror),
                _("Set LLAMUNE_HOME to a folder that you may write to."),
            ) from error


def find() -> Paths:
    """The home folder: LLAMUNE_HOME, else the platform's place for a user's data."""
    if home := os.environ.get("LLAMUNE_HOME"):
        return Paths(Path(home).expanduser().absolute())
    import platformdirs

    return Paths(Path(platformdirs.user_data_dir("llamune", appauthor=False)))


def shipped(name: str) -> Path:
    """A folder that ships with the program ("presets", "migrations"): inside the wheel, or beside it in a checkout."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parent.parent / name
