"""Every signature that a vendor makes is accepted, and nothing else is."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from tests.vendors.signatures import (
    Cases,
    NoSignatureCases,
    cases,
    reads_the_same,
    refuses,
    signing_of,
    with_one_byte_changed,
)
from trunkline.kit.door import Door
from trunkline.kit.signatures import Delivery, InvalidSignature, SignatureVerifier
from trunkline.vendors import doors

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIGNED = [door for door in doors().values() if signing_of(door) is not None]


def found() -> list[tuple[Door, str]]:
    ways = []
    for door in SIGNED:
        with suppress(NoSignatureCases):  # which fails by itself, below
            ways += [(door, way) for way in cases(door.name).ways]
    return ways


WAYS = found()
every_way = pytest.mark.parametrize(("door", "way"), WAYS, ids=[f"{door.name}-{way}" for door, way in WAYS])


@pytest.mark.parametrize("door", SIGNED, ids=[door.name for door in SIGNED])
def test_a_vendor_that_signs_has_signature_cases(door: Door) -> None:
    try:
        cases(door.name)
    except NoSignatureCases as error:
        pytest.fail(str(error))


def signing(door: Door) -> SignatureVerifier:
    checked = signing_of(door)
    assert checked is not None
    return checked


def sent(door: Door, way: str, at: datetime = NOW, secret: str | None = None) -> Delivery:
    known: Cases = cases(door.name)
    return known.ways[way].signed(known.body, at, known.secret if secret is None else secret)


def refused(door: Door, delivery: Delivery) -> bool:
    return refuses(signing(door), delivery, [cases(door.name).secret], NOW)


@every_way
def test_a_delivery_is_accepted_that_any_one_of_the_secrets_signed(door: Door, way: str) -> None:
    secret = cases(door.name).secret
    for secrets in ([secret], [f"{secret}x", secret], [secret, f"{secret}x"]):
        signing(door).check(sent(door, way), secrets, NOW)


@every_way
def test_a_delivery_is_refused_that_another_secret_signed_or_nobody(door: Door, way: str) -> None:
    secret = cases(door.name).secret
    assert refused(door, sent(door, way, secret=f"{secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}"))
    with pytest.raises(InvalidSignature):
        signing(door).check(sent(door, way), [], NOW)
    assert refused(door, structs.replace(sent(door, way), headers={}))


@every_way
def test_a_delivery_is_refused_without_one_of_its_headers_or_with_an_empty_one(door: Door, way: str) -> None:
    delivery = sent(door, way)
    for name in delivery.headers:
        if name != "content-type":
            rest = {other: value for other, value in delivery.headers.items() if other != name}
            assert refused(door, structs.replace(delivery, headers=rest)), name
            assert refused(door, structs.replace(delivery, headers={**rest, name: ""})), name


@every_way
def test_the_headers_alone_refuse_what_shows_nothing_and_nothing_that_is_genuine(
    door: Door, way: str
) -> None:
    delivery, secrets = sent(door, way), [cases(door.name).secret]
    signing(door).check_headers(delivery.headers, secrets, NOW)
    with pytest.raises(InvalidSignature):
        signing(door).check_headers({}, secrets, NOW)


@every_way
def test_every_change_of_one_byte_of_the_body_is_refused(door: Door, way: str) -> None:
    known = cases(door.name).ways[way]
    if not known.covers_body:
        return
    delivery = sent(door, way)
    content_type = delivery.headers.get("content-type", "application/json")
    for body in with_one_byte_changed(delivery.body, (0x01, 0x20)):
        if not (known.reads_document and reads_the_same(delivery.body, body, content_type)):
            assert refused(door, structs.replace(delivery, body=body)), body


@every_way
def test_every_change_of_one_byte_of_a_header_or_of_the_address_is_refused(door: Door, way: str) -> None:
    delivery = sent(door, way)
    for name, value in delivery.headers.items():
        for changed in with_one_byte_changed(value.encode(), (0x01, 0x20)):
            headers = {**delivery.headers, name: changed.decode("latin-1")}
            if name != "content-type":
                assert refused(door, structs.replace(delivery, headers=headers)), headers
    for url in with_one_byte_changed(delivery.url.encode(), (0x01, 0x20)):
        assert refused(door, structs.replace(delivery, url=url.decode("latin-1"))), url


@every_way
def test_a_delivery_is_accepted_within_its_window_and_refused_outside(door: Door, way: str) -> None:
    window = cases(door.name).ways[way].window
    if window is None:
        assert not refused(door, sent(door, way, at=NOW - timedelta(days=400)))
        return
    second = timedelta(seconds=1)
    for at in (NOW, NOW - window.past, NOW + window.future):
        assert not refused(door, sent(door, way, at=at)), at
    for at in (NOW - window.past - second, NOW + window.future + second):
        assert refused(door, sent(door, way, at=at)), at
