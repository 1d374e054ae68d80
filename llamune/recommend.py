"""Recommended sets: which models to use on which machine, one signed file a quarter, without any network.

A set ships with the program; others are imported from files, and every one is kept. A file's last line may be its
signature (Ed25519 over all bytes before it); whose keys count is told by the user. Applying a set fills in only what
the user has not chosen, in one write, and going back takes out only what a set has put in. Nothing is downloaded.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from llamune import files
from llamune.chat.preset import parse
from llamune.chat.scheduler import LIMITS
from llamune.errors import SettingsError, UsageError, near
from llamune.i18n import LANGUAGES, _
from llamune.state import State

FORMAT = 1
LARGEST = 1_000_000  # bytes of a file
QUARTER = re.compile(r"\d{4}-Q[1-4]")
VERSION = re.compile(r"(\d{4}-Q[1-4])(?:\.(\d{1,3}))?")
SIGNED = re.compile(rb"\A(?P<body>.*\n)# ed25519 (?P<key>[0-9a-f]{64}) (?P<signature>[0-9a-f]{128})\n?\Z", re.DOTALL)
KEYS = {"format": int, "version": str, "quarter": str, "measured": bool, "concurrent_limit": int,
        "execution_order": list, "changelog": dict, "parameters": dict, "models": list}  # fmt: skip
MODEL_KEYS = {"name": str, "tags": list, "priority": int, "preset": str, "size": (int, float), "memory": (int, float),
              "machine": str, "licence": str, "purpose": dict}  # fmt: skip
OPTIONAL = {"digest": str, "deprecated": bool}
Standing = Literal["trusted", "unknown key", "unsigned", "wrong"]


@dataclass(frozen=True, slots=True)
class Recommended:
    """One model of a set. `size` and `memory` in GB (10^9 bytes); `tags`: other names it goes by."""

    name: str
    priority: int
    preset: str
    size: float
    memory: float
    machine: str
    licence: str
    purpose: Mapping[str, str]
    tags: tuple[str, ...] = ()
    deprecated: bool = False

    def installed_as(self, names: Iterable[str]) -> str:
        """The name under which it is there, "" when it is not."""
        known = set(names)
        return next((n for n in (self.name, *self.tags) if n in known), "")


@dataclass(frozen=True, slots=True)
class RecommendedSet:
    """One quarter's set. `order`: names of models, in the order in which they shall answer."""

    version: str
    quarter: str
    updated: str
    measured: bool
    limit: int
    order: tuple[str, ...]
    models: tuple[Recommended, ...]
    changelog: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def lineup(self, names: Iterable[str]) -> list[str]:
        """The candidates of those models that are there, in execution order."""
        known, by_name = list(names), {m.name: m for m in self.models}
        found = ((by_name[n].installed_as(known), by_name[n].preset) for n in self.order if not by_name[n].deprecated)
        return [f"{name}/{preset}" for name, preset in found if name]


def age(version: str) -> tuple[str, int]:
    """By which versions are ordered: quarter, then number."""
    match = VERSION.fullmatch(version)
    return (match[1], int(match[2] or 0)) if match else ("", 0)


def read(data: bytes, place: str) -> RecommendedSet:
    """The set that a file's bytes hold. Raises SettingsError with every place that is wrong."""
    content, problems = _content(data)
    if not problems:
        problems = list(_problems(content))
    if problems:
        raise SettingsError("\n".join(f"{place}: {p}" for p in problems), _("Nothing was changed."))
    models = tuple(
        Recommended(**{**{k: v for k, v in m.items() if k != "digest"}, "tags": tuple(m["tags"])})
        for m in sorted(content["models"], key=lambda m: m["priority"])
    )
    return RecommendedSet(
        content["version"], content["quarter"], str(content["updated"]), content["measured"],
        content["concurrent_limit"], tuple(content["execution_order"]), models, content["changelog"],
        content["parameters"],
    )  # fmt: skip


def _content(data: bytes) -> tuple[dict[str, Any], list[str]]:
    if len(data) > LARGEST:
        return {}, [_("it is larger than {n} bytes").format(n=f"{LARGEST:,}")]
    try:
        content = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return {}, [_("not valid TOML: {reason}").format(reason=error)]
    if isinstance(content.get("format"), int) and content["format"] > FORMAT:
        return {}, [_("format {n} is newer than this Llamune understands").format(n=content["format"])]
    return content, []


