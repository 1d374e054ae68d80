"""What a static graph cannot see: what is really loaded when the first prompt stands on the screen."""

import subprocess
import sys

HEAVY = {
    *("torch", "transformers", "chromadb", "sentence_transformers"),
    *("sqlmodel", "sqlalchemy", "alembic", "pydantic"),
    *("ollama", "httpx", "xllamacpp", "rich", "tomlkit"),
}
FIRST_PROMPT = f"""
import asyncio, sys
import llamune.cli
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from llamune import paths, settings
from llamune.app import App
from llamune.errors import LlamuneError
from llamune.shell.repl import Repl

class Painted(App):
    async def open(self):  # called when the first prompt has been painted
        print("loaded:", *sorted({HEAVY!r} & set(sys.modules)), flush=True)
        raise LlamuneError("this is far enough")

async def main():
    where = paths.find()
    where.make()
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("x")  # this output asks nothing back, so only a key makes the prompt paint once more
        await Repl(Painted(settings.load(where), where)).run()

asyncio.run(main())
"""


def test_nothing_heavy_is_loaded_at_the_first_prompt():
    done = subprocess.run([sys.executable, "-c", FIRST_PROMPT], capture_output=True, text=True, timeout=60)
    assert "loaded:" in done.stdout, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("loaded:")] == ["loaded:"]
