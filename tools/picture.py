"""Pictures of the real program for the README: runs it in a pseudo-terminal, types keys, draws the last screen as SVG.

    python tools/picture.py             every scene, into docs/
    python tools/picture.py chat-ja     one of them

A scene waits for texts, never for times, so that a slow machine gives the same picture. Every run of characters is
stretched to its columns, so that Japanese stays on the grid whatever fonts the reader has. It draws what a terminal
shows at one moment: no animation, no scrollback.
"""

import codecs
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import pyte
from pyte.screens import Char

ROOT = Path(__file__).parent.parent
CELL, LINE, PAD, BAR = 8.4, 17, 14, 30  # a column, a row, the margin, the window's title bar; pixels
FONTS = "ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,'Noto Sans Mono CJK JP','MS Gothic',monospace"
PAPER, INK, FAINT = "#14171c", "#d8dee6", "#7f8894"
COLOURS = dict(
    zip(
        ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white"),
        ("#30363d", "#f2777a", "#8ccf7e", "#e5c76b", "#6cb0f0", "#c792ea", "#6fd3d8", INK),
        strict=True,
    )
) | {"dim": FAINT, "brightblack": FAINT, "brightwhite": "#ffffff"}


class Step(NamedTuple):
    """Waits until `wait` is on the screen, then types `keys`."""

    wait: str
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A program to run, and what to type when; the picture is taken when the last step's text is there."""

    command: Sequence[str]
    steps: Sequence[Step]
    columns: int = 88
    rows: int = 18
    environment: Mapping[str, str] = field(default_factory=dict)
    title: str = "llamune"


LLAMUNE = (str(Path(sys.executable).with_name("llamune")), "chat")
ENGLISH = {"LANG": "en_US.UTF-8", "LC_ALL": "", "LC_MESSAGES": "", "OLLAMA_HOST": "127.0.0.1:9"}  # no server there
JAPANESE = ENGLISH | {"LANG": "ja_JP.UTF-8"}
NEXT_QUARTER = (  # of no meaning: the shipped set with a few changes, to show what a new one looks like
    *("sh", "-c"),
    'mkdir -p "$LLAMUNE_HOME/recommended" && sed -e s/2026-Q4/2027-Q1/ -e s/gemma4:12b/gemma4:12b-it-qat/ '
    "-e 's/temperature = 0.2/temperature = 0.1/' presets/recommended/2026-Q4.toml "
    '> "$LLAMUNE_HOME/recommended/2027-Q1.toml" && exec "$0" "$@"',
)
SCENES: Mapping[str, Scene] = {
    "chat": Scene(
        LLAMUNE,
        (
            Step("│ traffic", "How do I compare models?\r"),
            Step("tokens/s", "how can I bring back a deleted chat?\r"),
            Step("/restore"),
            Step("0 B"),
        ),
        environment=ENGLISH,
    ),
    "compare-ja": Scene(
        LLAMUNE,
        (
            Step("通信量", "消した会話を元に戻すには?\r"),
            Step("トークン/秒", "/retry guide:5m guide:1m/fast\r"),
            Step("調べたもの"),
        ),
        columns=108,
        rows=24,
        environment=JAPANESE,
    ),
    "recommend-ja": Scene(
        (*NEXT_QUARTER, *LLAMUNE),
        (Step("通信量", "/recommend\r"), Step("FILE.gguf --name", "/models\r"), Step("/switch 番号")),
        columns=100,
        rows=34,
        environment=JAPANESE,
    ),
    "sources-ja": Scene(
        (*LLAMUNE, "--scripted", "-m", "scripted:cite"),  # no tiny model reads documents
        (
            Step("通信量", "/knowledge on rules\r"),
            Step("/knowledge off", "国内出張の日当はいくらですか\r"),
            Step("/sources", "/sources\r"),
            Step("/sources hits", "役員の退職金は?\r"),
            Step("/retry none"),
        ),
        columns=88,
        rows=26,
        environment=JAPANESE,
    ),
}


class Screen(pyte.Screen):
    """A screen that also knows faint text, as a colour of its own."""

    def select_graphic_rendition(self, *attrs: int, **rest: object) -> None:
        super().select_graphic_rendition(*attrs, **rest)
        for code in plain_codes(attrs):
            if code == 2:
                self.cursor.attrs = self.cursor.attrs._replace(fg="dim")
            elif code == 22 and self.cursor.attrs.fg == "dim":
                self.cursor.attrs = self.cursor.attrs._replace(fg="default")


def plain_codes(attrs: Sequence[int]) -> Iterator[int]:
    """The codes of one style sequence, without the numbers that belong to a colour (38;5;N, 48;2;R;G;B)."""
    rest = iter(attrs)
    for code in rest:
        if code in (38, 48):
            for _number in range(1 if next(rest, 0) == 5 else 3):
                next(rest, 0)
        else:
            yield code


def lines(screen: pyte.Screen) -> list[str]:
    """The text of every row."""
    return ["".join(screen.buffer[y][x].data for x in range(screen.columns)).rstrip() for y in range(screen.lines)]


def take(scene: Scene, timeout_s: float = 60.0) -> Screen:
    """The screen at the end of the scene. Raises TimeoutError that shows the screen where a text did not come."""
    screen = Screen(scene.columns, scene.rows)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", scene.rows, scene.columns, 0, 0))
    known = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    program = subprocess.Popen(
        scene.command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=os.environ | known | scene.environment,
        start_new_session=True,
    )
    try:
        os.close(theirs)
        play(scene.steps, screen, ours, timeout_s)
    finally:
        program.terminate()
        os.close(ours)
        program.wait()
    return screen