def _problems(content: Mapping[str, Any]) -> Iterator[str]:
    """Everything that is wrong in a set, each with its place."""
    wrong = list(_shape("", content, {**KEYS, "updated": object}, {}))
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
    if not VERSION.fullmatch(content["version"]) or not content["version"].startswith(content["quarter"]):
        yield _("{place} cannot be {value}").format(place="version", value=content["version"])
    if not QUARTER.fullmatch(content["quarter"]):
        yield _("{place} cannot be {value}").format(place="quarter", value=content["quarter"])
    if content["concurrent_limit"] not in LIMITS:
        yield _("{place} cannot be {value}").format(place="concurrent_limit", value=content["concurrent_limit"])
    for name in {n for n in names if names.count(n) > 1}:
        yield _("{name} stands twice in {place}").format(name=name, place="models")
    order = content["execution_order"]
    for name in order:
        if name not in names:
            yield _("{place} names {name}, which is not in models").format(place="execution_order", name=name)
    if len({str(n) for n in order}) < len(order):
        yield _("{place} names a model twice").format(place="execution_order")
    yield from _texts("changelog", content["changelog"])
    for purpose, options in content["parameters"].items():
        yield from _options(f"parameters.{purpose}", options)
    for n, model in enumerate(content["models"], 1):
        yield from _texts(f"models[{n}].purpose", model["purpose"])
        for key, most in (("size", 10_000), ("memory", 10_000), ("priority", 10_000)):
            if not 0 < model[key] <= most:
                yield _("{place} cannot be {value}").format(place=f"models[{n}].{key}", value=model[key])
        if not all(isinstance(t, str) for t in model["tags"]):
            yield _("{place} has the wrong type").format(place=f"models[{n}].tags")


def _texts(place: str, texts: Mapping[str, Any]) -> Iterator[str]:
    for language in LANGUAGES:
        if not isinstance(texts.get(language), str):
            yield _("{place} is missing").format(place=f"{place}.{language}")


def _options(place: str, options: object) -> Iterator[str]:
    if not isinstance(options, dict):
        yield _("{place} is no table").format(place=place)
        return
    for name, value in options.items():
        try:
            parse(name, value)
        except UsageError as error:
            yield f"{place}: {error.message} {error.hint}"
        except KeyError:
            yield _("{place} is not known; near: {names}").format(place=f"{place}.{name}", names="-")


@dataclass(frozen=True, slots=True)
class Difference:
    """What is other in a newer set: names of models, and whether order, limit or parameters changed."""

    new: tuple[str, ...]
    gone: tuple[str, ...]
    order: bool
    limit: bool
    parameters: tuple[str, ...]

    @classmethod
    def of(cls, old: RecommendedSet | None, new: RecommendedSet) -> "Difference":
        if old is None:
            return cls(tuple(m.name for m in new.models), (), False, False, tuple(new.parameters))
        before, after = _names(old), _names(new)
        common = [n for n in old.order if n in new.order]
        return cls(
            tuple(n for n in after if n not in before),
            tuple(n for n in before if n not in after),
            common != [n for n in new.order if n in old.order],
            old.limit != new.limit,
            tuple(k for k in {**old.parameters, **new.parameters} if old.parameters.get(k) != new.parameters.get(k)),
        )


def _names(of: RecommendedSet) -> list[str]:
    return [m.name for m in of.models if not m.deprecated]


