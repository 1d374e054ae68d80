"""Making a set the one in force, and going back: one write, and only what the user has not chosen.

What a set puts in (line-up, limit, the parameters of each purpose) is remembered with it, so that nobody needs its file
afterwards, and going back takes out that and nothing else.
"""

from collections.abc import Sequence
from typing import Any

from llamune.chat.preset import Preset
from llamune.i18n import _, language
from llamune.presets import option_problems, sampling, unusable
from llamune.recommend.values import PREFIX, RecommendedSet, age
from llamune.state import State


def apply(state: State, chosen: RecommendedSet | None, names: Sequence[str]) -> tuple[bool, bool]:
    """Makes a set the one in force, or none, in one write; what the user chose stays.

    Args:
        names: models that are installed.

    Returns: whether the line-up and the limit follow the set; False: the user's own ones stay.
    Raises: SettingsError when that cannot be written; then nothing has changed.
    """
    put = state.from_set
    lineup_free = state.lineup == put.get("lineup", []) or not state.lineup
    limit_free = state.limit == put.get("limit", 0) or not state.limit
    lineup = chosen.lineup(names) if chosen else []
    limit = chosen.limit if chosen else 0
    changes: dict[str, Any] = {"recommended": chosen.version if chosen else "", "from_set": {}}
    if chosen:
        changes["answered"] = max(state.answered, chosen.version, key=age)
        changes["from_set"]["parameters"] = {purpose: o.given() for purpose, o in chosen.parameters.items()}
    if lineup_free:
        changes |= {"lineup": lineup, "lineup_on": bool(lineup) and state.lineup_on}
        changes["from_set"]["lineup"] = lineup
    if limit_free:
        changes["limit"] = changes["from_set"]["limit"] = limit
    state.settle(**changes)
    return lineup_free, limit_free


def presets(state: State) -> dict[str, Preset]:
    """The presets that the set in force brings, one for each purpose; what is damaged in the state is left out."""
    put = state.from_set.get("parameters")
    said = _("recommended {version}").format(version=state.recommended)
    return {
        (name := PREFIX + purpose): Preset(name, sampling(options), {language(): f"{said}: {purpose}"}, purpose=purpose)
        for purpose, options in (put.items() if isinstance(put, dict) else ())
        if not unusable(purpose) and not list(option_problems(options))
    }
