"""The one place where characters reach the terminal: what is printed for good, and what may still change.

`PromptScreen` keeps a prompt_toolkit prompt open for the whole run; all is printed through `above`. For pipes and dumb
terminals there is another one in plain.py.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, AnyFormattedText
from prompt_toolkit.layout.containers import ConditionalContainer, HSplit, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension, to_dimension
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.styles import Style as PromptStyle

ROWS = 100  # of a long text that are printed in one step
SHORTEST = 0.016  # seconds between two redraws that were only asked for: nobody sees more than 60 a second
RESERVED = 6  # rows that the preview leaves to the input, the toolbar and what stands above
TOOLBAR_STYLE = PromptStyle.from_dict(  # no full-width background: it leaves stray rows when the terminal reflows
    {"bottom-toolbar": "noreverse", "bottom-toolbar.text": "noreverse", "auto-suggestion": "ansibrightblack"}
)
# What turns the direction of writing: one that was pasted would show another line than the one that is sent.
TURNS = dict.fromkeys((0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")


class Unturned(Processor):
    """Draws the bidirectional controls in the input as signs that can be seen; what is typed stays as it is."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        return Transformation([(one[0], one[1].translate(TURNS)) for one in transformation_input.fragments])


class Screen(Protocol):
    """A place to print to."""

    @property
    def columns(self) -> int: ...
    @property
    def live(self) -> bool:
        """Whether rows can be shown that still change."""
        ...

    def above(self, text: str, *, within: float = 0.0) -> None:
        """Prints text for good; it ends with a newline or gets one. `within`: seconds it may wait for more."""
        ...

    def preview(self, rows: Sequence[str]) -> None:
        """Shows rows (ANSI) that may still change, in place of the last ones."""
        ...

    @property
    def room(self) -> int:
        """Rows that a preview may have."""
        ...


class PromptScreen:
    """The open prompt of a `PromptSession`, with a window for unsettled text above the input.

    Args:
        session: its layout gets the window; its application does the drawing.
    """

    live = True

    def __init__(self, session: PromptSession[str]) -> None:
        self._session = session
        self._rows: list[str] = []
        self._printed: list[str] = []  # and not yet written
        self._flushing: asyncio.TimerHandle | None = None
        self.app.min_redraw_interval = SHORTEST
        root = session.layout.container
        assert isinstance(root, HSplit)
        root.children.insert(0, self._window())
        self._bound_input()
        self._trust_only_the_newest_position()

    @property
    def app(self) -> Application[str]:
        return self._session.app

    @property
    def columns(self) -> int:
        return self.app.output.get_size().columns

    @property
    def room(self) -> int:
        return max(1, self.app.output.get_size().rows - RESERVED)

    def above(self, text: str, *, within: float = 0.0) -> None:
        """Prints above the prompt; what is printed in one step of the loop goes out together, with one redraw."""
        self._printed.append(text if text.endswith("\n") else text + "\n")
        if not self.app.is_running:
            return self._flush()
        now, later = asyncio.get_running_loop().time(), self._flushing
        if later is None or later.when() > now + within:
            if later:
                later.cancel()
            self._flushing = asyncio.get_running_loop().call_later(within, self._flush)

    def _flush(self) -> None:
        """Writes without leaving raw mode: in cooked mode the kernel would take Ctrl-C and Ctrl-D."""
        app, output = self.app, self.app.output
        said, self._printed, self._flushing = "".join(self._printed), [], None
        if app.is_running:
            app.renderer.erase()
        output.enable_autowrap()
        output.write_raw(spelled(said, output.encoding()).replace("\n", "\r\n"))
        output.flush()
        if app.is_running:
            app.renderer.reset()
            app._request_absolute_cursor_position()
            app._redraw()

    def preview(self, rows: Sequence[str]) -> None:
        if list(rows) != self._rows:
            self._rows = list(rows)
            self.app.invalidate()

    def _bound_input(self) -> None:
        """A long text in the input leaves room for what was said above it, such as why it came back."""
        buffer = self._session.default_buffer
        window = next(
            w for w in self._session.layout.find_all_windows() if getattr(w.content, "buffer", None) is buffer
        )
        usual = window.height

        def height() -> Dimension:
            if buffer.document.line_count <= self.room and len(buffer.text) < self.room * self.columns:
                return to_dimension(usual)
            return Dimension(max=self.room)

        window.height = height

    def _trust_only_the_newest_position(self) -> None:
        """The renderer asks where the cursor is to learn how many rows it has. Where the terminal answers slowly, text
        has been printed since; such an answer promises too many rows, and what was printed would scroll away."""
        renderer = self.app.renderer
        report, asked = renderer.report_absolute_cursor_row, renderer._waiting_for_cpr_futures

        def newest(row: int) -> None:
            if len(asked) > 1:
                asked.popleft().set_result(None)
            else:
                report(row)

        renderer.report_absolute_cursor_row = newest  # type: ignore[method-assign]

    def _window(self) -> ConditionalContainer:
        def height() -> Dimension:
            return Dimension(max=self.room, preferred=len(self._rows))

        def content() -> AnyFormattedText:
            return ANSI(spelled("\n".join(self._rows[-self.room :]), self.app.output.encoding()))

        control = FormattedTextControl(content)
        window = Window(control, wrap_lines=False, dont_extend_height=True, height=height)
        return ConditionalContainer(window, Condition(lambda: bool(self._rows)))


async def above(screen: Screen, draw: Callable[[], str]) -> None:
    """Prints what takes long to draw: drawn in a thread, printed in steps, so that the prompt never stands still."""
    rows = (await asyncio.to_thread(draw)).split("\n")
    for at in range(0, len(rows), ROWS):
        screen.above("\n".join(rows[at : at + ROWS]))
        await asyncio.sleep(0)


def spelled(said: str, encoding: str | None) -> str:
    """`said` for a terminal of that encoding: signs it lacks are spelt with those it has."""
    try:
        said.encode(encoding or "utf-8", "surrogatepass")
        return said
    except (UnicodeEncodeError, LookupError):
        from llamune.shell.console import plain_signs  # where everything can be written this is never loaded

        return plain_signs(said, encoding or "ascii")