class Sets:
    """The sets there are.

    Args:
        shipped: folder of those that come with the program.
        own: folder of imported ones; made when something is imported.
    """

    def __init__(self, shipped: Path, own: Path) -> None:
        self._shipped, self.own = shipped, own

    def all(self) -> list[RecommendedSet]:
        """Every readable set, oldest first; an imported one wins over a shipped one of the same version."""
        found: dict[str, RecommendedSet] = {}
        for folder in (self._shipped, self.own):
            for path in sorted(folder.glob("*.toml")):
                try:
                    read_set = read(path.read_bytes(), str(path))
                except (SettingsError, OSError):
                    continue
                found[read_set.version] = read_set
        return sorted(found.values(), key=lambda s: age(s.version))

    def get(self, version: str = "") -> RecommendedSet:
        """One set; "" = the newest. Raises UsageError."""
        known = self.all()
        for one in known if version else known[-1:]:
            if version in ("", one.version):
                return one
        raise UsageError(
            _("There is no recommended set {version}.").format(version=version),
            _("There are: {names}").format(names=", ".join(s.version for s in known) or "-"),
        )

    def path(self, version: str) -> Path:
        """The file of a set."""
        own = self.own / f"{version}.toml"
        return own if own.exists() else self._shipped / f"{version}.toml"

    def trusted(self) -> set[str]:
        """Public keys, as hex, that the user trusts."""
        try:
            return set((self.own / "trusted.txt").read_text(encoding="ascii", errors="replace").split())
        except OSError:
            return set()

    def trust(self, key: str) -> None:
        """Trusts a public key from now on. Raises UsageError, OSError."""
        if not re.fullmatch(r"[0-9a-f]{64}", key):
            raise UsageError(
                _("This is no public key: {key}").format(key=key), _("It has 64 digits, 0 to 9 and a to f.")
            )
        files.replace(self.own / "trusted.txt", "".join(f"{k}\n" for k in sorted(self.trusted() | {key})))

    def take(self, path: Path, data: bytes, *, once: bool) -> RecommendedSet:
        """Imports a set; earlier ones stay. Raises SettingsError, UsageError with nothing changed."""
        found, how = read(data, str(path)), standing(data, self.trusted())
        if how == "wrong":
            raise UsageError(_("The signature does not fit the file: it was changed after it was signed."))
        if how != "trusted" and not once:
            said = _("It is not signed.") if how == "unsigned" else _("It is signed with a key that is not trusted.")
            raise UsageError(
                said, _("llamune recommend trust KEY trusts a key for good; --trust-once takes this file alone.")
            )
        newest = max((age(s.version) for s in self.all()), default=("", 0))
        if age(found.version) < newest or self.path(found.version).exists():
            raise UsageError(
                _("{version} is not newer than what is here.").format(version=found.version),
                _("llamune recommend apply VERSION goes back to an earlier set."),
            )
        files.replace(self.own / f"{found.version}.toml", data.decode("utf-8"))
        return found


def standing(data: bytes, trusted: Iterable[str]) -> Standing:
    """What a file's signature is worth."""
    match = SIGNED.fullmatch(data)
    if not match:
        return "unsigned"
    from cryptography.exceptions import InvalidSignature  # heavy, and for imports only
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = match["key"].decode()
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(match["signature"].decode()), match["body"]
        )
    except (InvalidSignature, ValueError):
        return "wrong"
    return "trusted" if key in set(trusted) else "unknown key"


def new_key() -> tuple[str, str]:
    """A fresh pair, as hex: secret and public."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    return key.private_bytes_raw().hex(), key.public_key().public_bytes_raw().hex()


def signed(data: bytes, secret: str) -> bytes:
    """The file with a signature as its last line; an earlier one is replaced. Raises UsageError for a bad key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret.strip()))
    except ValueError as error:
        raise UsageError(_("This is no secret key.")) from error
    match = SIGNED.fullmatch(data)
    body = match["body"] if match else data if data.endswith(b"\n") else data + b"\n"
    return body + f"# ed25519 {key.public_key().public_bytes_raw().hex()} {key.sign(body).hex()}\n".encode()


def apply(state: State, chosen: RecommendedSet | None, names: Sequence[str]) -> tuple[bool, bool]:
    """Makes a set the one in force, or none, in one write; what the user chose stays.

    Args:
        names: models that are installed.

    Returns: whether the line-up and the limit follow the set; False: the user's own ones stay.
    """
    put = state.from_set
    lineup_free = state.lineup == put.get("lineup", []) or not state.lineup
    limit_free = state.limit == put.get("limit", 0) or not state.limit
    lineup = chosen.lineup(names) if chosen else []
    limit = chosen.limit if chosen else 0
    changes: dict[str, Any] = {"recommended": chosen.version if chosen else "", "from_set": {}}
    if chosen:
        changes["answered"] = max(state.answered, chosen.version, key=age)
    if lineup_free:
        changes |= {"lineup": lineup, "lineup_on": bool(lineup) and state.lineup_on}
        changes["from_set"]["lineup"] = lineup
    if limit_free:
        changes["limit"] = changes["from_set"]["limit"] = limit
    state.remember(**changes)
    return lineup_free, limit_free
