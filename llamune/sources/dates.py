"""The date that a Japanese document states for itself: 2026年4月1日施行, 最終改定 令和8年4月1日, …から施行する。

Only dates beside such a word count, at the top of the document or in its 附則; of several the latest is in force.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from llamune.sources.document import Section

TOP = 600  # characters
ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925}
WORDS = r"(?:施行|改定|改正|改訂|制定|発行|発効|作成|更新|適用|版)"
_DATE = r"(?:(令和|平成|昭和)(\d{1,2}|元)|(\d{4}))[年/.-](\d{1,2})[月/.-](\d{1,2})日?"
_STATED = re.compile(rf"{WORDS}[^。\n0-9]{{0,5}}?{_DATE}|{_DATE}[^。\n0-9]{{0,5}}?{WORDS}")


def stated_date(sections: Sequence[Section]) -> str:
    """ISO date, "" = none is stated."""
    return max((date for section in _places(sections) for date in _dates(section)), default="")


def _places(sections: Sequence[Section]) -> Iterator[str]:
    for number, section in enumerate(sections):
        if number == 0:
            yield "\n".join((*section.path, section.text[:TOP]))
        elif any(re.match(r"[附付]\s*則", name) for name in section.path):
            yield section.text


def _dates(text: str) -> Iterator[str]:
    for match in _STATED.finditer(re.sub(r"[ \t\u3000]", "", unicodedata.normalize("NFKC", text))):
        era, year, full, month, day = match.groups()[:5] if match[4] else match.groups()[5:]
        number = int(full) if full else ERAS[era] + (1 if year == "元" else int(year))
        if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
            yield f"{number:04}-{int(month):02}-{int(day):02}"
