"""Signatures: how a delivery is verified to be the vendor's own, over the raw bytes and in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from msgspec import Struct

from trunkline.kit.auth import Headers


class InvalidSignature(Exception):
    """A delivery does not prove that it is the vendor's; the reason contains nothing secret."""


class Delivery(Struct, frozen=True, kw_only=True):
    """One request that came to a source's address."""

    body: bytes
    headers: Headers
    """By lower-case name."""
    url: str = ""
    """The whole address as the sender knew it, with its query string; some vendors sign it."""
    method: str = "POST"
    """A delivery by GET has its fields in the query string, and no body."""


class SignatureVerifier(Protocol):
    """How one vendor's deliveries are checked."""

    @property
    def secret_is(self) -> str:
        """What a team enters as the secret, in a few words; empty if the address itself is the secret."""

    def check_headers(self, headers: Headers, secrets: Sequence[str], now: datetime) -> None:
        """Return if a delivery with these headers can be genuine; raises `InvalidSignature`.

        It is called before the body is read, so that no body is received that could not be accepted anyway.
        """

    def check(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """Return if one of the secrets signed the delivery just now; raises `InvalidSignature`."""


class SignatureHeader(NamedTuple):
    """What a delivery's headers show: signatures, any of which may match, and the time they are valid for."""

    signatures: tuple[str, ...]
    stamp: str = ""


class Window(NamedTuple):
    """How far a signature's time may differ from ours."""

    past: timedelta
    future: timedelta


class HmacSigned(Struct, frozen=True, kw_only=True):
    """Signed with a keyed hash over the body and, mostly, a time."""

    secret_is: str
    read_header: Callable[[Headers], SignatureHeader]
    """Finds signatures and time in the headers; raises `InvalidSignature`."""
    message: Callable[[bytes, str], bytes]
    """What is signed, from the raw body and the time as it was written."""
    algorithm: str = "sha256"
    in_base64: bool = False
    """Whether the signature is written in base64; else it is lower-case hex."""
    instant: Callable[[str], datetime] | None = None
    """Reads the time; raises `ValueError`. `None` if the vendor signs none."""
    window: Window | None = None
    key: Callable[[str], bytes] = str.encode
    """The bytes of a secret from its written form."""

    def check_headers(self, headers: Headers, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`."""
        self._header_in(headers, now)

    def _header_in(self, headers: Headers, now: datetime) -> SignatureHeader:
        header = self.read_header(headers)
        if self.instant is not None and self.window is not None:
            check_time(header.stamp, self.instant, self.window, now)
        return header

    def check(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`."""
        header = self._header_in(delivery.headers, now)
        message = self.message(delivery.body, header.stamp)
        digests = [hmac.digest(self.key(secret), message, self.algorithm) for secret in secrets]
        given = [read for text in header.signatures if (read := self._bytes(text)) is not None]
        # Every pair is compared, so that the duration does not reveal where a match was.
        matches = [hmac.compare_digest(digest, signature) for digest in digests for signature in given]
        if not any(matches):
            raise InvalidSignature("the signature does not match")

    def _bytes(self, text: str) -> bytes | None:
        """A signature's bytes; only the one spelling that its vendor writes is accepted."""
        try:
            read = base64.b64decode(text, validate=True) if self.in_base64 else bytes.fromhex(text)
        except (ValueError, binascii.Error):
            return None
        spelled = base64.b64encode(read).decode() if self.in_base64 else read.hex()
        return read if spelled == text else None


class SharedSecret(Struct, frozen=True, kw_only=True):
    """Carries the secret itself in a header, behind a fixed word."""

    secret_is: str
    header: str
    prefix: str = ""

    def check(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`."""
        self.check_headers(delivery.headers, secrets, now)

    def check_headers(self, headers: Headers, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`; the headers prove everything here."""
        given = headers.get(self.header, "")
        if not given.startswith(self.prefix):
            raise InvalidSignature(f"the header {self.header} is missing or has another form")
        check_secret(given.removeprefix(self.prefix), secrets)


class AnyOf(Struct, frozen=True, kw_only=True):
    """Any one of several ways, whichever a delivery uses."""

    secret_is: str
    ways: tuple[SignatureVerifier, ...]

    def check_headers(self, headers: Headers, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`."""
        self._any(lambda way: way.check_headers(headers, secrets, now))

    def check(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`."""
        self._any(lambda way: way.check(delivery, secrets, now))

    def _any(self, check: Callable[[SignatureVerifier], None]) -> None:
        reason = "there is no signature or secret"
        for way in self.ways:
            try:
                check(way)
            except InvalidSignature as error:
                reason = str(error)
            else:
                return
        raise InvalidSignature(reason)


class SecretAddress(Struct, frozen=True, kw_only=True):
    """Not signed at all: the address contains a secret, and every delivery to it is accepted.

    Our choice for vendors that document no signature. The door's own service checks the address; a delivery
    that got this far has used it.
    """

    secret_is: str = ""
    signed: SignatureVerifier | None = None
    """How deliveries are signed besides, if the source has a secret."""

    def check_headers(self, headers: Headers, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`."""
        if self.signed is not None and secrets:
            self.signed.check_headers(headers, secrets, now)

    def check(self, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
        """See `SignatureVerifier`."""
        if self.signed is not None and secrets:
            self.signed.check(delivery, secrets, now)


def check_secret(presented: str, secrets: Sequence[str]) -> None:
    """Return if a text is one of the secrets; raises `InvalidSignature`."""
    matches = [hmac.compare_digest(presented.encode(), secret.encode()) for secret in secrets]
    if not any(matches):
        raise InvalidSignature("the secret does not match")


def check_time(stamp: str, read: Callable[[str], datetime], window: Window, now: datetime) -> None:
    """Return if a written time is within the window; raises `InvalidSignature`."""
    try:
        instant = read(stamp)
    except (ValueError, OverflowError, OSError):
        raise InvalidSignature("the time cannot be read") from None
    if instant < now - window.past:
        raise InvalidSignature("the time is too far in the past")
    if instant > now + window.future:
        raise InvalidSignature("the time is in the future")


def one_header(name: str) -> Callable[[Headers], SignatureHeader]:
    """The signature is the whole of a header."""

    def read(headers: Headers) -> SignatureHeader:
        return SignatureHeader((_required(headers, name),))

    return read


def two_headers(name: str, time_name: str, separator: str = "") -> Callable[[Headers], SignatureHeader]:
    """The signature in one header, the time in another; with a separator the first may have several."""

    def read(headers: Headers) -> SignatureHeader:
        written = _required(headers, name)
        each = [part.strip() for part in written.split(separator)] if separator else [written]
        return SignatureHeader(tuple(each), _required(headers, time_name))

    return read


def pairs_in_header(name: str, stamp: str, signature: str) -> Callable[[Headers], SignatureHeader]:
    """Time and signatures as `t=…,v1=…` in one header, under the given names."""

    def read(headers: Headers) -> SignatureHeader:
        pairs = [part.strip().partition("=") for part in _required(headers, name).split(",")]
        stamps = [value for key, _, value in pairs if key == stamp]
        if len(stamps) != 1:
            raise InvalidSignature(f"the header {name} has no time")
        return SignatureHeader(tuple(value for key, _, value in pairs if key == signature), stamps[0])

    return read


def _standard(headers: Headers) -> SignatureHeader:
    # Svix, where the standard comes from, still writes its own names by default; the scheme is the same.
    name = "svix" if "webhook-signature" not in headers and "svix-signature" in headers else "webhook"
    written = _required(headers, f"{name}-signature").split(" ")
    signatures = [text for version, _, text in (part.partition(",") for part in written) if version == "v1"]
    stamp = f"{_required(headers, f'{name}-id')}.{_required(headers, f'{name}-timestamp')}"
    return SignatureHeader(tuple(signatures), stamp)


def _standard_key(secret: str) -> bytes:
    """A secret is base64 behind `whsec_`; one that is not counts as it is written (our choice)."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error):
        return secret.encode()


def _required(headers: Headers, name: str) -> str:
    value = headers.get(name)
    if not value:
        raise InvalidSignature(f"the header {name} is missing")
    return value


def epoch_seconds(text: str) -> datetime:
    """Unix seconds as digits; raises `ValueError`."""
    return _epoch(text, 1)


def epoch_milliseconds(text: str) -> datetime:
    """Unix milliseconds as digits; raises `ValueError`."""
    return _epoch(text, 1000)


def _epoch(text: str, per_second: int) -> datetime:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ValueError("not a Unix time")
    return datetime.fromtimestamp(int(text) / per_second, UTC)


STANDARD_WEBHOOKS = HmacSigned(
    secret_is="the secret, as `whsec_…`",  # noqa: S106
    read_header=_standard,
    message=lambda body, stamp: stamp.encode() + b"." + body,
    in_base64=True,
    instant=lambda stamp: epoch_seconds(stamp.rpartition(".")[2]),
    window=Window(past=timedelta(minutes=5), future=timedelta(minutes=5)),
    key=_standard_key,
)
"""Standard Webhooks with a shared secret (`v1`); signatures of other versions are ignored."""
