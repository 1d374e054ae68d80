"""The interface speaks both languages: every text is collected, translated, and filled with the same fields."""

import ast
import gettext
import inspect
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from llamune import errors, i18n
from tools import catalogue

PACKAGE = Path(i18n.__file__).parent
ERRORS = {name for name, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, Exception)}


def calls(*names: str) -> Iterator[tuple[str, ast.expr]]:
    """Place and first argument of every call of one of `names` in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path)):
            if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", "") in names:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node.args[0]


def test_the_japanese_catalogue_is_complete_and_compiled():
    texts = catalogue.collect()
    found = list(catalogue.problems(catalogue.read(), texts))
    found += catalogue.hidden()
    found += catalogue.stale_files(catalogue.updated(catalogue.read(), texts))
    assert not found, "run `make locale` and translate what it names:\n" + "\n".join(found)


def test_no_text_is_put_together_before_it_is_translated():
    wrong = [
        place for place, text in calls("_", "N_", "ngettext") if isinstance(text, ast.JoinedStr | ast.BinOp | ast.Call)
    ]
    assert not wrong, 'write _("… {name}").format(name=name)'


def test_what_an_error_says_is_in_the_catalogue():
    wrong = [place for place, text in calls(*ERRORS) if isinstance(text, ast.Constant) and text.value]
    assert not [place for place in wrong if not place.startswith("engine/scripted.py")]  # it plays a foreign server


def a_catalogue(**entries: str) -> Catalog:
    made = Catalog(locale="ja")
    for text, translation in entries.items():
        made.add(text.replace("_", " "), translation)
    return made


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({}, "missing: 'a {n}'"),
        ({"a_{n}": ""}, "untranslated: 'a {n}'"),
        ({"a_{n}": "あ {m}"}, "other fields: 'a {n}' 'あ {m}'"),
        ({"a_{n}": "あ {n}\n"}, "other space at an edge"),
        ({"a_{n}": "あ {n}", "gone": "去"}, "stale: 'gone'"),
    ],
)
def test_what_is_wrong_in_a_catalogue_is_found(entries: dict[str, str], problem: str):
    (found,) = catalogue.problems(a_catalogue(**entries), a_catalogue(**{"a_{n}": ""}))
    assert found.startswith(problem)


def test_a_text_that_changed_is_fuzzy_until_someone_looks():
    new = catalogue.updated(a_catalogue(The_file_is_gone="無い"), a_catalogue(The_files_are_gone=""))
    (found,) = catalogue.problems(new, a_catalogue(The_files_are_gone=""))
    assert found.startswith("fuzzy: 'The files are gone'")
    assert "無い".encode() not in catalogue.mo(new)


def test_a_translation_of_something_else_is_not_offered():
    new = catalogue.updated(a_catalogue(The_name="名前"), a_catalogue(The_game_of_it=""))
    (found,) = catalogue.problems(new, a_catalogue(The_game_of_it=""))
    assert found.startswith("untranslated: 'The game of it'")


def test_the_compiled_file_is_what_gettext_reads():
    made = a_catalogue(one="いち")
    made.add(("{n} answer", "{n} answers"), ("{n} 件の回答",))
    made.add(("left", "lefts"), ("",))
    read = gettext.GNUTranslations(io.BytesIO(catalogue.mo(made)))
    assert read.gettext("one") == "いち"
    assert {read.ngettext("{n} answer", "{n} answers", n) for n in (0, 1, 2)} == {"{n} 件の回答"}
    assert read.gettext("not there") == "not there"


def test_what_is_written_is_read_again(tmp_path: Path):
    texts = catalogue.collect()
    text = catalogue.po(catalogue.updated(catalogue.read(), texts))
    (tmp_path / "x.po").write_text(text, encoding="utf-8")
    assert catalogue.po(catalogue.updated(catalogue.read(tmp_path / "x.po"), texts)) == text


def test_a_chosen_language_is_spoken():
    text = "There is no setting called {key}."
    assert (i18n.language(), i18n._(text)) == ("en", text)
    i18n.install("ja")
    assert i18n.language() == "ja"
    assert "{key}" in i18n._(text)
    assert i18n._(text) != text


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ja"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, "ja"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_locale_chooses(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: str):
    monkeypatch.delenv("LANG")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    i18n.install("auto")
    assert i18n.language() == language
