"""Keys over HTTP: what each coat opens, and what it does not."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import asyncpg
import httpx2
import msgspec
import pytest

from tests.conftest import MAX_WAIT_SECONDS, Background, Server, World
from trunkline.compose import Services, services
from trunkline.kit.auth import public_name
from trunkline.kit.dialect import Dialect
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import call_id
from trunkline.model.words import Status
from trunkline.service.keys import CreatedKey
from trunkline.service.lookups import LOOKUP_SECONDS
from trunkline.vendors import dialects

DIALECTS = sorted(dialects())

Headers = dict[str, str]


def ask(
    world: World, dialect: str, headers: Headers | list[tuple[str, str]] | list[tuple[bytes, bytes]]
) -> httpx2.Response:
    return world.get(dialect, dialects()[dialect].operations[0].path, headers=headers)


def assert_refused(answer: httpx2.Response, dialect: Dialect, *faults: Fault) -> None:
    """The answer is the vendor's own error body for one of some faults."""
    expected = [dialect.errors.answer(Refused(fault)) for fault in faults]
    assert answer.headers["content-type"] == dialect.errors.media_type
    msgspec.json.decode(answer.content, type=dialect.errors.shape)
    said = [(status, msgspec.to_builtins(body)) for status, body in expected]
    assert (answer.status_code, answer.json()) in said


def body_of(key: Headers) -> str:
    """The bare key, from a dialect that sends it without a prefix."""
    return key["Authorization"].rpartition("_")[2]


def headers_with(dialect: Dialect, token: str) -> Headers:
    """A token as it is, in the header in which a dialect expects its key."""
    (schema, *_) = dialect.auth.openapi.values()
    return {schema["name"]: token} if schema["type"] == "apiKey" else {"Authorization": f"Bearer {token}"}


