"""The README's table of commands is what the declarations say."""

from pathlib import Path

from llamune.commands import registry
from llamune.commands.program import table

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- commands: made from the declarations, see tests/unit/test_readme.py -->\n", "<!-- /commands -->"


def test_the_table_of_commands_is_true() -> None:
    text = README.read_text(encoding="utf-8")
    assert BEGIN in text, f"README.md needs the table between {BEGIN!r} and {END!r}"
    written = text.partition(BEGIN)[2].partition(END)[0]
    assert written.strip() == table(registry()).strip(), (
        "the table there is old: take the right side of this comparison"
    )
