"""The shape of an exported session: one object a session, checked as a whole before anything of it is stored.

Declared once, as pydantic models. Writing and reading such objects is transfer.py's.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from llamune.chat.lineup import Level
from llamune.chat.preset import OPTION_NAMES
from llamune.chat.rating import HIGHEST, LOWEST, Vote
from llamune.chat.session import AnswerStatus, Reason, TitledBy
from llamune.store.transfer_knowledge import CheckedJson, SeenJson
from llamune.store.values import storable

LARGEST = 2**53  # of a number: what every JSON reader keeps exactly


def _known_options(options: dict[str, int | float]) -> dict[str, int | float]:
    if unknown := options.keys() - set(OPTION_NAMES):
        raise ValueError(f"unknown option {', '.join(sorted(unknown))}")
    if any(abs(value) > LARGEST for value in options.values()):
        raise ValueError("a number out of all ranges")
    return options


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("out of range") from None


def _writable(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_writable)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Score = Annotated[int, Field(ge=LOWEST, le=HIGHEST)]
Milliseconds = Annotated[float, Field(ge=0, le=LARGEST)]
Time = Annotated[datetime, Field(strict=False), AfterValidator(_utc)]
Options = Annotated[dict[str, int | float], AfterValidator(_known_options)]


class Part(BaseModel):
    """Unknown keys are passed over: a later version may add some."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class FilePart(Part):
    name: Text
    text: Text


class UsagePart(Part):
    prompt_tokens: Count | None = None
    cached_tokens: Count | None = None
    completion_tokens: Count | None = None
    first_token_ms: Milliseconds | None = None
    load_ms: Milliseconds | None = None
    prompt_ms: Milliseconds | None = None
    generate_ms: Milliseconds | None = None
    total_ms: Milliseconds | None = None


class RatingPart(Part):
    """What the user said about an answer."""

    vote: Vote = ""
    accuracy: Score | None = None
    natural: Score | None = None
    useful: Score | None = None
    comment: Text = ""
    blind: bool = False
    task: Text = ""
    chosen_at: Time | None = None
    created_at: Time


class AnswerPart(Part):
    """`letter` is for readers of the file; an import gives letters by order."""

    letter: Text = ""
    model: Text
    preset: Text = ""
    engine: Text = ""
    digest: Text = ""
    options: Options = Field(default_factory=dict)
    status: AnswerStatus
    text: Text
    thinking: Text = ""
    reason: Reason = ""
    error: Text = ""
    hint: Text = ""
    usage: UsagePart = Field(default_factory=UsagePart)
    adopted: bool = False
    discarded: bool = False
    task: Text = ""
    created_at: Time
    rating: RatingPart | None = None
    knowledge: Level = ""
    checksum: Count = 0
    seen: SeenJson = None
    checked: CheckedJson = None


class TurnPart(Part):
    """`after` is the place in `turns` of the turn this one followed, `rewind` that of the rewind that took it away."""

    number: Annotated[int, Field(ge=1, le=LARGEST)]
    after: Count | None = None
    rewind: Count | None = None
    question: Text
    attachments: list[FilePart] = Field(default_factory=list)
    created_at: Time
    answers: list[AnswerPart] = Field(default_factory=list)


class VersionPart(Part):
    text: Text
    created_at: Time


class PromptPart(Part):
    """An extra prompt of the session, its oldest version first."""

    active: bool = True
    removed: bool = False
    versions: Annotated[list[VersionPart], Field(min_length=1)]


class SessionPart(Part):
    """One session: one line of an export."""

    format: Literal["llamune-session"]
    version: Literal[1]
    uid: Annotated[Text, Field(min_length=1, max_length=100)]
    title: Text = ""
    titled_by: TitledBy = "auto"
    model: Text = ""
    preset: Text = ""
    system: Text = ""
    overrides: Options = Field(default_factory=dict)
    summary: Text = ""
    summarised: Count = 0
    created_at: Time
    updated_at: Time
    deleted_at: Time | None = None
    corpora: list[Text] = Field(default_factory=list)
    mode: Text = ""
    prompts: list[PromptPart] = Field(default_factory=list)
    rewinds: list[Time] = Field(default_factory=list)
    turns: list[TurnPart] = Field(default_factory=list)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        """Turns follow earlier ones, live ones are 1 … n, and at most one answer of a turn stands."""
        for place, turn in enumerate(self.turns):
            if turn.after is not None and (turn.after >= place or self.turns[turn.after].number != turn.number - 1):
                raise ValueError(f"turn {place} cannot follow turn {turn.after}")
            if turn.rewind is not None and turn.rewind >= len(self.rewinds):
                raise ValueError(f"turn {place} names a rewind that is not there")
            if sum(answer.adopted for answer in turn.answers) > 1:
                raise ValueError(f"turn {place} has more than one adopted answer")
        live = [turn.number for turn in self.turns if turn.rewind is None]
        if live != list(range(1, len(live) + 1)):
            raise ValueError("the numbers of the turns are not 1, 2, 3 …")
        if self.summarised > len(live):
            raise ValueError("the summary stands for more turns than there are")
        return self
