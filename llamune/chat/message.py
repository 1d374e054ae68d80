"""One message as a model sees it."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """A role and a text. Thinking is never part of it: it is not sent back."""

    role: Role
    content: str
