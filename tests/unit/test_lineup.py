"""Candidates with a level of knowledge, as they are typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamune.chat import sweep
from llamune.chat.lineup import LEVELS, Candidate, parse, read

MODELS = ["qwen3:8b", "hf.co/x/y", "hf.co/x/rag", "gemma3"]
PRESETS = ["balanced", "fast"]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("1/fast/none", ["qwen3:8b/fast/none"]),
        ("gemma3/rag", ["gemma3/balanced/rag"]),
        ("gemma3", ["gemma3/balanced"]),
        ("hf.co/x/rag", ["hf.co/x/rag/balanced"]),
        ("hf.co/x/y/prompt", ["hf.co/x/y/balanced/prompt"]),
        ("*/fast/none", [f"{m}/fast/none" for m in MODELS]),
        ("4/fast/*", [f"gemma3/fast/{level}" for level in LEVELS]),
        ("4/*/rag", ["gemma3/balanced/rag", "gemma3/fast/rag"]),
        ("4/*", ["gemma3/balanced", "gemma3/fast"]),
        ("4/*/*", [f"gemma3/{p}/{level}" for p in PRESETS for level in LEVELS]),
        ("1/fast/none 4/rag", ["qwen3:8b/fast/none", "gemma3/balanced/rag"]),
    ],
)
def test_levels(typed: str, written: list[str]) -> None:
    assert [str(c) for c in parse(typed, MODELS, PRESETS, "balanced")] == written


NAMES = st.text("abz09:./-", min_size=1, max_size=12).filter(lambda name: not name.endswith("/"))


@given(NAMES, st.sampled_from(PRESETS), st.sampled_from(["", *LEVELS]))
def test_what_is_written_is_read_again(model: str, preset: str, level: str) -> None:
    made = Candidate(model, preset, knowledge=level)  # type: ignore[arg-type]
    assert read(str(made)) == made


def test_a_sweep_over_levels() -> None:
    chosen = sweep.candidates(["gemma3", "1/fast/none"], [], installed=MODELS, known=PRESETS, levels=["none", "rag"])
    assert [str(c) for c in chosen] == []
    chosen = sweep.candidates(
        ["gemma3", "1/fast/none", "absent/rag"], ["balanced"], installed=MODELS, known=PRESETS, levels=["none", "rag"]
    )
    assert [str(c) for c in chosen] == [
        *("gemma3/balanced/none", "gemma3/balanced/rag", "qwen3:8b/fast/none", "absent/balanced/rag"),
    ]