def as_bytes(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers whose values represent bytes, since not all of them are ASCII."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def tokens(headers: Headers) -> list[str]:
    return [value.removeprefix("Bearer ") for value in headers.values()]


# -- coats ----------------------------------------------------------------


@pytest.mark.parametrize("name", DIALECTS)
def test_the_coat_of_a_dialect_opens_that_dialect(name: str, world: World) -> None:
    assert ask(world, name, world.headers[name]).status_code == 200


@pytest.mark.parametrize(("coat", "name"), list(permutations(DIALECTS, 2)))
def test_the_coat_of_a_dialect_opens_no_other_not_even_as_a_raw_token(
    coat: str, name: str, world: World
) -> None:
    dialect = dialects()[name]
    faults = (Fault.NO_CREDENTIAL, Fault.MALFORMED_CREDENTIAL, Fault.UNKNOWN_CREDENTIAL)
    assert_refused(ask(world, name, world.headers[coat]), dialect, *faults)
    for token in tokens(world.headers[coat]):
        assert_refused(ask(world, name, headers_with(dialect, token)), dialect, *faults)
        pair = {"X-API-KEY": token, "X-API-SECRET": world.headers["zudu"]["X-API-SECRET"]}
        if name == "zudu":
            assert_refused(ask(world, name, pair), dialect, *faults)


@pytest.mark.parametrize("name", sorted({*DIALECTS} - {"zudu"}))
def test_the_public_name_of_a_pair_cannot_be_dressed_as_a_key(name: str, world: World) -> None:
    dialect = dialects()[name]
    public = world.headers["zudu"]["X-API-KEY"].removeprefix("sk_")
    secret = world.headers["zudu"]["X-API-SECRET"].removeprefix("s3cr3t_")
    assert public == public_name(body_of(world.headers["callem"]))
    (own,) = tokens(world.headers[name])
    prefix = own.removesuffix(body_of(world.headers["callem"]))
    for body in (public, secret, secret + "0" * 12, public.upper(), body_of(world.headers["callem"])[:-1]):
        answer = ask(world, name, headers_with(dialect, prefix + body))
        assert_refused(answer, dialect, Fault.UNKNOWN_CREDENTIAL, Fault.MALFORMED_CREDENTIAL)


def test_the_body_of_a_key_cannot_replace_the_public_name_of_a_pair(world: World) -> None:
    secret = world.headers["zudu"]["X-API-SECRET"]
    body = body_of(world.headers["callem"])
    for token in (body, f"sk_{body}", f"ck_live_{body}"):
        answer = ask(world, "zudu", {"X-API-KEY": token, "X-API-SECRET": secret})
        assert_refused(answer, dialects()["zudu"], Fault.UNKNOWN_CREDENTIAL)


def test_a_pair_needs_its_own_secret(new_world: Callable[..., World]) -> None:
    world, other = new_world(), new_world()
    pair, dialect = world.headers["zudu"], dialects()["zudu"]
    key, secret = pair["X-API-KEY"], pair["X-API-SECRET"]
    assert_refused(ask(world, "zudu", {"X-API-KEY": key}), dialect, Fault.NO_CREDENTIAL)
    assert_refused(ask(world, "zudu", {"X-API-SECRET": secret}), dialect, Fault.NO_CREDENTIAL)
    assert_refused(ask(world, "zudu", {**pair, "X-API-SECRET": ""}), dialect, Fault.NO_CREDENTIAL)
    wrong = (other.headers["zudu"]["X-API-SECRET"], secret[:-1], f"{secret}0", secret.upper(), key, "s3cr3t_")
    for text in wrong:
        answer = ask(world, "zudu", {"X-API-KEY": key, "X-API-SECRET": text})
        assert_refused(answer, dialect, Fault.UNKNOWN_CREDENTIAL)
    assert ask(world, "zudu", pair).status_code == 200


def test_butter_takes_its_key_as_a_bearer_token_too_and_only_for_the_org_that_is_named(world: World) -> None:
    token = world.headers["butter"]["X-API-Key"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert ask(world, "butter", bearer).status_code == 200
    assert ask(world, "butter", {**bearer, "X-Organization-Id": world.name}).status_code == 200
    answer = ask(world, "butter", {**bearer, "X-Organization-Id": "another"})
    assert answer.status_code in (401, 403)
    msgspec.json.decode(answer.content, type=dialects()["butter"].errors.shape)


BAD_TOKENS = ["", "x", "\xe9", "a b", "a" * 513, "a" * 60_000, "0" * 60, "null", "\xff\xfe"]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_token_of_any_other_form_is_refused_in_the_words_of_the_vendor(name: str, world: World) -> None:
    dialect = dialects()[name]
    faults = (Fault.NO_CREDENTIAL, Fault.MALFORMED_CREDENTIAL, Fault.UNKNOWN_CREDENTIAL)
    assert_refused(ask(world, name, {}), dialect, Fault.NO_CREDENTIAL)
    headers = world.headers[name]
    prefixes = {token.rpartition("_")[0] + "_" for token in tokens(headers)}
    for text in [*BAD_TOKENS, *(prefix + text for prefix in prefixes for text in BAD_TOKENS)]:
        for header, value in headers.items():
            scheme = "Bearer " if value.startswith("Bearer ") else ""
            changed = {**headers, header: f"{scheme}{text}".strip()}
            assert_refused(ask(world, name, as_bytes(changed)), dialect, *faults)
    for scheme in ("Basic", "bearer", "Bearer", "Token", ""):
        answer = ask(world, name, {"Authorization": scheme})
        assert_refused(answer, dialect, Fault.NO_CREDENTIAL, Fault.MALFORMED_CREDENTIAL)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_key_that_is_sent_twice_is_never_read_as_two_keys_in_one(name: str, world: World) -> None:
    for first, second in (("x", ""), ("", "x")):
        twice = [
            (header, value + end) for end in (first, second) for header, value in world.headers[name].items()
        ]
        assert ask(world, name, twice).status_code == 400


# -- imported keys ---------------------------------------------------------


@pytest.mark.parametrize("name", DIALECTS)
def test_an_imported_key_works_in_its_own_dialect_only(name: str, world: World) -> None:
    (own, *_) = tokens(world.headers[name])
    token = own[:-60] + uuid.uuid4().hex
    secret = "s3cr3t_" + uuid.uuid4().hex if name == "zudu" else None
    world.run(world.joined.keys.import_key(world.name, name, token, secret))
    extra = {"X-API-SECRET": secret} if secret else {}
    for other, dialect in dialects().items():
        answer = ask(world, other, {**headers_with(dialect, token), **extra})
        if other == name:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 401
            msgspec.json.decode(answer.content, type=dialect.errors.shape)


# -- keys that are no longer good -----------------------------------------


@pytest.mark.parametrize("name", DIALECTS)
def test_a_revoked_key_is_refused(name: str, world: World) -> None:
    assert ask(world, name, world.headers[name]).status_code == 200
    world.run(world.joined.keys.revoke(world.name, world.key_id))
    answer = ask(world, name, world.headers[name])
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while answer.status_code == 200 and time.monotonic() < deadline:
        answer = ask(world, name, world.headers[name])  # another process may have looked it up just now
    assert_refused(answer, dialects()[name], Fault.REVOKED_CREDENTIAL)


def test_a_lookup_of_a_key_counts_for_less_than_a_second() -> None:
    assert LOOKUP_SECONDS < 1


@pytest.fixture(scope="session")
def of_yesterday(background: Background, embedded_url: str) -> Iterator[Services]:
    def yesterday() -> datetime:
        return datetime.now(UTC) - timedelta(days=1)

    opened = services(embedded_url, pool_size=1, clock=yesterday)
    yield background.run(opened.__aenter__())
    background.run(opened.__aexit__(None, None, None))


def test_an_expired_key_is_refused_and_one_that_has_time_left_is_not(
    world: World, of_yesterday: Services
) -> None:
    def made(lifetime: timedelta) -> CreatedKey:
        return world.run(of_yesterday.keys.create(world.name, lifetime=lifetime))

    expired, good = made(timedelta(hours=23)), made(timedelta(hours=25))
    for name, dialect in dialects().items():
        assert_refused(ask(world, name, expired.headers[name]), dialect, Fault.EXPIRED_CREDENTIAL)
        assert ask(world, name, good.headers[name]).status_code == 200


def test_a_key_must_have_the_scope_to_read(world: World) -> None:
    def made(scope: str) -> dict[str, Headers]:
        return world.run(world.joined.keys.create(world.name, scopes=(scope,))).headers

    write, read, admin = made("write"), made("read"), made("admin")
    for name, dialect in dialects().items():
        assert_refused(ask(world, name, write[name]), dialect, Fault.SCOPE_MISSING)
        assert ask(world, name, read[name]).status_code == 200
        assert ask(world, name, admin[name]).status_code == 200


# -- addresses ------------------------------------------------------------

HERE, ELSEWHERE = "127.0.0.0/8", "203.0.113.0/24"


@pytest.fixture(scope="module")
def behind_a_proxy(embedded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    log = tmp_path_factory.mktemp("proxied") / "server.log"
    server = Server(embedded_url, log, TRUNKLINE_TRUSTED_PROXIES="127.0.0.0/8", TRUNKLINE_POOL_SIZE="2")
    server.wait_until_ready()
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        yield client
    server.stop()


def allowed(world: World, *addresses: str) -> dict[str, Headers]:
    return world.run(world.joined.keys.create(world.name, addresses=addresses)).headers


def test_a_key_with_an_address_list_is_refused_from_elsewhere_in_the_words_of_each_vendor(
    world: World,
) -> None:
    here, elsewhere = allowed(world, ELSEWHERE, HERE), allowed(world, ELSEWHERE)
    for name, dialect in dialects().items():
        assert ask(world, name, here[name]).status_code == 200
        assert_refused(ask(world, name, elsewhere[name]), dialect, Fault.ADDRESS_NOT_ALLOWED)


def test_nobody_can_say_where_they_are_to_a_server_that_trusts_no_proxy(world: World) -> None:
    key = allowed(world, ELSEWHERE)["callem"]
    answer = ask(world, "callem", {**key, "X-Forwarded-For": "203.0.113.9"})
    assert_refused(answer, dialects()["callem"], Fault.ADDRESS_NOT_ALLOWED)


@pytest.mark.parametrize(
    ("forwarded", "good"),
    [
        ("203.0.113.9", True),
        ("198.51.100.1, 203.0.113.9", True),
        ("::ffff:203.0.113.9", True),
        ("203.0.113.9, 198.51.100.1", False),  # addresses further left were written by the client itself
        ("203.0.113.9:443", False),
        ("unknown", False),
        ("\xff", False),
        ("", False),
        (None, False),
    ],
)
def test_a_trusted_proxy_is_believed_as_to_the_last_address_it_names(
    forwarded: str | None, good: bool, world: World, behind_a_proxy: httpx2.Client
) -> None:
    headers = as_bytes(allowed(world, ELSEWHERE)["callem"])
    if forwarded is not None:
        headers.append((b"X-Forwarded-For", forwarded.encode("latin-1")))
    answer = behind_a_proxy.get("/callem/v1/calls", headers=headers)
    if good:
        assert answer.status_code == 200
    else:
        assert_refused(answer, dialects()["callem"], Fault.ADDRESS_NOT_ALLOWED)


# -- one org and the others -----------------------------------------------


def test_an_org_never_sees_the_calls_of_another(new_world: Callable[..., World]) -> None:
    one, other = new_world(), new_world()
    for name, dialect in dialects().items():
        call = _call(name)
        one.take([call])
        printed = dialect.ids.printed(call)
        path = dialect.operations[1].path.replace("{id}", printed)
        assert one.get(name, path).status_code == 200
        refused = Refused(Fault.FOREIGN_CALL if name == "butter" else Fault.CALL_NOT_FOUND, printed)
        status, body = dialect.errors.answer(refused)
        answer = other.get(name, path)
        assert (answer.status_code, answer.json()) == (status, msgspec.to_builtins(body))
        assert answer.status_code == (403 if name == "butter" else 404)
        listed = ask(other, name, other.headers[name])
        assert listed.status_code == 200
        assert printed not in listed.text
        assert printed in ask(one, name, one.headers[name]).text


def _call(vendor: str) -> Call:
    number = uuid.uuid4()
    name = f"{vendor}_{number.hex[:12]}"
    printed_id = {"contactship": str(number), "callem": number.hex[:24]}.get(vendor, name)
    return Call(
        id=call_id(vendor, printed_id),
        vendor=vendor,
        vendor_call_id=printed_id,
        status=Status.COMPLETED,
        created_at=datetime.now(UTC),
    )


# -- what is stored of a key ------------------------------------------------


async def _everything(url: str) -> str:
    """Every row of every table, as text."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        dumps: list[Any] = []
        for (table,) in tables:
            dumps += await connection.fetch(f'SELECT t::text FROM "{table}" t')
        return "\n".join(row[0] for row in dumps)
    finally:
        await connection.close()


def test_nothing_of_a_key_is_in_the_database_or_in_the_log_of_the_server(
    new_world: Callable[..., World], server: Server, embedded_url: str
) -> None:
    world = new_world()
    body, secret = body_of(world.headers["callem"]), world.headers["zudu"]["X-API-SECRET"]
    imported = {name: uuid.uuid4().hex for name in ("contactship", "butter")}
    for name, token in imported.items():
        world.run(world.joined.keys.import_key(world.name, name, token, None))
        assert ask(world, name, headers_with(dialects()[name], token)).status_code == 200
    for name, dialect in dialects().items():
        headers = world.headers[name]
        (listing, get, *_) = dialect.operations
        for suffix in ("x", "\xff", ""):
            wrong = {header: value + suffix for header, value in headers.items()}
            ask(world, name, as_bytes(wrong))
        for token in tokens(headers):
            world.get(name, get.path.replace("{id}", token))
            world.get(name, f"{listing.path}?{token}=1&api_key={token}&limit={token}&page_size={token}")
            world.get(name, f"/{token}")
            world.get(name, f"{listing.path}?x=1", headers={**headers, "X-Organization-Id": token})
    kept = {
        "the database": asyncio.run(_everything(embedded_url)),
        "the log": server.log.read_text(),
    }
    assert world.name in kept["the database"]
    assert "MALFORMED_CREDENTIAL" in kept["the log"]
    texts = {body, public_name(body), secret, secret.removeprefix("s3cr3t_"), *imported.values()}
    for place, text in kept.items():
        for part in texts:
            assert part not in text, place
            assert part.encode().hex() not in text, place
