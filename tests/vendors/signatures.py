"""How vendors sign, for the tests: each vendor's own cases, and deliveries that are damaged in every way."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tests.vendors.captures import folder
from trunkline.kit.door import Door, document_of
from trunkline.kit.payload import Unreadable
from trunkline.kit.signatures import Delivery, InvalidSignature, SecretAddress, SignatureVerifier, Window
from trunkline.vendors import doors


class Way(NamedTuple):
    """One way in which a vendor signs, written from its pages without the code that is tested."""

    signed: Callable[[bytes, datetime, str], Delivery]
    """From a body, the time and the secret to the delivery."""
    window: Window | None
    """How far the signed time may lie from ours; `None` if no time is signed."""
    covers_body: bool = True
    """Whether the signature is over the body, so that a changed byte of it is found."""
    reads_document: bool = False
    """Whether the content of the body is signed rather than its bytes, so that another spelling passes."""


class Cases(NamedTuple):
    """A vendor's own `signatures.py`."""

    secret: str
    body: bytes
    ways: Mapping[str, Way]


class NoSignatureCases(Exception):
    """A vendor signs deliveries and its tests do not; the text is a sentence that says what is missing."""


def signing_of(door: Door) -> SignatureVerifier | None:
    """What is to be signed: `None` where the address alone is the secret."""
    return door.signature.signed if isinstance(door.signature, SecretAddress) else door.signature


def cases(vendor: str) -> Cases:
    """The signature cases of a vendor; raises `NoSignatureCases`."""
    path = folder(vendor) / "signatures.py"
    if not path.exists():
        raise NoSignatureCases(
            f"{vendor} signs its deliveries and no test does: write {path} with SECRET, BODY and WAYS, "
            "which sign by hand as the vendor's pages say"
        )
    try:
        module = _module(path)
        found = Cases(module["SECRET"], module["BODY"], module["WAYS"])  # type: ignore[arg-type]
    except Exception as error:
        raise NoSignatureCases(f"{path} cannot be used: {type(error).__name__}: {error}") from error
    if not found.ways:
        raise NoSignatureCases(f"{path} has no WAYS, so that no signature of {vendor} is tried")
    return found


def _module(path: Path) -> dict[str, object]:
    spec = importlib.util.spec_from_file_location(f"signatures_of_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def refuses(signing: SignatureVerifier, delivery: Delivery, secrets: Sequence[str], now: datetime) -> bool:
    """Whether a delivery is refused."""
    try:
        signing.check(delivery, secrets, now)
    except InvalidSignature:
        return True
    return False


def is_accepted(
    vendor: str, body: bytes, headers: dict[str, str], now: datetime, *, secret: str, url: str = ""
) -> bool:
    """Whether a vendor's door accepts a delivery."""
    delivery = Delivery(body=body, headers=headers, url=url)
    return not refuses(doors()[vendor].signature, delivery, ["another secret", secret], now)


def reads_the_same(body: bytes, other: bytes, content_type: str) -> bool:
    """Whether two bodies are one document."""
    try:
        return bool(document_of(other, content_type) == document_of(body, content_type))
    except Unreadable:
        return False


# -- damage ---------------------------------------------------------------


def mutations(data: bytes) -> Iterator[bytes]:
    """Every text that differs in one byte, by every other byte."""
    for place in range(len(data)):
        for other in range(256):
            if other != data[place]:
                yield data[:place] + bytes([other]) + data[place + 1 :]


def with_one_byte_changed(body: bytes, bits: Sequence[int] = (0x01,)) -> Iterator[bytes]:
    """Every body that differs in one bit of one byte, for some bits; 0x20 is that of a letter's case."""
    for at, byte in enumerate(body):
        for bit in bits:
            yield body[:at] + bytes([byte ^ bit]) + body[at + 1 :]


def with_one_character_changed(text: str) -> Iterator[str]:
    """Every text that differs in a single character."""
    for index, character in enumerate(text):
        yield text[:index] + ("0" if character != "0" else "1") + text[index + 1 :]
