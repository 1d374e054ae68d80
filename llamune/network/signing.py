"""The signed head of a chain: who holds this machine's key says how far the log goes, so that a cut end is seen.

The key is made when it is first needed and never leaves the data folder. Whoever can read it can sign another log:
against that helps only a head that somebody has noted elsewhere, which is why the chat prints it when it ends.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llamune import files
from llamune.network.chain import Chain, Place

CONTEXT = "llamune evidence 1"  # so that a signature means nothing anywhere else


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log goes, signed. `t` epoch seconds; `key` the public one, 64 hex digits."""

    n: int
    hash: str
    t: float
    key: str
    signature: str

    @classmethod
    def read(cls, data: Any) -> "Head | None":
        """From parsed JSON; None where it is no head."""
        try:
            return cls(int(data["n"]), str(data["hash"]), float(data["t"]), str(data["key"]), str(data["signature"]))
        except (LookupError, TypeError, ValueError):
            return None

    @property
    def place(self) -> Place:
        return Place(self.n, self.hash)

    def genuine(self) -> bool:
        """Whether its own key has signed it."""
        from cryptography.exceptions import InvalidSignature  # 40 ms, and needed here only
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            key.verify(bytes.fromhex(self.signature), _signed(self.n, self.hash, self.t))
        except (ValueError, InvalidSignature):
            return False
        return True


class Signed:
    """A chain with its signed head, in one folder.

    Args:
        folder: gets network.log, network.head and the private key.
    """

    def __init__(self, folder: Path) -> None:
        self.chain = Chain(folder / "network.log")
        self.head_file, self._key_file = folder / "network.head", folder / "key"

    def sign(self) -> Place:
        """Signs how far the log goes now. Raises OSError."""
        with self.chain.opened() as log:
            secret, new = self._secret()
            if new:
                log.append([{"kind": "key", "public": new}])
            log.sync()  # the head must not know more than the disk has
            files.replace(self.head_file, json.dumps(asdict(_head(log.place, secret))))
            return log.place

    def head(self) -> Head | None:
        """The head as it stands on disk."""
        try:
            return Head.read(json.loads(self.head_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError):
            return None

    def _secret(self) -> tuple[bytes, str]:
        """The private key; and the public one where both were made just now."""
        try:
            found = bytes.fromhex(self._key_file.read_text(encoding="ascii").strip())
        except (FileNotFoundError, ValueError):
            found = b""
        if len(found) == 32:
            return found, ""
        made = os.urandom(32)
        files.replace(self._key_file, made.hex() + "\n")
        return made, _public(made)


def _public(secret: bytes) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw().hex()


def _head(place: Place, secret: bytes) -> Head:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    now = round(time.time(), 3)
    signature = Ed25519PrivateKey.from_private_bytes(secret).sign(_signed(*place, now))
    return Head(*place, now, _public(secret), signature.hex())


def _signed(n: int, digest: str, t: float) -> bytes:
    return f"{CONTEXT}\n{n}\n{digest}\n{t:.3f}\n".encode()
