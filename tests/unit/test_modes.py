"""Mode files: what they say, and what is wrong with one."""

from pathlib import Path

import pytest

from llamune import i18n, modes
from llamune.errors import SettingsError, UsageError
from llamune.i18n import LANGUAGES
from llamune.paths import shipped


def test_the_shipped_modes_say_all_in_every_language() -> None:
    found = modes.load([shipped("modes")])
    assert found.problems == ()
    assert set(found.modes) == {"reasoning", "coding", "audit", "legal-contract"}
    for mode in found.modes.values():
        for texts in (mode.description, mode.greeting, mode.system):
            assert set(texts) == set(LANGUAGES), mode.name
        assert not mode.prompts or set(mode.prompts) == set(LANGUAGES)


def test_ones_own_wins_and_a_broken_file_names_its_place(tmp_path: Path) -> None:
    (tmp_path / "audit.toml").write_text('preset = "fast"\ndescription.ja = "自分の"\n', encoding="utf-8")
    (tmp_path / "broken.toml").write_text("x = [\n", encoding="utf-8")
    (tmp_path / "wrong.toml").write_text('lineup = "a"\nmodles = []\n', encoding="utf-8")
    (tmp_path / "folder.toml").mkdir()
    found = modes.load([shipped("modes"), tmp_path])
    assert found.modes["audit"].preset == "fast"
    assert "coding" in found.modes
    told = {Path(p.message.partition(".toml")[0]).name: p for p in found.problems}
    assert set(told) == {"broken", "wrong", "folder"}
    assert str(tmp_path / "broken.toml") in told["broken"].message
    assert "no key called modles" in told["wrong"].message
    assert "lineup has the wrong type" in told["wrong"].message
    assert "models" in told["wrong"].hint


@pytest.mark.parametrize(
    "data", [b"prompts = []", b'prompts.de = ["x"]', b"prompts.en = [1]", b'system = "x"', b"preset = 1", b"\xff"]
)
def test_what_is_wrong(data: bytes) -> None:
    with pytest.raises(SettingsError, match=r"^here\.toml"):
        modes.checked("here", data, "here.toml")


def test_texts_follow_the_language() -> None:
    assert modes.told({"en": "a", "ja": "あ"}, "") == "a"
    i18n.install("ja")
    assert (modes.told({"en": "a", "ja": "あ"}, ""), modes.told({"en": "a"}, ""), modes.told({}, "-")) == (
        "あ",
        "a",
        "-",
    )


def test_names(tmp_path: Path) -> None:
    found = modes.load([shipped("modes")])
    assert found.get("leg").name == "legal-contract"
    with pytest.raises(UsageError, match="no mode called audti"):
        found.get("audti")
    for name in ("", "a b", "../x", ".x", "a\nb"):
        with pytest.raises(UsageError, match="cannot be called"):
            modes.write(tmp_path, name, "")


def test_what_is_not_here_is_told() -> None:
    mode = modes.Mode("m", corpora=("rules", "gone"), models=("absent", "gem"), preset="nix", system={"en": "S"})
    changes, missing = mode.applied(["gemma3:4b", "qwen3"], ["balanced"], ["rules"])
    assert changes == {"model": "gemma3:4b", "system": "S", "corpora": ("rules",)}
    assert missing == ["gone", "nix"]
