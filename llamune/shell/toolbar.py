"""The line at the bottom: model · preset · context gauge · background · traffic; the least important goes first."""

from dataclasses import dataclass

from llamune import text
from llamune.chat.session import ChatSession
from llamune.i18n import _
from llamune.shell.style import Style

LEAST = 8  # columns of the background answers; where there are fewer, they are not named


@dataclass(slots=True)
class Status:
    """What the toolbar shows; changed by the REPL, read at every redraw.

    `used` and `limit` are tokens of the current model's context; `limit` 0 = not known yet.
    """

    model: str = ""
    preset: str = ""
    mode: str = ""  # with the collections of documents that are searched
    used: int = 0
    limit: int = 0
    background: str = ""
    traffic: str = ""
    traffic_tone: str = "dim"

    def follow(self, session: ChatSession, limit: int) -> None:
        """Takes over what the session says. `limit`: tokens of its model's context, 0 = not known."""
        searched = f"[{', '.join(session.corpora)}]" if session.corpora else ""
        self.model, self.preset, self.limit = session.model, session.preset, limit
        self.mode = " ".join(part for part in (session.mode, searched) if part)

    @property
    def fill(self) -> float:
        return min(1.0, self.used / self.limit) if self.limit else 0.0


def line(status: Status, columns: int, glyphs: text.Glyphs, style: Style | None = None) -> str:
    """The toolbar's text for a width: traffic always stays; mode, preset, gauge go first, then background is cut."""
    traffic = text.one_line(_("traffic {figure}").format(figure=status.traffic or glyphs.rule))
    model = text.cut(text.one_line(status.model), max(8, columns // 3)) or _("no model")
    parts = {
        "model": model,
        "preset": status.preset,
        "mode": text.one_line(status.mode),
        "gauge": gauge(status, glyphs) if status.limit else "",
        "background": text.one_line(status.background),
        "traffic": traffic,
    }
    for dropped in ("", "mode", "preset", "gauge", "model", "background"):
        parts.pop(dropped, None)
        head = " · ".join(p for p in (parts.get("model"), parts.get("preset"), parts.get("mode")) if p)
        rest = [p for p in (head, parts.get("gauge"), parts.get("background"), parts["traffic"]) if p]
        joined = " " + f" {glyphs.bar} ".join(rest)
        if text.width(joined) < columns:
            break
        spare = columns - 1 - text.width(joined) + text.width(parts.get("background", ""))
        if dropped in ("gauge", "model") and spare >= LEAST:
            parts["background"] = text.cut(parts["background"], spare)
            rest = [p for p in (head, parts["background"], parts["traffic"]) if p]
            joined = " " + f" {glyphs.bar} ".join(rest)
            break
    joined = text.cut(joined, columns - 1)
    head, found, tail = joined.rpartition(traffic)
    return head + (style(traffic, status.traffic_tone) if style and found else found) + tail


def gauge(status: Status, glyphs: text.Glyphs) -> str:
    """How full the context is."""
    percent = f"{100 * status.fill:.0f} %"
    steps = glyphs.gauge
    block = steps[min(len(steps) - 1, int(status.fill * len(steps)))] + " " if steps else ""
    limit = f"{status.limit:,}" if status.limit < 10_000 else f"{status.limit / 1024:.0f}k"
    return _("context {block}{percent} of {limit}").format(block=block, percent=percent, limit=limit)
