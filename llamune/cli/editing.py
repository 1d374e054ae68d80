"""Files of the user's own on the command line: read whole, and changed in the user's editor. It writes none."""

import asyncio
import sys
from pathlib import Path

from llamune import files
from llamune.errors import SettingsError, UsageError
from llamune.i18n import _


def read(path: Path) -> str:
    """The text of a file. Raises SettingsError."""
    try:
        return files.read(path).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise SettingsError(_("{path} cannot be read: {reason}").format(path=path, reason=error)) from error


def edited(text: str, example: str) -> str:
    """The text after the user's editor closed.

    Args:
        example: a command that does without an editor.

    Raises: UsageError where there is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(_("Nobody can be asked here."), _("Example: {example}").format(example=example))
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.document import Document

    buffer = Buffer(document=Document(text), multiline=True)
    buffer.tempfile_suffix = ".toml"

    async def edit() -> None:
        await buffer.open_in_editor()

    asyncio.run(edit())
    return buffer.text
