"""Writes a folder that Llamune can be installed from on a machine without any network.

Usage: python tools/bundle.py FOLDER

The folder holds a wheel of Llamune, a wheel of each thing the base install needs (at the versions of
constraints/base.txt) and INSTALL, which says the rest. Compiled wheels fit one system and one Python
version: those of the interpreter that runs this. Extras are not in it.
"""

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
INSTALL = """\
Llamune {version}: installing without a network / ネットワークなしでの導入
For / 対象: {system}, Python {python}

1. Copy this folder to the machine.        このフォルダごと対象の機械へコピーします。
2. In this folder:                         このフォルダの中で:
       python{python} -m venv ~/llamune
       ~/llamune/bin/pip install --no-index --find-links wheels llamune=={version}
3. Start / 起動:  ~/llamune/bin/llamune
   A small demonstration model is inside; real models: start Ollama, or llamune models import FILE.gguf
   試用の小さなモデルが入っています。本格的なモデルは Ollama か llamune models import FILE.gguf で使えます。
"""


def wheels(folder: Path) -> None:
    """Fills `folder` with a wheel of Llamune and of everything it needs."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q"]
    command += ["-c", str(ROOT / "constraints" / "base.txt"), "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True)


def install_text(version: str) -> str:
    """What INSTALL says."""
    system = f"{platform.system()} {platform.machine()}"
    return INSTALL.format(version=version, system=system, python=".".join(platform.python_version_tuple()[:2]))


def main(target: Path) -> None:
    shutil.rmtree(target / "wheels", ignore_errors=True)  # a wheel of an older version would be offered too
    (target / "wheels").mkdir(parents=True)
    wheels(target / "wheels")
    version = re.search(r'__version__ = "(.*)"', (ROOT / "llamune" / "__init__.py").read_text(encoding="utf-8"))[1]
    (target / "INSTALL").write_text(install_text(version), encoding="utf-8")
    size = sum(path.stat().st_size for path in (target / "wheels").iterdir())
    print(f"{target}: {len(list((target / 'wheels').iterdir()))} wheels, {size / 1e6:.0f} MB; see {target / 'INSTALL'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
