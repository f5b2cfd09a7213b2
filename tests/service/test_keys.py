"""Keys against a real database, with a clock that the test turns."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Background, World
from trunkline.compose import Services
from trunkline.kit.auth import Credential
from trunkline.model.faults import Fault, Refused
from trunkline.service.keys import Caller, CreatedKey, KeyProblem, Keys
from trunkline.store.keys import KeyStore, ListedKey
from trunkline.vendors import dialects

DIALECTS = sorted(dialects())


class Desk:
    """Keys of one org, and the time."""

    def __init__(self, background: Background, joined: Services) -> None:
        self.org = f"org-{uuid.uuid4().hex[:12]}"
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.keys = Keys(KeyStore(joined.pool), dialects(), lambda: self.now)
        self.run = background.run

    def make(
        self, *, scopes: tuple[str, ...] = ("read",), days: float | None = None, allow: tuple[str, ...] = ()
    ) -> CreatedKey:
        lifetime = None if days is None else timedelta(days=days)
        made = self.keys.create(self.org, scopes=scopes, lifetime=lifetime, addresses=allow)
        return self.run(made)

    def check(
        self, key: CreatedKey, dialect: str = "callem", address: str | None = "127.0.0.1", scope: str = "read"
    ) -> Caller:
        headers = {name.lower(): value for name, value in key.headers[dialect].items()}
        credential = dialects()[dialect].auth.read(headers)
        return self.run(self.keys.check(dialect, credential, address, scope))

    def fault(self, check: Callable[[], Caller]) -> Fault:
        with pytest.raises(Refused) as refused:
            check()
        return refused.value.fault

    def listed(self) -> list[ListedKey]:
        return self.run(self.keys.listed(self.org))


@pytest.fixture
def desk(background: Background, joined: Services) -> Desk:
    return Desk(background, joined)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_key_names_its_org_in_every_dialect(dialect: str, desk: Desk) -> None:
    key = desk.make()
    caller = desk.check(key, dialect)
    assert (caller.org.name, caller.key_id) == (desk.org, key.id)


def test_a_key_is_good_until_the_instant_at_which_it_expires(desk: Desk) -> None:
    key = desk.make(days=1)
    desk.now += timedelta(days=1, microseconds=-1)
    desk.check(key)
    desk.now += timedelta(microseconds=1)
    assert desk.fault(lambda: desk.check(key)) is Fault.EXPIRED_CREDENTIAL


def test_a_key_without_a_lifetime_is_good_for_ever_and_one_with_none_left_is_not_good_at_all(
    desk: Desk,
) -> None:
    for_ever, never = desk.make(), desk.make(days=0)
    assert desk.fault(lambda: desk.check(never)) is Fault.EXPIRED_CREDENTIAL
    desk.now += timedelta(days=36500)
    desk.check(for_ever)


def test_a_revoked_key_is_refused_at_once_and_cannot_be_revoked_again(desk: Desk) -> None:
    key, other = desk.make(), desk.make()
    assert desk.run(desk.keys.revoke(desk.org, key.id))
    assert desk.fault(lambda: desk.check(key)) is Fault.REVOKED_CREDENTIAL
    assert not desk.run(desk.keys.revoke(desk.org, key.id))
    desk.check(other)


def test_a_key_is_not_revoked_by_another_org(desk: Desk, background: Background, joined: Services) -> None:
    key, stranger = desk.make(), Desk(background, joined)
    stranger.make()
    assert not stranger.run(stranger.keys.revoke(stranger.org, key.id))
    desk.check(key)


def test_the_last_use_is_remembered_to_the_minute(desk: Desk) -> None:
    key, start = desk.make(), desk.now
    assert [one.last_used_at for one in desk.listed()] == [None]
    desk.check(key)
    desk.now += timedelta(seconds=59)
    desk.check(key)
    assert [one.last_used_at for one in desk.listed()] == [start]
    desk.now += timedelta(seconds=2)
    desk.check(key)
    assert [one.last_used_at for one in desk.listed()] == [desk.now]


def test_a_refused_key_was_not_used(desk: Desk) -> None:
    key = desk.make(days=1)
    desk.now += timedelta(days=2)
    desk.fault(lambda: desk.check(key))
    assert [one.last_used_at for one in desk.listed()] == [None]


# -- addresses ------------------------------------------------------------

ALLOWED = [
    ("10.0.0.0/8", "10.1.2.3", True),
    ("10.0.0.0/8", "11.1.2.3", False),
    ("10.0.0.0/8", "::ffff:10.1.2.3", True),
    ("10.0.0.0/8", "::ffff:11.1.2.3", False),
    ("10.0.0.0/8", "::10.1.2.3", False),
    ("10.1.2.3", "10.1.2.3", True),
    ("10.1.2.3/8", "10.9.9.9", True),  # a network may be given by any address in it
    ("2001:db8::/32", "2001:db8::1", True),
    ("2001:db8::/32", "2001:DB8:0:0::1", True),
    ("2001:db8::/32", "2001:db9::1", False),
    ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", True),
    ("10.0.0.0/8", None, False),
    ("10.0.0.0/8", "", False),
    ("10.0.0.0/8", "unknown", False),
    ("10.0.0.0/8", "10.1.2.3:443", False),
    ("10.0.0.0/8", "\xff", False),
]


@pytest.mark.parametrize(("network", "address", "good"), ALLOWED)
def test_a_key_with_an_address_list_is_good_from_there_only(
    network: str, address: str | None, good: bool, desk: Desk
) -> None:
    key = desk.make(allow=("192.0.2.1", network))
    if good:
        desk.check(key, address=address)
    else:
        assert desk.fault(lambda: desk.check(key, address=address)) is Fault.ADDRESS_NOT_ALLOWED


def test_a_key_without_an_address_list_is_good_from_anywhere(desk: Desk) -> None:
    for key in (desk.make(), desk.make(allow=("*",))):
        desk.check(key, address=None)
        desk.check(key, address="203.0.113.9")


# -- scopes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "scope", "good"),
    [
        (("read",), "read", True),
        (("read",), "write", False),
        (("write",), "read", False),
        (("read", "write"), "write", True),
        (("admin",), "read", True),
        (("admin",), "write", True),
    ],
)
def test_a_key_may_do_what_its_scopes_say(
    scopes: tuple[str, ...], scope: str, good: bool, desk: Desk
) -> None:
    key = desk.make(scopes=scopes)
    if good:
        desk.check(key, scope=scope)
    else:
        assert desk.fault(lambda: desk.check(key, scope=scope)) is Fault.SCOPE_MISSING


# -- making and adopting --------------------------------------------------


@pytest.mark.parametrize("scopes", [(), ("",), ("read", "root"), ("READ",)], ids=repr)
def test_a_key_with_no_or_unknown_scopes_is_not_made(scopes: tuple[str, ...], desk: Desk) -> None:
    with pytest.raises(KeyProblem, match="the scopes are read, write, admin"):
        desk.make(scopes=scopes)


@pytest.mark.parametrize("address", ["", "300.1.1.1", "10.0.0.0/33", "example.com", "\xff"], ids=repr)
def test_a_key_with_an_impossible_address_is_not_made(address: str, desk: Desk) -> None:
    with pytest.raises(KeyProblem, match="not an address or network"):
        desk.make(allow=(address,))


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 64, "é", "a/b", "a\n", "\0"], ids=repr)
def test_an_org_with_an_impossible_name_is_not_made(name: str, desk: Desk) -> None:
    with pytest.raises(KeyProblem, match="an org's name has"):
        desk.run(desk.keys.create(name))
    assert name not in desk.run(desk.keys.orgs())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_imported_key_is_good_in_its_dialect_only(dialect: str, desk: Desk) -> None:
    token, secret = _own_key_of_a_team(dialect)
    desk.run(desk.keys.import_key(desk.org, dialect, token, secret))
    credential = dialects()[dialect].auth.import_key(token, secret)
    caller = desk.run(desk.keys.check(dialect, credential, None, "read"))
    assert caller.org.name == desk.org
    for other in DIALECTS:
        if other != dialect:
            with pytest.raises(Refused) as refused:
                desk.run(desk.keys.check(other, credential, None, "read"))
            assert refused.value.fault is Fault.UNKNOWN_CREDENTIAL


def test_a_key_cannot_be_imported_twice_also_by_another_org(
    desk: Desk, background: Background, joined: Services
) -> None:
    token, _ = _own_key_of_a_team("contactship")
    desk.run(desk.keys.import_key(desk.org, "contactship", token, None))
    for adopter in (desk, Desk(background, joined)):
        with pytest.raises(KeyProblem, match="imported before"):
            adopter.run(adopter.keys.import_key(adopter.org, "contactship", token, None))


@pytest.mark.parametrize(
    ("dialect", "token", "secret"),
    [
        ("callem", "without-the-prefix", None),
        ("callem", "ck_live_", None),
        ("callem", "ck_live_a b", None),
        ("contactship", "", None),
        ("contactship", "é", None),
        ("contactship", "a b", None),
        ("contactship", "a" * 513, None),
        ("zudu", "sk_a", None),
        ("zudu", "sk_a", ""),
        ("zudu", "", "s3cr3t_b"),
    ],
)
def test_what_the_vendor_would_not_make_is_not_imported(
    dialect: str, token: str, secret: str | None, desk: Desk
) -> None:
    with pytest.raises(KeyProblem, match="does not have the form of"):
        desk.run(desk.keys.import_key(desk.org, dialect, token, secret))


def test_an_imported_pair_needs_its_own_secret(desk: Desk) -> None:
    token, secret = _own_key_of_a_team("zudu")
    desk.run(desk.keys.import_key(desk.org, "zudu", token, secret))
    for wrong in ("s3cr3t_", "x", f"{secret}x"):
        credential = Credential(token=token, paired=True, secret=wrong)
        with pytest.raises(Refused) as refused:
            desk.run(desk.keys.check("zudu", credential, None, "read"))
        assert refused.value.fault is Fault.UNKNOWN_CREDENTIAL


def _own_key_of_a_team(dialect: str) -> tuple[str, str | None]:
    body = uuid.uuid4().hex
    prefix = {"callem": "ck_live_", "trunkline": "tl_"}.get(dialect, "team-")
    return prefix + body, f"s3cr3t_{body[::-1]}" if dialect == "zudu" else None


def test_a_key_that_was_made_here_cannot_be_imported_by_anybody(
    world: World, new_world: Callable[..., World]
) -> None:
    other = new_world()
    for name in dialects():
        shown = list(world.headers[name].values())
        token, secret = shown[0].removeprefix("Bearer "), shown[1] if len(shown) > 1 else None
        with pytest.raises(KeyProblem, match="exists already"):
            world.run(world.joined.keys.import_key(other.name, name, token, secret))
        assert world.get(name, dialects()[name].operations[0].path).status_code == 200


def test_a_key_that_is_easy_to_guess_is_not_imported(world: World) -> None:
    with pytest.raises(KeyProblem, match="at least 16 characters"):
        world.run(world.joined.keys.import_key(world.name, "contactship", "short", None))


def test_a_star_among_addresses_allows_every_address(world: World) -> None:
    made = world.run(world.joined.keys.create(world.name, addresses=["*", "10.0.0.0/8"]))
    answer = world.get("callem", "/v1/calls", headers=made.headers["callem"])
    assert answer.status_code == 200
