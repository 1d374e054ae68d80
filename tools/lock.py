"""Writes constraints/NAME.txt: the exact versions that each extra was resolved to on this machine.

Asks pip what it would install and installs nothing, so that extras of several gigabytes cost only a look. Versions
are written without the local part ("+cpu"), names of hosts and folders are not written at all.

Usage: python tools/lock.py [NAME …]        (default: all)
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXTRAS = ("base", "dev", "read", "rag", "embed", "finetune")


def resolve(extra: str) -> dict[str, str]:
    """Name → version of everything that `pip install llamune[extra]` would install here."""
    target = "." if extra == "base" else f".[{extra}]"
    command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--ignore-installed", "--report", "-", target]
    if extra != "base":  # what the extras share with the base has the same version everywhere
        command += ["-c", "constraints/base.txt"]
    report = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    found = (item["metadata"] for item in report["install"])
    return {normal(m["name"]): m["version"].partition("+")[0] for m in found if m["name"] != "llamune"}


def normal(name: str) -> str:
    """The package's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(extras: list[str]) -> None:
    for extra in extras:
        versions = resolve(extra)
        lines = [f"# pip install -c constraints/{extra}.txt …; made by `make lock`\n"]
        lines += [f"{name}=={versions[name]}\n" for name in sorted(versions)]
        (ROOT / "constraints" / f"{extra}.txt").write_text("".join(lines), encoding="utf-8")
        print(f"{extra}: {len(versions)} packages")


if __name__ == "__main__":
    main(sys.argv[1:] or list(EXTRAS))
