"""The tools that make pictures, constraints and reports do what they say."""

import re
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement

from tools import guide_gap, lock, picture

ROOT = Path(__file__).parents[2]
PROGRAM = r"""
import sys
def write(text):
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()
write("\x1b[1;36m> \x1b[0m")
write("\x1b[2m" + input() + "\x1b[22m 日本語<&>\r\n\x1b[38;2;1;2;3;7mpaint\x1b[0m\r\nready")
input()
"""
NS = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def screen() -> picture.Screen:
    steps = (picture.Step(">", "faint ×\r"), picture.Step("ready"))
    return picture.take(picture.Scene((sys.executable, "-c", PROGRAM), steps, columns=40, rows=8), timeout_s=20)


def test_a_picture_shows_what_the_program_wrote_at_its_columns(screen: picture.Screen):
    drawn = ElementTree.fromstring(picture.svg(screen, "a <title>"))
    texts = {text.text: text for text in drawn.iter(f"{NS}text")}
    assert texts["日本語"].get("textLength") == f"{6 * picture.CELL:g}"
    after, before = texts["<&>"], texts["日本語"]
    assert float(after.get("x")) == pytest.approx(float(before.get("x")) + 6 * picture.CELL)
    assert texts["faint"].get("fill") == picture.FAINT
    assert before.get("fill") == picture.INK
    assert texts["paint"].get("fill") == picture.PAPER
    assert "#010203" in {box.get("fill") for box in drawn.iter(f"{NS}rect")}
    assert "a <title>" in texts


def test_a_text_that_does_not_come_is_told_with_the_screen():
    scene = picture.Scene((sys.executable, "-c", "input('only this')"), (picture.Step("other"),), rows=4)
    with pytest.raises(TimeoutError, match=r"'other' did not come(.|\n)*only this"):
        picture.take(scene, timeout_s=1)


def test_colours_are_no_style_codes():
    assert list(picture.plain_codes([38, 5, 2, 1, 48, 2, 22, 2, 2, 4])) == [1, 4]
    assert list(picture.plain_codes([0, 2, 22])) == [0, 2, 22]


def test_a_command_that_no_card_mentions_is_newer(tmp_path: Path):
    (tmp_path / "card.md").write_text("It knows /models, `/switch`; see https://x/retry and models/rewind")
    (tmp_path / "model.gguf").write_bytes(b"\xff")
    assert guide_gap.known(tmp_path) == {"models", "switch"}


def declared() -> dict[str, list[Requirement]]:
    """What pyproject.toml asks for: by extra, and "base"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"base": project["dependencies"], **project["optional-dependencies"]}
    return {name: [Requirement(line) for line in lines] for name, lines in groups.items()}


def test_every_extra_has_constraints_that_name_versions_and_no_places():
    assert set(declared()) == set(lock.EXTRAS) == {path.stem for path in (ROOT / "constraints").glob("*.txt")}
    base = (ROOT / "constraints" / "base.txt").read_text().splitlines()[1:]
    for extra, wanted in declared().items():
        first, *lines = (ROOT / "constraints" / f"{extra}.txt").read_text().splitlines()
        assert first.startswith("# ")
        assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []
        versions = dict(line.split("==") for line in lines)
        for requirement in wanted:
            if requirement.name == "llamune":  # another extra, whose packages come along
                (within,) = requirement.extras
                assert set((ROOT / "constraints" / f"{within}.txt").read_text().splitlines()[1:]) <= set(lines)
                continue
            assert requirement.specifier.contains(versions[lock.normal(requirement.name)]), requirement
        assert set(base) <= set(lines)
