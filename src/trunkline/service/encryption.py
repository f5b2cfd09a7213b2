"""Encryption of secrets that we must be able to read again, with a key that is not in the database."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from trunkline.store.private_files import make_home

KEY_FILE = "sealing.key"


class CannotDecrypt(RuntimeError):
    """A text was encrypted with another key."""


class SecretBox:
    """Encrypts and decrypts with one key, a long random text that is read when it is first needed."""

    def __init__(self, key: Callable[[], str]) -> None:
        self._key = key

    @cached_property
    def _fernet(self) -> Fernet:
        # A passphrase would need a slow hash; the key required here is random and long already.
        key = hashlib.sha256(b"seal\n" + self._key().encode()).digest()
        return Fernet(base64.urlsafe_b64encode(key))

    def encrypt(self, text: str) -> bytes:
        """Encrypt a text."""
        return self._fernet.encrypt(text.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """Decrypt a text; raises `CannotDecrypt`."""
        try:
            return self._fernet.decrypt(encrypted).decode()
        except InvalidToken:
            raise CannotDecrypt(
                "a source's secrets were encrypted with another key: set TRUNKLINE_ENCRYPTION_KEY to the"
                " key that was used then, or set the source's secrets again"
            ) from None


def key_in(home: Path) -> str:
    """The key in a folder of ours, created if there is none; only its owner may read the file."""
    path = home / KEY_FILE
    if not path.exists():
        make_home(home)
        made = path.with_suffix(f".{os.getpid()}")
        made.touch(mode=0o600)
        made.write_text(base64.urlsafe_b64encode(os.urandom(32)).decode())
        try:
            os.link(made, path)  # if two processes create one at the same time, the first wins
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text().strip()
