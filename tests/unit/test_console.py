"""prompt_toolkit and our own layout agree on how wide a text is."""

from prompt_toolkit.utils import get_cwidth

from llamune import text
from llamune.shell.console import plain_signs, use_ambiguous_width

SHOWN = ("①→※─Ω★…", "日本語", "abcé", "か\u3099", "─" * 100)


def test_both_settings() -> None:
    assert [get_cwidth(s) for s in SHOWN] == [text.width(s) for s in SHOWN] == [7, 6, 4, 2, 100]
    use_ambiguous_width(2)
    try:
        assert [get_cwidth(s) for s in SHOWN] == [text.width(s) for s in SHOWN] == [14, 6, 5, 2, 200]
    finally:
        use_ambiguous_width(1)
    assert [get_cwidth(s) for s in SHOWN] == [7, 6, 4, 2, 100]


def test_signs_are_spelt_as_the_encoding_can() -> None:
    said = "★ “title” → /resume · 日本 …"
    assert plain_signs(said, "ascii") == '* "title" -> /resume - ?? ~'
    assert plain_signs(said, "cp932") == "★ “title” → /resume - 日本 …"
    assert plain_signs(said, "utf-8") == said
