"""Auth schemes: how a request's headers carry a credential, and how a key is sent in them.

A scheme only reads and writes headers; whose a credential is, the key service decides. A key has
a random body of 60 hex digits and a secret. Most schemes send the body behind a prefix. A scheme that
sends two parts sends the body's public name and the secret, so that the part that tends to end up in logs
is worthless alone.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from trunkline.model.faults import Fault, Refused

BODY_LENGTH = 60
_BODY = re.compile(r"[0-9a-f]{60}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")

Headers = Mapping[str, str]
"""Header values by lower-case name."""


class NewKey(Struct, frozen=True):
    """A key at the one moment when it is known in full."""

    body: str
    secret: str

    @classmethod
    def generate(cls) -> NewKey:
        """Draw a key from the operating system's randomness."""
        return cls(body=secrets.token_hex(BODY_LENGTH // 2), secret=secrets.token_hex(24))


class Credential(Struct, frozen=True):
    """What a request sent: a whole token, the key body in it if it has our form, and a secret."""

    token: str
    body: str | None = None
    paired: bool = False
    """Whether the scheme sends two parts, so that the body is a public name and the secret decides."""
    secret: str | None = None
    org: str | None = None
    """The org that the request itself claims to speak for, where the scheme has such a header."""


class AuthScheme(Protocol):
    """How one vendor's requests carry their credential."""

    @property
    def specificity(self) -> int:
        """How specific the scheme's headers are; the most specific scheme is tried first."""

    def matches(self, headers: Headers) -> bool:
        """Whether a request with these headers uses this scheme."""

    def read(self, headers: Headers) -> Credential:
        """The credential in the headers; raises `Refused` when there is none of the right form."""

    def headers_for(self, key: NewKey) -> dict[str, str]:
        """The headers to send with a new key."""

    def import_key(self, token: str, secret: str | None) -> Credential:
        """A key that a team already has, as `read` will find it; raises `Refused` for a wrong form."""

    @property
    def openapi(self) -> dict[str, dict[str, str]]:
        """The OpenAPI security schemes, all of which a request needs."""


def public_name(body: str) -> str:
    """The part of a key that a two-part scheme shows: it names the key and gives nothing away."""
    return hashlib.sha256(b"public name\n" + body.encode()).hexdigest()[:BODY_LENGTH]


def _credential(token: str, prefix: str) -> Credential:
    body = token.removeprefix(prefix) if token.startswith(prefix) else ""
    return Credential(token=token, body=body if _BODY.fullmatch(body) else None)


class HeaderKey(Struct, frozen=True, kw_only=True):
    """One header has the key."""

    header: str
    prefix: str
    or_bearer: bool = False
    """Whether `Authorization: Bearer` with the same key is accepted as well."""
    org_header: str | None = None
    """A header that may name the org; a name that is not the key's org is refused."""
    specificity: int = 0

    def matches(self, headers: Headers) -> bool:
        """Always: it is used when no more specific scheme matches."""
        return True

    def read(self, headers: Headers) -> Credential:
        """The key in the header."""
        token = headers.get(self.header.lower(), "").strip()
        if not token and self.or_bearer:
            scheme, _, rest = headers.get("authorization", "").partition(" ")
            token = rest.strip() if scheme.lower() == "bearer" else ""
        if not token:
            raise Refused(Fault.NO_CREDENTIAL)
        found = self.import_key(token, None)
        if self.org_header is None:
            return found
        return Credential(token=token, body=found.body, org=headers.get(self.org_header.lower()) or None)

    def headers_for(self, key: NewKey) -> dict[str, str]:
        """The header to send."""
        return {self.header: self.prefix + key.body}

    def import_key(self, token: str, secret: str | None) -> Credential:
        """Any printable text without spaces is a key here."""
        if not _TOKEN.fullmatch(token):
            raise Refused(Fault.MALFORMED_CREDENTIAL)
        return _credential(token, self.prefix)

    @property
    def openapi(self) -> dict[str, dict[str, str]]:
        """One API-key header."""
        return {"key": {"type": "apiKey", "in": "header", "name": self.header}}


class Bearer(Struct, frozen=True, kw_only=True):
    """`Authorization: Bearer` has the key."""

    prefix: str
    form: str
    """What follows the prefix, as a regular expression."""
    specificity: int = 1

    def matches(self, headers: Headers) -> bool:
        """Whether there is a bearer token."""
        scheme = headers.get("authorization", "")[:7].lower()
        return scheme == "bearer " or scheme == "bearer"

    def read(self, headers: Headers) -> Credential:
        """The bearer token, which must have the vendor's form."""
        if not self.matches(headers):
            raise Refused(Fault.NO_CREDENTIAL)
        token = headers["authorization"][7:].strip()
        if not token:
            raise Refused(Fault.NO_CREDENTIAL)
        return self.import_key(token, None)

    def headers_for(self, key: NewKey) -> dict[str, str]:
        """The header to send."""
        return {"Authorization": f"Bearer {self.prefix}{key.body}"}

    def import_key(self, token: str, secret: str | None) -> Credential:
        """A key has the vendor's prefix and alphabet."""
        rest = token.removeprefix(self.prefix) if token.startswith(self.prefix) else ""
        if len(token) > 512 or not re.fullmatch(self.form, rest):
            raise Refused(Fault.MALFORMED_CREDENTIAL)
        return _credential(token, self.prefix)

    @property
    def openapi(self) -> dict[str, dict[str, str]]:
        """HTTP bearer."""
        return {"key": {"type": "http", "scheme": "bearer"}}


class KeyPair(Struct, frozen=True, kw_only=True):
    """Two headers: one names the key, the other proves it."""

    header: str
    prefix: str
    secret_header: str
    secret_prefix: str
    specificity: int = 2

    def matches(self, headers: Headers) -> bool:
        """Whether the secret's header is there."""
        return self.secret_header.lower() in headers

    def read(self, headers: Headers) -> Credential:
        """Both parts."""
        token = headers.get(self.header.lower(), "").strip()
        secret = headers.get(self.secret_header.lower(), "").strip()
        if not token or not secret:
            raise Refused(Fault.NO_CREDENTIAL)
        return self.import_key(token, secret)

    def headers_for(self, key: NewKey) -> dict[str, str]:
        """Both headers to send."""
        return {
            self.header: self.prefix + public_name(key.body),
            self.secret_header: self.secret_prefix + key.secret,
        }

    def import_key(self, token: str, secret: str | None) -> Credential:
        """Any two printable texts without spaces."""
        if not _TOKEN.fullmatch(token) or secret is None or not _TOKEN.fullmatch(secret):
            raise Refused(Fault.MALFORMED_CREDENTIAL)
        found = _credential(token, self.prefix)
        return Credential(
            token=token, body=found.body, paired=True, secret=secret.removeprefix(self.secret_prefix)
        )

    @property
    def openapi(self) -> dict[str, dict[str, str]]:
        """Two API-key headers."""
        return {
            "key": {"type": "apiKey", "in": "header", "name": self.header},
            "secret": {"type": "apiKey", "in": "header", "name": self.secret_header},
        }
