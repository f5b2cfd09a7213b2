"""Twilio's signature: published vectors, the vendor's own validator both ways, and what is refused."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vendors.signatures import is_accepted, with_one_byte_changed, with_one_character_changed

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
FIELDS = {
    "Digits": "1234",
    "To": "+18005551212",
    "From": "+14158675310",
    "Caller": "+14158675310",
    "CallSid": "CA1234567890ABCDE",
}
URL = "https://example.com/myapp.php?foo=1&bar=2"
SIGNATURE = "L/OH5YylLD5NRKLltdqwSvS0BnU="
SECRET = "12345"


def is_accepted_here(
    fields: dict[str, str] | bytes, signature: str, *, url: str = URL, kind: str = FORM, **headers: str
) -> bool:
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    shown = {"content-type": kind, "x-twilio-signature": signature, **headers}
    return is_accepted("twilio", body, shown, NOW, secret=SECRET, url=url)


def validator() -> Any:
    return pytest.importorskip("twilio.request_validator").RequestValidator(SECRET)


@pytest.mark.claim("twilio:signature")
@pytest.mark.parametrize(
    ("url", "caller", "signature"),
    [
        (URL, "+14158675310", SIGNATURE),
        ("https://mycompany.com/myapp.php?foo=1&bar=2", "+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
        ("https://mycompany.com/myapp.php?foo=1&bar=2", "+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ],
)
def test_published_signatures_are_accepted(url: str, caller: str, signature: str) -> None:
    assert is_accepted_here({**FIELDS, "From": caller, "Caller": caller}, signature, url=url)


@pytest.mark.claim("twilio:signature")
def test_any_changed_byte_of_the_form_is_refused() -> None:
    body = urlencode(FIELDS).encode()
    assert is_accepted_here(body, SIGNATURE)
    changed = [one for one in with_one_byte_changed(body) if _fields(one) != _fields(body)]
    assert len(changed) > len(body) * 0.9
    assert [one for one in changed if is_accepted_here(one, SIGNATURE)] == []


def _fields(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode(errors="replace"), keep_blank_values=True)


def test_any_changed_character_of_the_signature_or_the_address_is_refused() -> None:
    assert [one for one in with_one_character_changed(SIGNATURE) if is_accepted_here(FIELDS, one)] == []
    assert [
        one for one in with_one_character_changed(URL) if is_accepted_here(FIELDS, SIGNATURE, url=one)
    ] == []
    assert not is_accepted_here(FIELDS, "")
    assert not is_accepted_here(FIELDS, "é" * 28)


def test_the_signature_of_another_secret_is_refused() -> None:
    body = urlencode(FIELDS).encode()
    shown = {"content-type": FORM, "x-twilio-signature": SIGNATURE}
    assert not is_accepted("twilio", body, shown, NOW, secret="54321", url=URL)


@pytest.mark.claim("twilio:signature.port")
@pytest.mark.parametrize(
    ("signed", "seen"),
    [
        ("https://example.com/hook?a=1", "https://example.com:443/hook?a=1"),
        ("https://example.com:443/hook?a=1", "https://example.com/hook?a=1"),
        ("http://example.com:80/hook", "http://example.com/hook"),
        ("https://example.com/hook", "https://example.com:8443/hook"),
    ],
)
def test_an_address_is_tried_with_and_without_its_port(signed: str, seen: str) -> None:
    signature = validator().compute_signature(signed, FIELDS)
    assert is_accepted_here(FIELDS, signature, url=seen)


@pytest.mark.claim("twilio:signature.json")
def test_a_json_body_is_covered_by_its_hash_in_the_address() -> None:
    body = b'{"CallSid":"CA1","CallStatus":"ringing"}'
    url = f"https://example.com/hook?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = validator().compute_signature(url, {})
    assert is_accepted_here(body, signature, url=url, kind="application/json")
    for changed in with_one_byte_changed(body):
        assert not is_accepted_here(changed, signature, url=url, kind="application/json")


@pytest.mark.claim("twilio:signature.uncovered")
def test_a_body_that_the_signature_does_not_cover_is_refused() -> None:
    url = "https://example.com/hook"
    signature = validator().compute_signature(url, {})
    assert is_accepted_here(b"", signature, url=url, kind="")
    assert not is_accepted_here(b'{"CallSid":"CA1"}', signature, url=url, kind="application/json")
    assert not is_accepted_here(b"\xff=1", signature, url=url)


@pytest.mark.claim("twilio:signature.sha256")
def test_a_shared_key_signs_with_the_algorithm_that_its_header_names() -> None:
    signature = validator().compute_signature(URL, FIELDS, "HMAC_SHA256")
    settings_header = {"x-twilio-webhooks-signature-settings": "key=k,algorithm=HMAC_SHA256"}
    assert is_accepted_here(FIELDS, signature, **settings_header)
    assert not is_accepted_here(FIELDS, signature)
    assert not is_accepted_here(
        FIELDS, signature, **{"x-twilio-webhooks-signature-settings": "algorithm=HMAC_MD5"}
    )


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@given(
    fields=st.dictionaries(names, names, max_size=6), path=st.from_regex(r"/[a-z0-9/]{0,12}", fullmatch=True)
)
@settings(max_examples=200, deadline=None)
def test_the_vendors_validator_and_this_door_agree(fields: dict[str, str], path: str) -> None:
    url = f"https://hooks.example.com{path}"
    signature = validator().compute_signature(url, fields)
    assert is_accepted_here(fields, signature, url=url)
    assert validator().validate(url, fields, signature)
