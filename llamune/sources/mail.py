"""Mails (.eml) and mailboxes (.mbox): the words of each, then its attachments as files of their own."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC
from email import message_from_bytes, policy
from email.message import EmailMessage

from llamune.sources.html import page
from llamune.sources.outline import Outline
from llamune.sources.part import Attachment, Part, Unreadable
from llamune.sources.plain import decode
from llamune.text import one_line

HEADERS = ("From", "To", "Cc", "Date", "Subject")
_START = re.compile(rb"(?:\A|\r?\n\r?\n)From [^\r\n]+\r?\n(?=[!-9;-~]+:)")


def read(content: bytes, name: str) -> Iterator[Part | Attachment]:
    """One part per mail and its attachments; in a mailbox the mails are named by their number."""
    starts = [match.end() for match in _START.finditer(content)] if not name.lower().endswith(".eml") else []
    if not starts and not re.match(rb"\s*[!-9;-~]+:", content):
        raise Unreadable("disguised")
    for number, start in enumerate(starts or [0], 1):
        end = starts[number] if number < len(starts) else len(content)
        mail = content[start:end]
        if number < len(starts):
            mail = mail[: mail.rfind(b"From ")]
        yield from _mail(mail, str(number) if starts else "")


def _mail(content: bytes, name: str) -> Iterator[Part | Attachment]:
    message = message_from_bytes(content, policy=policy.default)
    outline = Outline()
    headers = {key: _header(message, key) for key in HEADERS}
    outline.text("\n".join(f"{key}: {value}" for key, value in headers.items() if value))
    body = message.get_body(("plain", "html"))
    if isinstance(body, EmailMessage):
        outline.text(_words(body), sep="\n\n")
    digest = hashlib.sha256(content).hexdigest()
    yield Part(outline.sections(), headers["Subject"], _date(message), author=headers["From"], name=name, digest=digest)
    for number, attached in enumerate(message.iter_attachments(), 1):
        file = one_line((attached.get_filename() or f"{number}{_suffix(attached)}").replace("/", "_"))
        if content := _bytes(attached):
            yield Attachment(f"{name}/{file}" if name else file, content)


def _header(message: EmailMessage, key: str) -> str:
    try:
        return one_line(str(message.get(key, "")))
    except (ValueError, LookupError, AttributeError, TypeError):  # the standard library fails on some broken headers
        return ""


def _date(message: EmailMessage) -> str:
    date = getattr(message.get("Date"), "datetime", None) if _header(message, "Date") else None
    return date.replace(tzinfo=date.tzinfo or UTC).date().isoformat() if date else ""


def _words(body: EmailMessage) -> str:
    text = decode(_bytes(body), body.get_content_charset() or "")
    if body.get_content_subtype() != "html":
        return text
    lines = []
    for section in page(text).sections:
        lines += [*section.path[-1:], *([section.header] if section.header else []), section.text]
    return "\n".join(lines)


def _bytes(message: EmailMessage) -> bytes:
    if message.get_content_type() == "message/rfc822":
        return b"".join(bytes(part) for part in message.iter_parts())
    content = message.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _suffix(message: EmailMessage) -> str:
    known = {"message/rfc822": ".eml", "text/plain": ".txt", "text/html": ".html", "application/pdf": ".pdf"}
    return known.get(message.get_content_type(), "")
