"""How HTML reports begin and look: light and dark, from a telephone to paper. Content is report_html.py's and
evidence_html.py's.
"""

import base64
import hashlib
from html import escape

from llamune.i18n import language

STYLE = """\
:root{color-scheme:light dark;--ink:#1c2024;--soft:#5b636b;--line:#d6dade;--page:#fff;--card:#f6f7f8;--bar:#2f6fb3;
--track:#e6e9ec;--fact:#ffe08a;--fact-ink:#1c2024;--word:#9a5b00;--bad:#b3261e;--good:#1d7a3a}
@media (prefers-color-scheme:dark){:root{--ink:#e4e7ea;--soft:#9aa3ab;--line:#3a4046;--page:#15181b;--card:#1d2125;
--bar:#6aa9e9;--track:#2a2f34;--fact:#6b5200;--fact-ink:#fff3cf;--word:#e0a84a;--bad:#ff8a80;--good:#7fd69a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:90rem;padding:1.5rem clamp(.8rem,3vw,2.5rem);color:var(--ink);background:var(--page);
font:16px/1.6 system-ui,"Hiragino Sans","Yu Gothic UI","Noto Sans CJK JP","Noto Sans JP",sans-serif}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.2rem 0 .7rem}h3{font-size:1rem;margin:0}
h4{font-size:.95rem;margin:0 0 .4rem;overflow-wrap:anywhere}
.soft,.note,figcaption{color:var(--soft);font-size:.875rem}.note{max-width:60rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .8rem .4rem 0;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{color:var(--soft);font-weight:500;font-size:.875rem}td.name,th.name{text-align:left}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));gap:1.5rem 2.5rem}
figure{margin:0;max-width:30rem}figcaption{margin-bottom:.3rem}svg{display:block;width:100%;height:auto}
svg text{fill:var(--ink);font-size:13px}svg .label{fill:var(--soft)}.bar{fill:var(--bar)}.track{fill:var(--track)}
details,article{border-top:1px solid var(--line);padding:.9rem 0}summary{cursor:pointer;font-weight:600}
.asked,.text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext}.asked{font-weight:600}
.differences{margin:.8rem 0;padding:0;list-style:none}.differences li{padding:.35rem 0;overflow-wrap:anywhere}
.kind{display:inline-block;min-width:5em;color:var(--soft);font-size:.875rem}
.values span{display:inline-block;margin-right:1.2em}.said{margin:.1rem 0 0 5em;color:var(--soft);font-size:.875rem}
.answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem;margin-top:.9rem}
.answer{background:var(--card);border-radius:6px;padding:.8rem 1rem;min-width:0}
.answer .soft{margin:.6rem 0 0}.bad{color:var(--bad)}.good{color:var(--good)}
mark{background:var(--fact);color:var(--fact-ink);border-radius:2px}
u{text-decoration:underline dotted var(--word);text-underline-offset:.2em}
@media (max-width:34rem){.said{margin-left:0}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--page:#fff;--card:#fff;--track:#eee;
--fact:#ffe9a8;--fact-ink:#000;--word:#000;--bar:#345}body{max-width:none;padding:0;font-size:10pt}
mark,.bar,.track{print-color-adjust:exact;-webkit-print-color-adjust:exact}.scroll{overflow:visible}
details:not([open])::details-content{content-visibility:visible;display:block;height:auto}
.answer{border:1px solid var(--line)}figure,li,tr{break-inside:avoid}h2,h3,h4{break-after:avoid}}
"""


def opening(title: str) -> str:
    """The beginning of a page, up to its heading. A browser that shows it may load and run nothing."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html><html lang="{language()}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
    )
