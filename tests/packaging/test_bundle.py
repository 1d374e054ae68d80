"""`make bundle` gives a folder from which Llamune installs and runs with no package index and no checkout.

Needs the package index to collect the wheels, so it stands apart from the tests that run anywhere.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORT_ALL = """
import importlib, pkgutil, sys, llamune
for module in pkgutil.walk_packages(llamune.__path__, "llamune."):
    # __main__ runs the program; training.child is imported in a process of its own, where torch is
    if not module.name.endswith("__main__") and not module.name.startswith("llamune.training.child."):
        importlib.import_module(module.name)
print(llamune.__file__, *sorted({"torch", "transformers", "chromadb"} & set(sys.modules)))
"""


def run(*command: object, cwd: Path, **environment: str) -> str:
    """The output of a program that knows nothing of this machine's pip settings and of this checkout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept | environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "bundle"
    subprocess.run([sys.executable, ROOT / "tools" / "bundle.py", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def installed(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment, filled as the bundle's INSTALL says."""
    target = tmp_path_factory.mktemp("fresh") / "env"
    venv.create(target, with_pip=True)
    (line,) = (line for line in (bundle / "INSTALL").read_text(encoding="utf-8").splitlines() if "--no-index" in line)
    command = line.split()
    assert command[0] == "~/llamune/bin/pip"
    run(target / "bin" / "pip", *command[1:], cwd=bundle, PIP_CONFIG_FILE=os.devnull)
    return target / "bin"


def test_everything_imports_from_the_installed_copy(installed: Path, tmp_path: Path):
    found = run(installed / "python", "-I", "-c", IMPORT_ALL, cwd=tmp_path).split()
    assert found == [str(next(installed.parent.glob("lib/python*/site-packages")) / "llamune" / "__init__.py")]


def test_the_installed_program_says_its_version(installed: Path, bundle: Path, tmp_path: Path):
    version = run(installed / "llamune", "--version", cwd=tmp_path).split()[-1]
    assert (bundle / "wheels" / f"llamune-{version}-py3-none-any.whl").is_file()


def test_install_is_ten_lines_in_both_languages(bundle: Path):
    lines = (bundle / "INSTALL").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 10
    assert any(line.isascii() for line in lines)
    assert any("このフォルダ" in line for line in lines)
