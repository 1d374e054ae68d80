"""A chat with /web in the invented intranet. Only to be run inside `outside.py` with `intranet_far.py` at the far end.

python browsing.py SEALED LINE …    prints what the chat printed and what its evidence says, as one line of JSON
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from llamune.settings import DECLARED

SITES = "http://wiki.corp/search?q={query} http://docs.corp/sitemap.xml http://moving.corp/search?q={query}"


def main(sealed: str, lines: list[str]) -> None:
    home = Path(os.environ["LLAMUNE_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    seal = f'sealed = "{sealed}"\n' if "sealed" in DECLARED else ""
    (home / "settings.toml").write_text(
        f'start_ollama = false\nsuggest_titles = false\nintranet = "{SITES}"\n{seal}', encoding="utf-8"
    )
    os.environ["http_proxy"] = os.environ["ALL_PROXY"] = "http://203.0.113.66:80"
    (home / ".netrc").write_text("machine wiki.corp login me password secret\n")
    done = subprocess.run(
        [sys.executable, "-m", "llamune", "chat", "--scripted", "-m", "scripted:echo"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=90,
        env={**os.environ, "HOME": str(home)},
    )  # fmt: skip
    assert not done.returncode, done.stderr
    log = (home / "evidence" / "network.log").read_text().splitlines()
    print(json.dumps({"out": done.stdout, "err": done.stderr, "end": json.loads(log[-2].partition(" ")[2])}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
