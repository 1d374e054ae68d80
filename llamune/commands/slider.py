"""A number that moves along its range: the next value, and the line that shows where it is. It reads no key."""

from dataclasses import dataclass

from llamune.chat.preset import RANGES, WHOLE
from llamune.text import Glyphs

STEPS = {"top_k": 1, "num_predict": 50, "seed": 1}  # the others: 0.05
LONGEST = 40  # columns of the line
ROOM = 14  # columns for the number that is being typed


@dataclass(frozen=True, slots=True)
class Slider:
    """One option of an answer."""

    name: str

    def moved(self, typed: str, steps: int) -> str:
        """The value `steps` further than what stands there; the low end where nothing does. Stays inside the range."""
        low, high = RANGES[self.name]
        step = STEPS.get(self.name, 0.05)
        try:
            value = float(typed) + steps * step
        except ValueError:
            value = low
        value = min(max(value, low), high) if value == value else low
        return str(round(value)) if self.name in WHOLE else f"{round(value, 2):g}"

    def line(self, typed: str, columns: int, glyphs: Glyphs) -> str:
        """The range with a dot where the value is, as long as there is room for it."""
        low, high = RANGES[self.name]
        ends = (f"{low:g}", f"{high:.10g}")
        width = min(LONGEST, columns - len(self.name) - len("".join(ends)) - ROOM)
        try:
            place = min(max((float(typed) - low) / (high - low), 0.0), 1.0)
            at = round(place * (width - 1))
        except ValueError:
            at = -1
        bar = "".join(glyphs.dot if i == at else glyphs.rule for i in range(width))
        return f"{self.name} {ends[0]} {bar} {ends[1]} {glyphs.prompt} ".replace("  ", " ")
