"""`trunkline keys`, run as a user runs it; the keys are tried over HTTP."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import pytest

from tests.cli.conftest import Trunkline
from tests.conftest import MAX_WAIT_SECONDS, World
from trunkline.vendors import dialects

DIALECTS = sorted(dialects())


def status(world: World, dialect: str, headers: dict[str, str]) -> int:
    return world.get(dialect, dialects()[dialect].operations[0].path, headers=headers).status_code


def test_create_prints_for_each_dialect_the_exact_headers_to_send(
    trunkline: Trunkline, new_world: Callable[..., World]
) -> None:
    org = f"org-{uuid.uuid4().hex[:12]}"
    ran = trunkline("keys", "create", "--org", org, "--scopes", "read,write", "--expires", "1d", "--json")
    assert (ran.status, ran.err, ran.out.count("\n")) == (0, "", 1)
    made = ran.answer
    assert list(made) == ["org", "id", "scopes", "expires_at", "headers"]
    assert (made["org"], made["scopes"], sorted(made["headers"])) == (org, ["read", "write"], DIALECTS)
    world = new_world(org)
    assert {status(world, name, headers) for name, headers in made["headers"].items()} == {200}


def test_create_prints_the_same_for_people(trunkline: Trunkline, world: World) -> None:
    ran = trunkline("keys", "create", "--org", world.name)
    assert f"of org {world.name}. It is shown only this once." in ran.out
    for name, dialect in dialects().items():
        section = ran.out.partition(f"\n{dialect.title}\n")[2].partition("\n\n")[0]
        headers = dict(line.strip().split(": ", 1) for line in section.splitlines())
        assert status(world, name, headers) == 200


def test_list_shows_everything_about_keys_but_the_keys(trunkline: Trunkline, world: World) -> None:
    made = trunkline(
        *("keys", "create", "--org", world.name, "--label", "night shift", "--scopes", "read,admin"),
        *("--expires", "30m", "--allow-ip", "127.0.0.0/8", "--allow-ip", "::1", "--json"),
    ).answer
    status(world, "butter", made["headers"]["butter"])
    ran = trunkline("keys", "list", "--org", world.name, "--json")
    assert ran.answer["org"] == world.name
    (first, key) = ran.answer["keys"]
    assert (first["id"], first["label"], first["expires_at"]) == (world.key_id, "", None)
    assert key["last_used_at"] > key["created_at"]
    told = {name: key[name] for name in ("id", "label", "dialect", "scopes", "addresses", "revoked_at")}
    assert told == {
        "id": made["id"],
        "label": "night shift",
        "dialect": None,
        "scopes": ["read", "admin"],
        "addresses": ["127.0.0.0/8", "::1/128"],
        "revoked_at": None,
    }
    table = trunkline("keys", "list", "--org", world.name)
    assert (table.status, table.err) == (0, "")
    for headers in made["headers"].values():
        for value in headers.values():
            body = re.split("[ _]", value)[-1]
            assert body not in ran.out + table.out


def test_revoke_ends_a_key_within_a_second(trunkline: Trunkline, world: World) -> None:
    assert status(world, "callem", world.headers["callem"]) == 200
    ran = trunkline("keys", "revoke", world.key_id, "--org", world.name)
    assert (ran.status, ran.out) == (0, f"Key {world.key_id} is revoked.\n")
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    for name in DIALECTS:
        while status(world, name, world.headers[name]) != 401:
            assert time.monotonic() < deadline
    again = trunkline("keys", "revoke", world.key_id, "--org", world.name)
    assert again.complaint == f"org {world.name} has no valid key {world.key_id}"


@pytest.mark.parametrize(
    ("dialect", "typed", "headers"),
    [
        ("callem", "ck_live_{0}", {"Authorization": "Bearer ck_live_{0}"}),
        ("contactship", "{0}\n", {"x-api-key": "{0}"}),
        ("butter", "  bk_live_{0}\r\n", {"X-API-Key": "bk_live_{0}"}),
        ("zudu", "sk_{0}\ns3cr3t_{0}!\n", {"X-API-KEY": "sk_{0}", "X-API-SECRET": "s3cr3t_{0}!"}),
    ],
)
def test_import_takes_the_key_that_clients_already_carry(
    dialect: str, typed: str, headers: dict[str, str], trunkline: Trunkline, world: World
) -> None:
    token = uuid.uuid4().hex
    stdin = typed.format(token).encode()
    ran = trunkline("keys", "import", "--org", world.name, "--dialect", dialect, "--json", stdin=stdin)
    assert (ran.status, ran.err) == (0, "")
    assert {**ran.answer, "id": ""} == {"org": world.name, "id": "", "dialect": dialect}
    assert token not in ran.out
    assert status(world, dialect, {name: value.format(token) for name, value in headers.items()}) == 200


PROBLEMS = {
    "an unknown org": (["list", "--org", "nobody"], "there is no org 'nobody'"),
    "an endless lifetime": (["create", "--org", "a", "--expires", "1y"], "a lifetime looks like"),
    "no lifetime": (["create", "--org", "a", "--expires", "0d"], "a lifetime looks like"),
    "an unknown dialect": (["import", "--org", "a", "--dialect", "nobody"], "there is no dialect 'nobody'"),
    "an empty key": (
        ["import", "--org", "a", "--dialect", "butter"],
        "that does not have the form of a Butter key",
    ),
}


@pytest.mark.parametrize(("args", "said"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_done_is_reported_in_one_sentence(
    args: list[str], said: str, trunkline: Trunkline
) -> None:
    assert said in trunkline("keys", *args).complaint


def test_a_key_that_is_no_text_is_not_imported_and_not_repeated(trunkline: Trunkline) -> None:
    ran = trunkline(
        *("keys", "import", "--org", "a", "--dialect", "contactship"),
        stdin=b"secret-\xff-secret",
        PYTHONIOENCODING="utf-8:strict",
    )
    assert ran.complaint == "that does not have the form of a ContactShip key"
