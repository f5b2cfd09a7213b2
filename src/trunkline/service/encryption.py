"""Encryption of secrets that we must be able to read again, with a key that is not in the database."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

KEY_FILE = "sealing.key"


class CannotDecrypt(RuntimeError):
    """What was sealed was sealed with another key."""


class SecretBox:
    """Encrypts and decrypts with one key, a text long enough to be secret, asked for when it is needed."""

    def __init__(self, key: Callable[[], str]) -> None:
        self._key = key

    @cached_property
    def _fernet(self) -> Fernet:
        # A passphrase would need a slow hash; what is asked for here is random and long already.
        key = hashlib.sha256(b"seal\n" + self._key().encode()).digest()
        return Fernet(base64.urlsafe_b64encode(key))

    def encrypt(self, text: str) -> bytes:
        """Encrypt a text."""
        return self._fernet.encrypt(text.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """Read a text again; raises `CannotDecrypt`."""
        try:
            return self._fernet.decrypt(encrypted).decode()
        except InvalidToken:
            raise CannotDecrypt(
                "a source's secrets were encrypted with another key: set TRUNKLINE_ENCRYPTION_KEY to the"
                " key that was used then, or give the source its secrets again"
            ) from None


def key_in(home: Path) -> str:
    """The key that is kept in a folder of ours, made if there is none; only its owner may read the file."""
    path = home / KEY_FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(f".{os.getpid()}")
        made.touch(mode=0o600)
        made.write_text(base64.urlsafe_b64encode(os.urandom(32)).decode())
        try:
            os.link(made, path)  # of two processes that make one at the same time the first wins
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text().strip()
