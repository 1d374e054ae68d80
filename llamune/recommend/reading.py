"""A set's file: read whole, or refused with every place that is wrong. Signatures are signing.py's."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from llamune.chat.scheduler import LIMITS
from llamune.chat.usage_file import NAME
from llamune.errors import SettingsError, near
from llamune.i18n import LANGUAGES, _
from llamune.paths import shipped
from llamune.presets import option_problems, sampling, unusable
from llamune.recommend.values import PREFIX, VERSION, Recommended, RecommendedSet

FORMAT = 1
LARGEST = 1_000_000  # bytes of a file; who reads it sees to that
QUARTER = re.compile(r"\d{4}-Q[1-4]", re.ASCII)
KEYS = {"format": int, "version": str, "quarter": str, "updated": date, "measured": bool, "concurrent_limit": int,
        "execution_order": list, "changelog": dict, "parameters": dict, "models": list}  # fmt: skip
MODEL_KEYS = {"name": str, "tags": list, "priority": int, "preset": str, "size": (int, float), "memory": (int, float),
              "machine": str, "licence": str, "purpose": dict}  # fmt: skip
OPTIONAL = {"digest": str, "deprecated": bool}


def read(data: bytes, place: str) -> RecommendedSet:
    """The set that a file's bytes hold. Raises SettingsError with every place that is wrong."""
    content, problems = _content(data)
    if not problems:
        problems = list(_problems(content))
    if problems:
        raise SettingsError("\n".join(f"{place}: {p}" for p in problems), _("Nothing was changed."))
    models = tuple(
        Recommended(**{**m, "tags": tuple(m["tags"])}) for m in sorted(content["models"], key=lambda m: m["priority"])
    )
    return RecommendedSet(
        content["version"], content["quarter"], str(content["updated"]), content["measured"],
        content["concurrent_limit"], tuple(content["execution_order"]), models, content["changelog"],
        {purpose: sampling(options) for purpose, options in content["parameters"].items()},
    )  # fmt: skip


def _content(data: bytes) -> tuple[dict[str, Any], list[str]]:
    try:
        content = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return {}, [_("not valid TOML: {reason}").format(reason=error)]
    if isinstance(content.get("format"), int) and content["format"] > FORMAT:
        return {}, [_("format {n} is newer than this Llamune understands").format(n=content["format"])]
    return content, []


def _problems(content: Mapping[str, Any]) -> Iterator[str]:
    """Everything that is wrong in a set, each with its place."""
    wrong = list(_shape("", content, KEYS, {}))
    for n, model in enumerate(content["models"] if isinstance(content.get("models"), list) else (), 1):
        if isinstance(model, dict):
            wrong += _shape(f"models[{n}].", model, MODEL_KEYS, OPTIONAL)
        else:
            wrong.append(_("{place} is no table").format(place=f"models[{n}]"))
    yield from wrong
    if not wrong:
        yield from _values(content)


def _shape(place: str, table: Mapping[str, Any], needed: Mapping[str, Any], also: Mapping[str, Any]) -> Iterator[str]:
    for key in table:
        if key not in needed and key not in also:
            hint = ", ".join(near(key, [*needed, *also]))
            yield _("{place} is not known; near: {names}").format(place=place + key, names=hint or "-")
    for key, kind in {**needed, **{k: v for k, v in also.items() if k in table}}.items():
        if key not in table:
            yield _("{place} is missing").format(place=place + key)
        elif not isinstance(table[key], kind) or (kind is not bool and isinstance(table[key], bool)):
            yield _("{place} has the wrong type").format(place=place + key)


def _values(content: Mapping[str, Any]) -> Iterator[str]:
    names = [m["name"] for m in content["models"]]
    if not names:
        yield _("{place} is missing").format(place="models[1]")
    if not VERSION.fullmatch(content["version"]) or not content["version"].startswith(content["quarter"]):
        yield _("{place} cannot be {value}").format(place="version", value=content["version"])
    if not QUARTER.fullmatch(content["quarter"]):
        yield _("{place} cannot be {value}").format(place="quarter", value=content["quarter"])
    if content["concurrent_limit"] not in LIMITS:
        yield _("{place} cannot be {value}").format(place="concurrent_limit", value=content["concurrent_limit"])
    order = content["execution_order"]
    for name in order:
        if name not in names:
            yield _("{place} names {name}, which is not in models").format(place="execution_order", name=name)
    if len({str(n) for n in order}) < len(order):
        yield _("{place} names a model twice").format(place="execution_order")
    yield from _texts("changelog", content["changelog"])
    for purpose, options in content["parameters"].items():
        if unusable(PREFIX + purpose):
            yield _("{place} cannot be {value}").format(place="parameters", value=purpose)
        yield from (f"parameters.{purpose}: {e.message} {e.hint}" for e in option_problems(options))
    known = {p.stem for p in shipped("presets").glob("*.toml")} | {PREFIX + p for p in content["parameters"]}
    called = set[str]()
    for n, model in enumerate(content["models"], 1):
        yield from _called(f"models[{n}]", model, called)
        if model["preset"] not in known:
            yield _("{place} cannot be {value}").format(place=f"models[{n}].preset", value=model["preset"])
        yield from _texts(f"models[{n}].purpose", model["purpose"])
        for key, most in (("size", 10_000), ("memory", 10_000), ("priority", 10_000)):
            if not 0 < model[key] <= most:
                yield _("{place} cannot be {value}").format(place=f"models[{n}].{key}", value=model[key])


def _called(place: str, model: Mapping[str, Any], called: set[str]) -> Iterator[str]:
    """What is wrong with a model's names, which no other model may have, not even as a tag."""
    for key, names in (("name", [model["name"]]), ("tags", model["tags"])):
        for name in names:
            if not isinstance(name, str) or not NAME.fullmatch(name):
                yield _("{place} cannot be {value}").format(place=f"{place}.{key}", value=name)
            elif name in called:
                yield _("{name} stands twice in {place}").format(name=name, place=f"models ({place}.{key})")
            else:
                called.add(name)


def _texts(place: str, texts: Mapping[str, Any]) -> Iterator[str]:
    for language in LANGUAGES:
        if not isinstance(texts.get(language), str):
            yield _("{place} is missing").format(place=f"{place}.{language}")
