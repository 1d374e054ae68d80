"""What is remembered between runs, by two programs at once."""

from pathlib import Path

from llamune.state import State


def test_what_another_program_chose_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    one, other = State.load(path), State.load(path)
    other.remember(lineup=["m/fast"], lineup_on=True, sizes={"m": 512})
    one.remember(model="n", sizes={"n": 1024})
    now = State.load(path)
    assert (now.model, now.lineup, now.lineup_on, now.sizes) == ("n", ["m/fast"], True, {"m": 512, "n": 1024})
    one.remember(model="k")
    assert State.load(path).model == "k"


def test_what_was_chosen_in_this_run_outlasts_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    state = State.load(tmp_path / "nowhere" / "state.json")
    state.remember(lineup=["m/fast"], lineup_on=True)
    state.remember(model="n")
    assert (state.lineup, state.lineup_on, state.model) == (["m/fast"], True, "n")
