"""Makes the virtual environment, or says what this machine lacks. Runs on any Python 3, so that an old one hears why.

Usage: python3 tools/make_venv.py FOLDER
"""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
NAMES = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")
PROBE = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {OLDEST})"


def works(program):
    """Can this interpreter make an environment that Llamune runs in?"""
    probe = subprocess.run([program, "-c", PROBE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return probe.returncode == 0


def main(folder):
    found = next((p for p in (sys.executable, *filter(None, map(shutil.which, NAMES))) if works(p)), None)
    if found is None:
        version = f"{OLDEST[0]}.{OLDEST[1]}"
        sys.exit(
            f"Llamune needs Python {version} or newer with its venv and ensurepip modules; none was found.\n"
            "  Debian, Ubuntu:  sudo apt install python3-venv\n"
            f"  Fedora, RHEL:    sudo dnf install python{version}\n"
            "  macOS:           brew install python\n"
            "Another interpreter: make PYTHON=/path/to/python chat"
        )
    if subprocess.run([found, "-m", "venv", "--clear", folder]).returncode:
        shutil.rmtree(folder, ignore_errors=True)
        sys.exit(f"{found} could not make {os.path.abspath(folder)}; what it said is above.")


if __name__ == "__main__":
    main(sys.argv[1])
