"""What of the toolbar stays in a narrow terminal."""

import pytest

from llamune import text
from llamune.knowledge.renewals import Renewal
from llamune.shell import lanes, toolbar


@pytest.mark.parametrize(("columns", "model"), [(80, True), (40, False)])
def test_how_far_a_new_index_is_stays_where_the_model_has_no_room(columns: int, model: bool) -> None:
    glyphs = text.glyphs("utf-8")
    made = lanes.behind([], [Renewal("rules", percent=35)], glyphs)
    status = toolbar.Status(model="scripted:cite", background=made, traffic="sealed · 0 B ✓")
    line = toolbar.line(status, columns, glyphs)
    assert "35 %" in line
    assert ("scripted" in line) == model
    assert text.width(line) < columns
