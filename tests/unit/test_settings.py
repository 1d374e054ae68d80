"""Settings: where a value comes from, what is refused and how it is said, and what writing leaves alone."""

import os
from pathlib import Path

import pytest

from llamune import settings
from llamune.address import Address
from llamune.errors import SettingsError
from llamune.paths import Paths


def write(paths: Paths, text: str) -> None:
    paths.settings.write_text(text, encoding="utf-8")


def test_without_a_file_every_value_is_its_default(paths: Paths):
    found = settings.load(paths)
    assert {key: getattr(found, key) for key in settings.DECLARED} == {
        key: declared.default for key, declared in settings.DECLARED.items()
    }
    assert {found.origin(key) for key in settings.DECLARED} == {"default"}


def test_flag_beats_environment_beats_file(paths: Paths):
    write(paths, 'ollama_host = "file:1"\nmodel = "from-file"\nlanguage = "en"\n')
    environment = {"OLLAMA_HOST": "variable:2"}
    found = settings.load(paths, {"language": "ja", "model": None}, environment)
    assert (found.ollama_host, found.origin("ollama_host")) == ("http://variable:2", "environment")
    assert (found.model, found.origin("model")) == ("from-file", "file")
    assert (found.language, found.origin("language")) == ("ja", "flag")
    found = settings.load(paths, {"ollama_host": "flag:3"}, environment)
    assert (found.ollama_host, found.origin("ollama_host")) == ("http://flag:3", "flag")


def test_the_process_environment_is_read_and_an_empty_variable_says_nothing(paths: Paths, monkeypatch):
    write(paths, 'ollama_host = "file:1"\n')
    monkeypatch.setenv("OLLAMA_HOST", "here:5")
    assert settings.load(paths).ollama_host == "http://here:5"
    monkeypatch.setenv("OLLAMA_HOST", " ")
    assert settings.load(paths).ollama_host == "http://file:1"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("127.0.0.1", "http://127.0.0.1:11434"),
        (":8080", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:9", "http://127.0.0.1:9"),
        ("[::]:9", "http://[::1]:9"),
        ("::1", "http://[::1]:11434"),
        ("gpu.lan:11434/", "http://gpu.lan:11434"),
        ('"gpu.lan"', "http://gpu.lan:11434"),
        ("http://gpu.lan", "http://gpu.lan:80"),
        ("https://gpu.lan/ollama/", "https://gpu.lan:443/ollama"),
        ("http://gpu.lan:1/a:b/", "http://gpu.lan:1/a%3Ab"),
        ("[::]", "http://[::1]:11434"),
        (" localhost ", "http://localhost:11434"),
    ],
)
def test_an_address_is_understood_as_ollama_spells_it(text: str, url: str):
    assert Address.parse(text).url == url
    assert Address.parse(url).url == url


@pytest.mark.parametrize(
    "text",
    ["ftp://x", "x:99999", "x:0", "x:ten", "a b", "http://u:p@x", "http://x?q=1", "[::1", "x\r\nHost: y", "x\x1b[2J"],
)
def test_what_is_no_address_is_refused(paths: Paths, text: str):
    with pytest.raises(SettingsError) as caught:
        settings.load(paths, environment={"OLLAMA_HOST": text})
    assert caught.value.message.startswith("OLLAMA_HOST: ")
    assert "http://127.0.0.1:11434" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("langage = 'ja'", "langage", "language"),
        ("language = 'fr'", "language cannot be 'fr'", "one of auto, en, ja"),
        ("start_ollama = 'yes'", "start_ollama cannot be 'yes'", "true or false"),
        ("embedded_idle = -1", "embedded_idle cannot be -1", "from 0 to 86400"),
        ("embedded_idle = true", "embedded_idle cannot be True", "a whole number"),
        ("ambiguous_width = 3", "ambiguous_width cannot be 3", "one of 1, 2"),
        ("model = 3", "model cannot be 3", "a text"),
        ("[model]\nname = 'x'", "model cannot be", "a text"),
        ("language = ja", "not valid TOML", 'key = "text"'),
    ],
)
def test_what_is_wrong_in_the_file_is_named(paths: Paths, text: str, message: str, hint: str):
    write(paths, text)
    with pytest.raises(SettingsError) as caught:
        settings.load(paths)
    assert str(paths.settings) in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_is_not_text_is_named(paths: Paths):
    paths.settings.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"settings\.toml is not valid TOML"):
        settings.load(paths)


