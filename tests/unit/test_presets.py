"""Presets: the six that ship have the promised values; a user's file wins, and a wrong one is named and left out."""

import os
from pathlib import Path

import pytest

from llamune import files, presets, settings
from llamune.errors import SettingsError, UsageError
from llamune.i18n import LANGUAGES
from llamune.paths import Paths, shipped
from llamune.recommend import Sets
from llamune.state import State


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "presets"
    made.mkdir()
    return made


def test_the_shipped_presets_are_those_of_requirement_p1():
    found = presets.load([shipped("presets")])
    assert found.problems == ()
    assert {name: preset.options.given() for name, preset in found.presets.items()} == {
        "balanced": {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "repeat_penalty": 1.1},
        "creative": {"temperature": 1.0, "top_p": 0.95, "top_k": 50, "repeat_penalty": 1.0},
        "fast": {"temperature": 0.3, "top_p": 0.85, "top_k": 30, "repeat_penalty": 1.2},
        "code": {"temperature": 0.2, "top_p": 0.9},
        "technical": {"temperature": 0.5},
        "default": {},
    }
    for preset in found.presets.values():
        assert preset.purpose
        assert set(preset.description) == set(preset.hint) == set(LANGUAGES)


def test_a_later_folder_wins_and_adds(folder: Path):
    (folder / "fast.toml").write_text("options.max_tokens = 100\n")
    (folder / "要約.toml").write_text("options.seed = 1\ndescription.ja = '要約用'\n", encoding="utf-8")
    found = presets.load([shipped("presets"), folder, folder / "missing"])
    assert found.problems == ()
    assert found.get("fast").options.given() == {"num_predict": 100}
    assert found.get("要約").description == {"ja": "要約用"}
    assert found.get("balanced").options.top_k == 40


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("options.temprature = 1", "temprature", "temperature"),
        ("options.temperature = 2.1", "temperature cannot be 2.1", "from 0 to 2"),
        ("options.temperature = nan", "temperature cannot be nan", "from 0 to 2"),
        ("options.top_k = 1.5", "top_k cannot be 1.5", "a whole number from 1 to 100"),
        ("options.top_k = true", "top_k cannot be True", "from 1 to 100"),
        ("options.temperature = 1e400", "temperature cannot be inf", "from 0 to 2"),
        ("options.temperature = -1", "temperature cannot be -1", "from 0 to 2"),
        ("options.temperature = 'hot'", "temperature cannot be hot", "from 0 to 2"),
        ("options.temperature = '０．５'", "temperature cannot be ０．５", "from 0 to 2"),
        ("options.top_k = '1_0'", "top_k cannot be 1_0", "a whole number"),
        ("options.num_ctx = 4096", "num_ctx", "num_predict"),
        ("temperature = 1", "temperature", "options.temperature"),
        ("purposes = 'x'", "purposes", "purpose"),
        ("purpose = 1", "purpose has the wrong type", "a text"),
        ("description = 'x'", "description has the wrong type", "description.en"),
        ("description.jp = 'x'", "description.jp", "description.ja"),
        ("hint.en = 1", "hint.en has the wrong type", "a text"),
        ("options = 1", "options has the wrong type", "temperature"),
        ("options.max_tokens = 50\noptions.num_predict = 60", "max_tokens and num_predict", ""),
        ("options.top_k = ", "not valid TOML", ""),
    ],
)
def test_a_wrong_file_is_named_and_left_out_and_the_others_work(folder: Path, text: str, message: str, hint: str):
    (folder / "fast.toml").write_text(text)
    (folder / "mine.toml").write_text("options.top_k = 3")
    found = presets.load([shipped("presets"), folder])
    (problem,) = found.problems
    assert str(folder / "fast.toml") in problem.message
    assert message in problem.message
    assert hint in problem.hint
    assert found.get("fast").options.top_k == 30  # the shipped one holds
    assert found.get("mine").options.top_k == 3


def test_everything_wrong_in_one_file_is_said_at_once(folder: Path):
    (folder / "a.toml").write_text("x = 1\noptions.top_p = 2\noptions.y = 1")
    assert len(presets.load([folder]).problems) == 3
    lines = '# y = 1\n[options]\ntop_p = 0.5\n"top_k" = 0\nmin_p = nan # seed = 1\nseed = "hot"\n'
    (folder / "a.toml").write_text(lines, encoding="utf-8")
    told = [problem.message for problem in presets.load([folder]).problems]
    assert [said.partition(f"{folder / 'a.toml'}, ")[2].partition(":")[0] for said in told] == [
        "line 4", "line 5", "line 6",
    ]  # fmt: skip


def test_files_that_cannot_be_read_are_named(folder: Path):
    (folder / "a.toml").mkdir()
    (folder / "b.toml").write_bytes(b"\xff")
    (folder / "c d.toml").write_text("")
    os.mkfifo(folder / "d.toml")
    (folder / "e.toml").symlink_to("/dev/zero")
    (folder / "f.toml").write_bytes(b"#" * (files.LARGEST + 1))
    (folder / "g.toml").symlink_to("nowhere")
    (folder / "h.toml").write_text("a = " + "[" * 5000)
    (folder / "fine.toml").write_text("options.top_k = 3")
    found = presets.load([folder])
    assert list(found.presets) == ["fine"]
    told = [p.message for p in found.problems]
    assert [name in t for name, t in zip(["a", "b", "c d", *"defgh"], told, strict=True)] == [True] * 8


@pytest.mark.parametrize("name", ["settings", "state", "trusted"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(paths: Paths, name: str) -> None:
    paths.recommended.mkdir()
    place = {"settings": paths.settings, "state": paths.state, "trusted": paths.recommended / "trusted.txt"}[name]
    os.mkfifo(place)
    if name == "settings":
        with pytest.raises(SettingsError, match="no file"):
            settings.load(paths)
        with pytest.raises(SettingsError, match="no file"):
            settings.set_value(paths, "preset", "fast")
    assert State.load(paths.state) == State(paths.state)
    assert Sets(shipped("presets") / "recommended", paths.recommended).trusted() == set()


def test_an_unknown_preset_names_the_near_ones():
    found = presets.load([shipped("presets")])
    with pytest.raises(UsageError) as caught:
        found.get("balansed")
    assert "balansed" in caught.value.message
    assert "balanced" in caught.value.hint
