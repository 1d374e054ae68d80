"""A chat in the invented network. Only to be run inside `outside.py`.

python talking.py SETTINGS VARIABLES LINE …    SETTINGS: TOML; VARIABLES: of the environment, as JSON
prints what the chat printed and the entries of its evidence, as one line of JSON
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def main(settings: str, variables: dict[str, str], lines: list[str]) -> None:
    home = Path(os.environ["LLAMUNE_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    (home / "settings.toml").write_text(f"start_ollama = false\nsuggest_titles = false\n{settings}\n", encoding="utf-8")
    (home / ".netrc").write_text("default login me password secret\n")
    done = subprocess.run(
        [sys.executable, "-m", "llamune", "chat", "--scripted"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=90,
        env={**os.environ, "HOME": str(home), **variables},
    )  # fmt: skip
    assert not done.returncode, done.stderr
    log = (home / "evidence" / "network.log").read_text().splitlines()
    entries = [json.loads(line.partition(" ")[2]) for line in log]
    print(json.dumps({"out": done.stdout, "entries": entries}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:])