def test_a_mark_in_front_of_the_file_is_no_error(paths: Paths):
    paths.settings.write_bytes(b"\xef\xbb\xbflanguage = 'ja'\r\n")
    assert settings.load(paths).language == "ja"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("language", "JA", "ja"),
        ("start_ollama", "off", False),
        ("start_ollama", "Yes", True),
        ("embedded_idle", "60", 60),
        ("ambiguous_width", "2", 2),
        ("ollama_host", "0.0.0.0", "http://127.0.0.1:11434"),
        ("model", ' qwen3:8b "x" \\ ', 'qwen3:8b "x" \\'),
    ],
)
def test_what_is_written_is_read_again(paths: Paths, key: str, text: str, value: object):
    assert settings.set_value(paths, key, text) == value
    found = settings.load(paths)
    assert (getattr(found, key), found.origin(key)) == (value, "file")


def test_writing_keeps_comments_and_other_keys_and_is_private(paths: Paths):
    write(paths, '# mine\nmodel = "a"  # the good one\nfrom_the_future = 1\n')
    settings.set_value(paths, "language", "ja")
    settings.set_value(paths, "model", "b")
    assert paths.settings.read_text(encoding="utf-8") == (
        '# mine\nmodel = "b"  # the good one\nfrom_the_future = 1\nlanguage = "ja"\n'
    )
    assert os.stat(paths.settings).st_mode & 0o077 == 0
    assert [p.name for p in paths.home.iterdir()] == ["settings.toml"]


def test_taking_a_key_out_brings_the_default_back(paths: Paths):
    settings.set_value(paths, "embedded_idle", "60")
    assert settings.set_value(paths, "embedded_idle", None) == 300
    assert settings.load(paths).origin("embedded_idle") == "default"


def test_a_home_that_is_not_there_yet_is_made(home: Path):
    settings.set_value(Paths(home), "language", "ja")
    assert settings.load(Paths(home)).language == "ja"


def test_a_wrong_value_or_a_damaged_file_writes_nothing(paths: Paths):
    write(paths, 'model = "a"\n')
    for key, text in (("embedded_idle", "soon"), ("embedded_idel", "1")):
        with pytest.raises(SettingsError, match="embedded_id"):
            settings.set_value(paths, key, text)
    assert paths.settings.read_text() == 'model = "a"\n'
    write(paths, "model = \n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        settings.set_value(paths, "model", "b")
    assert paths.settings.read_text() == "model = \n"


def test_a_link_stays_a_link(paths: Paths, tmp_path: Path):
    real = tmp_path / "dotfiles.toml"
    real.write_text("")
    paths.settings.symlink_to(real)
    settings.set_value(paths, "language", "ja")
    assert paths.settings.is_symlink()
    assert 'language = "ja"' in real.read_text()


def test_a_folder_in_the_way_is_an_error_that_names_it(paths: Paths):
    paths.settings.mkdir()
    for act in (lambda: settings.load(paths), lambda: settings.set_value(paths, "language", "ja")):
        with pytest.raises(SettingsError, match=r"settings\.toml cannot be read"):
            act()


def test_a_home_that_is_a_file_is_an_error_that_names_it(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be"):
        settings.set_value(Paths(tmp_path / "file"), "language", "ja")


def test_every_default_obeys_its_own_declaration_and_describes_itself():
    for declared in settings.DECLARED.values():
        assert declared.check(declared.default) == declared.default
        assert declared.describe()
        assert declared.expected
