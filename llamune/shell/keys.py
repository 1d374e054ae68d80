"""Keys of the open prompt. Each binding calls one method of the REPL; none does anything itself."""

from typing import Protocol

from prompt_toolkit.application.current import get_app
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


class Keyboard(Protocol):
    """What keys can ask for."""

    def enter(self, typed: str) -> None: ...
    def interrupt(self) -> None: ...
    def end(self) -> None: ...
    @property
    def movable(self) -> bool: ...
    def move(self, steps: int) -> None: ...


def bindings(keyboard: Keyboard) -> KeyBindings:
    """Enter sends, Alt-Enter and Ctrl-J begin a line, Ctrl-C interrupts, Ctrl-D at an empty prompt leaves."""
    keys = KeyBindings()
    empty = Condition(lambda: not get_app().current_buffer.text)
    completing = Condition(lambda: bool((s := get_app().current_buffer.complete_state) and s.current_completion))

    @keys.add("enter", filter=~completing)
    def _(event: KeyPressEvent) -> None:
        keyboard.enter(event.current_buffer.text)

    @keys.add("enter", filter=completing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None  # the first Enter takes the completion, the second sends

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    @keys.add("<sigint>")
    def _(event: KeyPressEvent) -> None:
        keyboard.interrupt()

    @keys.add("c-d", filter=empty)
    def _(event: KeyPressEvent) -> None:
        keyboard.end()

    def moving(key: str, steps: int) -> None:
        @keys.add(key, filter=Condition(lambda: keyboard.movable))
        def _(event: KeyPressEvent) -> None:
            keyboard.move(steps)

    for key, steps in (("left", -1), ("right", 1), ("down", -10), ("up", 10)):
        moving(key, steps)

    @keys.add("c-x", "c-e")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.open_in_editor(validate_and_handle=False)

    return keys