def play(steps: Sequence[Step], screen: Screen, terminal: int, timeout_s: float) -> None:
    """Goes through `steps`; a text counts when it came after the keys of the step before and the program is quiet."""
    stream, decoder = pyte.Stream(screen), codecs.getincrementaldecoder("utf-8")("replace")
    seen = 0  # how often the awaited text stood there before; it must stand there once more
    for number, step in enumerate(steps):
        end = time.monotonic() + timeout_s
        while feed(screen, stream, decoder, terminal) or count(screen, step.wait) <= seen:
            if time.monotonic() > end:
                raise TimeoutError(f"{step.wait!r} did not come; the screen:\n" + "\n".join(lines(screen)))
        if step.keys:
            seen = count(screen, steps[number + 1].wait) if number + 1 < len(steps) else 0
            os.write(terminal, step.keys.encode())


def count(screen: pyte.Screen, text: str) -> int:
    return "\n".join(lines(screen)).count(text)


def feed(screen: Screen, stream: pyte.Stream, decoder: codecs.IncrementalDecoder, terminal: int) -> bool:
    """Shows what the program writes within 0.3 s; False when it wrote nothing or has left."""
    if not select.select([terminal], [], [], 0.3)[0]:
        return False
    try:
        data = os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end is closed
        return False
    stream.feed(decoder.decode(data))
    for _question in range(data.count(b"\x1b[6n")):  # where is the cursor? prompt_toolkit waits for the answer
        os.write(terminal, b"\x1b[%d;%dR" % (screen.cursor.y + 1, screen.cursor.x + 1))
    return bool(data)


def svg(screen: pyte.Screen, title: str = "") -> str:
    """The screen in a plain window; empty rows at the bottom are left out."""
    rows = max((y + 1 for y, line in enumerate(lines(screen)) if line), default=1)
    width, height = 2 * PAD + screen.columns * CELL, BAR + PAD + rows * LINE
    drawn = [part for y in range(rows) for part in row(screen, y)]
    if not screen.cursor.hidden and screen.cursor.y < rows:
        drawn.append(box(screen.cursor.x, screen.cursor.y, 1, INK, ' opacity="0.6"'))
    dots = "".join(f'<circle cx="{18 + 18 * i}" cy="15" r="5.5" fill="#4a515c"/>' for i in range(3))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}">\n'
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>{dots}\n'
        f'<text x="50%" y="20" fill="{FAINT}" font-family="sans-serif" font-size="13" text-anchor="middle">'
        f"{escape(title)}</text>\n"
        f'<g font-family="{FONTS}" font-size="14" style="white-space:pre" xml:space="preserve">\n'
        + "\n".join(drawn)
        + "\n</g>\n</svg>\n"
    )


def row(screen: pyte.Screen, y: int) -> Iterator[str]:
    """The backgrounds of one row, then its texts: one element for each run of the same look and width."""
    cells = [(x, screen.buffer[y][x]) for x in range(screen.columns) if screen.buffer[y][x].data]
    ends = [x for x, _cell in cells[1:]] + [screen.columns]
    runs = [(x, end - x, cell) for (x, cell), end in zip(cells, ends, strict=True)]
    for paper, group in groupby(runs, key=lambda r: colours(r[2])[1]):
        if paper != PAPER:
            run = list(group)
            yield box(run[0][0], y, sum(columns for _x, columns, _cell in run), paper)
    for _look, group in groupby(runs, key=lambda r: (r[2]._replace(data=""), r[1], r[2].data == " ")):
        run = list(group)
        x, _columns, cell = run[0]
        if cell.data != " " or cell.underscore or cell.strikethrough:
            text, columns = "".join(c.data for _x, _n, c in run), sum(n for _x, n, _c in run)
            yield words(x, y, columns, text, colours(cell)[0], cell)


def box(x: int, y: int, columns: int, colour: str, rest: str = "") -> str:
    return (
        f'<rect x="{PAD + x * CELL:g}" y="{BAR + y * LINE}" width="{columns * CELL:g}" height="{LINE}" '
        f'fill="{colour}"{rest}/>'
    )


def words(x: int, y: int, columns: int, text: str, colour: str, cell: Char) -> str:
    lines_through = [("underline", cell.underscore), ("line-through", cell.strikethrough)]
    style = ' font-weight="bold"' * cell.bold + ' font-style="italic"' * cell.italics
    if decoration := " ".join(name for name, wanted in lines_through if wanted):
        style += f' text-decoration="{decoration}"'
    return (
        f'<text x="{PAD + x * CELL:g}" y="{BAR + y * LINE + 13}" textLength="{columns * CELL:g}" '
        f'lengthAdjust="spacingAndGlyphs" fill="{colour}"{style}>{escape(text)}</text>'
    )


def colours(cell: Char) -> tuple[str, str]:
    """The colours of text and background."""
    ink, paper = colour(cell.fg, INK), colour(cell.bg, PAPER)
    return (paper, ink) if cell.reverse else (ink, paper)


def colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return COLOURS.get(name) or COLOURS.get(name.removeprefix("bright")) or f"#{name}"


def main(names: Sequence[str]) -> None:
    for name in names or SCENES:
        scene = SCENES[name]
        with tempfile.TemporaryDirectory() as home:
            os.environ["LLAMUNE_HOME"] = home
            drawing = svg(take(scene), scene.title)
        target = ROOT / "docs" / f"{name}.svg"
        target.parent.mkdir(exist_ok=True)
        target.write_text(drawing, encoding="utf-8")
        print(f"{target.relative_to(ROOT)}  {len(drawing) / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
