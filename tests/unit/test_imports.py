"""What a static graph cannot see: what is really loaded when the first prompt stands on the screen."""

import subprocess
import sys

HEAVY = {
    *("torch", "transformers", "chromadb", "sentence_transformers"),
    *("sqlmodel", "sqlalchemy", "alembic", "pydantic", "cryptography"),
    *("ollama", "httpx", "xllamacpp", "rich", "tomlkit"),
}
FIRST_PROMPT = f"""
import sys
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
import llamune.cli.chat
from llamune.errors import LlamuneError
from llamune.shell import front

async def first_paint(load):  # called when the first prompt has been painted
    print("loaded:", *sorted({HEAVY!r} & set(sys.modules)), flush=True)
    raise LlamuneError("this is far enough")

front.in_thread = first_paint
sys.stdin.isatty = sys.stdout.isatty = lambda: True
with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
    sys.exit(llamune.cli.main(["chat"]))
"""


def test_nothing_heavy_is_loaded_at_the_first_prompt():
    done = subprocess.run([sys.executable, "-c", FIRST_PROMPT], capture_output=True, text=True, timeout=60)
    assert "loaded:" in done.stdout, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("loaded:")] == ["loaded:"]
