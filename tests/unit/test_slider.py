"""The number that moves along its range: it never leaves it, and its line never leaves the screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamune.chat.preset import OPTION_NAMES, RANGES, parse
from llamune.commands.slider import Slider
from llamune.text import ASCII_GLYPHS, Glyphs, width


@given(st.sampled_from(OPTION_NAMES), st.text(max_size=12) | st.floats().map(str), st.integers(-50, 50))
def test_what_it_moves_to_can_always_be_sent(name: str, typed: str, steps: int) -> None:
    moved = Slider(name).moved(typed, steps)
    low, high = RANGES[name]
    assert low <= parse(name, moved) <= high


@given(st.sampled_from(OPTION_NAMES), st.text(max_size=12) | st.floats().map(str), st.integers(30, 200))
def test_the_line_leaves_room_for_the_number(name: str, typed: str, columns: int) -> None:
    assert width(Slider(name).line(typed, columns, Glyphs())) <= max(columns - 8, 32)
    Slider(name).line(typed, columns, ASCII_GLYPHS).encode("ascii")


@pytest.mark.parametrize(
    ("name", "typed", "steps", "moved"),
    [
        ("temperature", "0.7", 1, "0.75"),
        ("temperature", "0.7", -20, "0"),
        ("temperature", "2", 1, "2"),
        ("temperature", "", 1, "0"),
        ("top_k", "40", -1, "39"),
        ("num_predict", "", 1, "50"),
        ("num_predict", "4096", 10, "4096"),
        ("seed", "2147483647", 1, "2147483647"),
        ("repeat_penalty", "hot", 1, "1"),
        ("temperature", "nan", 1, "0"),
    ],
)
def test_steps(name: str, typed: str, steps: int, moved: str) -> None:
    assert Slider(name).moved(typed, steps) == moved


def test_the_dot_is_where_the_value_is() -> None:
    assert Slider("temperature").line("0", 80, ASCII_GLYPHS).startswith("temperature 0 o---")
    assert "---o 2 >" in Slider("temperature").line("2", 80, ASCII_GLYPHS)
    assert "o" not in Slider("top_k").line("", 80, ASCII_GLYPHS).removeprefix("top_k")
