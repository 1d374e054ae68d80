"""What it costs to show a long answer while it arrives: the settling renderer against rendering everything anew.

An 8,000-character Japanese Markdown answer comes in 4,000 pieces, 60 a second by a virtual clock, and the screen is
brought up to date at most ten times a second: settled rows printed, the preview drawn. Prints CPU seconds, the worst
single update, bytes for the terminal per byte of text, and the ratio to rendering the whole text at every update.
The terminal and the prompt are not part of it.

    python benchmarks/streaming.py [WIDTH …]
"""

import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from llamune.shell.stream import AnswerStream, render

CHARACTERS, PIECES, PER_SECOND, UPDATES = 8_000, 4_000, 60, 10
ROOM = 18  # rows of the preview on a screen of 24
SECTION = """## {n}. 就業規則の変更に必要な手続き

会社が就業規則を変更するときは、**「過半数代表者」**の意見を聴き、意見書を添えて、所轄の労働基準監督署長に届け出ます。
根拠は労働基準法第89条・第90条です（詳しくは[法令検索](https://elaws.e-gov.go.jp/)を参照してください）。

- **意見聴取** — 労働者の過半数で組織する労働組合、それがなければ過半数を代表する者
- 届出の期限: `14日以内`とする会社が多いが、法律は「遅滞なく」とだけ定めている
  - 電子申請も可能です
- 周知: 掲示、備付け、書面の交付、社内の共有フォルダー

| 項目 | 期限 | 根拠 |
|:-----|-----:|:-----|
| 意見聴取 | 届出の前 | 労基法90条 |
| 届出 | 遅滞なく | 労基法89条、労基則49条 |
| 周知 | 変更の日まで | 労基法106条 |

```python
def deadline(changed: date) -> date:
    \"\"\"届出の目安\"\"\"
    return changed + timedelta(days=14)  # 会社の決まり
```

> 意見書の内容が反対でも、届出は受理されます。

1. 案を作る
2. 意見を聴く
3. 届け出る

"""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds in all and of the worst update; bytes for the terminal; what the screen shows in the end."""

    cpu: float
    worst: float
    written: int
    shown: str


def answer() -> str:
    return "".join(SECTION.format(n=n) for n in range(1, 40))[:CHARACTERS]


def updates(text: str) -> Iterator[str]:
    """What has come since the last update, for every tenth of a second of the virtual clock."""
    size = len(text) / PIECES
    pieces = [text[round(i * size) : round((i + 1) * size)] for i in range(PIECES)]
    for _, group in itertools.groupby(enumerate(pieces), key=lambda piece: piece[0] * UPDATES // PER_SECOND):
        yield "".join(piece for _, piece in group)


def settling(text: str, width: int) -> Cost:
    stream = AnswerStream(width)
    worst, written, shown = 0.0, 0, []
    started = time.process_time()
    for new in [*updates(text), None]:
        before = time.process_time()
        settled = stream.end() if new is None else stream.feed(new)
        preview = stream.preview(ROOM)
        worst = max(worst, time.process_time() - before)
        shown.append(settled)
        written += len(settled.encode()) + sum(len(row.encode()) for row in preview)
    return Cost(time.process_time() - started, worst, written, "".join(shown))


def rendering_all(text: str, width: int) -> Cost:
    worst, written, shown, so_far = 0.0, 0, "", ""
    started = time.process_time()
    for new in updates(text):
        before = time.process_time()
        so_far += new
        shown = render(so_far, width)
        worst = max(worst, time.process_time() - before)
        written += len(shown.encode())
    return Cost(time.process_time() - started, worst, written, shown)


def main(widths: list[int]) -> None:
    text = answer()
    size = len(text.encode())
    render(text, 80)  # imports and caches are paid for before the clock starts
    print(f"{len(text):,} characters in {PIECES:,} pieces, {sum(1 for _ in updates(text))} updates")
    print(f"{'':22}{'CPU s':>8}{'worst ms':>10}{'bytes/text':>12}")
    for width in widths:
        ours, anew = settling(text, width), rendering_all(text, width)
        for name, cost in ((f"settling, width {width}", ours), ("  everything anew", anew)):
            print(f"{name:22}{cost.cpu:8.2f}{cost.worst * 1000:10.1f}{cost.written / size:12.1f}")
        same = "the same" if ours.shown == anew.shown else "DIFFERENT"
        print(f"  ratio{'':15}{ours.cpu / anew.cpu:8.3f}{'':10}{ours.written / anew.written:12.3f}   end result {same}")


if __name__ == "__main__":
    main([int(width) for width in sys.argv[1:]] or [40, 80, 120])
