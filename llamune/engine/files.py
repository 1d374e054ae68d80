"""What every engine does with a GGUF file before it takes it in: look whether it is a model, and hash it."""

import re
from pathlib import Path
from typing import Final

from llamune.chat.ports import Progress
from llamune.engine import gguf
from llamune.engine.faults import not_a_model
from llamune.errors import EngineRefused
from llamune.i18n import _

PIECE: Final = 1024 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def check_name(name: str) -> None:
    """Raises EngineRefused for what no model of ours can be called."""
    if not _NAME.fullmatch(name):
        raise EngineRefused(
            _("A model cannot be called {name}.").format(name=name),
            _("Choose another name, of letters, digits and . _ : - : --name NAME"),
        )


def checked(path: Path) -> gguf.GgufInfo:
    """The header of a file that is to be installed. Raises EngineRefused."""
    try:
        info = gguf.read(path)
    except gguf.BadGguf as error:
        raise not_a_model(path, str(error)) from error
    except OSError as error:
        raise not_a_model(path, error.strerror or str(error)) from error
    if info.kind != "model":
        raise not_a_model(path, f"general.type = {info.kind}")
    return info


def sha256(path: Path, progress: Progress) -> str:
    """The hash of a file as hex. Raises EngineRefused when it cannot be read."""
    import hashlib  # brings OpenSSL, which a chat does without

    digest, done = hashlib.sha256(), 0
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                done += len(piece)
                progress(_("checking"), done, size)
    except OSError as error:
        raise not_a_model(path, error.strerror or str(error)) from error
    return digest.hexdigest()
