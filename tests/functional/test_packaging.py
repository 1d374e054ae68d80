"""The wheel carries everything that the checkout has, and the program finds it in either place."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from llamune import paths, presets

ROOT = Path(__file__).parents[2]
LOOK = """
import sys
sys.path.insert(0, {folder!r})
from llamune import i18n, paths, presets
i18n.install("ja")
print(paths.__file__, paths.shipped("presets"), paths.shipped("migrations"))
print(*presets.load([paths.shipped("presets")]).presets)
print(i18n._("There is no setting called {{key}}."))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, unpacked as an installation would."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def relative(folder: Path, *, suffixes: tuple[str, ...] = ()) -> set[str]:
    """The files under `folder`, with caches left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in files if not suffixes or path.suffix in suffixes}


def test_the_wheel_holds_the_package_the_presets_and_the_migrations(unpacked: Path):
    for name in ("presets", "migrations"):
        assert relative(unpacked / "llamune" / name) == relative(ROOT / name)
    carried = relative(unpacked / "llamune", suffixes=(".py", ".mo", ".gguf", ".toml"))
    assert relative(ROOT / "llamune", suffixes=(".py", ".mo", ".gguf", ".toml")) <= carried
    assert {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")} == {"llamune"}
    assert list(unpacked.glob("*.dist-info/licenses/LICENSE"))


def test_the_unpacked_wheel_finds_what_it_carries(unpacked: Path, tmp_path: Path):
    look = [sys.executable, "-X", "utf8", "-c", LOOK.format(folder=str(unpacked))]
    found = subprocess.run(look, cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout
    where, names, text = found.splitlines()
    inside = unpacked / "llamune"
    assert where.split() == [str(inside / name) for name in ("paths.py", "presets", "migrations")]
    assert set(names.split()) == set(presets.load([ROOT / "presets"]).presets)
    assert not text.isascii()


def test_the_checkout_finds_them_beside_the_package():
    assert paths.shipped("presets") == ROOT / "presets"
    assert paths.shipped("migrations") == ROOT / "migrations"
    assert (ROOT / "migrations" / "env.py").is_file()
