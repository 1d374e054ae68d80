"""Who a set is from: its file's last line may be its signature, Ed25519 over all bytes before it."""

import re
from collections.abc import Iterable
from typing import Literal

from llamune.errors import UsageError
from llamune.i18n import _

SIGNED = re.compile(rb"\A(?P<body>.*\n)# ed25519 (?P<key>[0-9a-f]{64}) (?P<signature>[0-9a-f]{128})\n?\Z", re.DOTALL)
Standing = Literal["trusted", "unknown key", "unsigned", "wrong"]


def standing(data: bytes, trusted: Iterable[str]) -> Standing:
    """What a file's signature is worth."""
    match = SIGNED.fullmatch(data)
    if not match:  # cut, continued, or with other line ends than it was signed with
        return "wrong" if b"\n# ed25519 " in data else "unsigned"
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
