"""Prints which commands are newer than the guide models: those that the models' card does not mention.

Never fails: the models are trained again at the end of a round of work, not with each command.
"""

import re
from pathlib import Path

from llamune.commands import registry
from llamune.paths import shipped


def known(folder: Path) -> set[str]:
    """The commands that the cards in `folder` mention, without their slash."""
    cards = sorted(path for path in folder.glob("*") if path.suffix in (".md", ".json", ".toml"))
    return set(re.findall(r"(?<![\w/])/([a-z]+)", " ".join(path.read_text(encoding="utf-8") for path in cards)))


def main() -> None:
    missing = sorted(set(registry().commands) - known(shipped("guide")))
    print(
        "the guide models know every command" if not missing else f"newer than the guide models: {', '.join(missing)}"
    )


if __name__ == "__main__":
    main()
