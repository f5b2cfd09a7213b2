"""Keys: creating, importing, checking and revoking them."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

from trunkline.kit.auth import Credential, NewKey, public_name
from trunkline.kit.dialect import Dialect
from trunkline.model.faults import Fault, Refused
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.service.lookups import Lookups
from trunkline.store.keys import KeyStore, ListedKey, NewStoredKey, StoredKey

SCOPES = ("read", "write", "admin")
_ORG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
MIN_IMPORTED_LENGTH = 16
"""Shortest imported key, in characters; a shorter one would be too easy to guess."""

_TOUCH_AFTER = timedelta(minutes=1)


class KeyProblem(ValueError):
    """A key cannot be created or imported as requested."""


class Caller(Struct, frozen=True):
    """The org and key of a request."""

    org: Org
    key_id: str


class CreatedKey(Struct, kw_only=True):
    """A new key, at the only moment when it can be shown."""

    org: str
    id: str
    scopes: list[str]
    expires_at: datetime | None
    headers: dict[str, dict[str, str]]
    """For each dialect the exact headers to send."""


class Keys:
    """Everything about keys, with the dialects that define their headers."""

    def __init__(self, store: KeyStore, dialects: Mapping[str, Dialect], clock: Clock) -> None:
        self._store = store
        self._dialects = dialects
        self._clock = clock
        self.lookups: Lookups[StoredKey] = Lookups()

    async def check(self, dialect: str, credential: Credential, address: str | None, scope: str) -> Caller:
        """The owner of a credential; raises `Refused` for one that is not valid here."""
        key = await self._lookup(dialect, credential)
        if key is None or key.dialect not in (None, dialect) or not _secret_fits(key, credential):
            raise Refused(Fault.UNKNOWN_CREDENTIAL)
        now = self._clock()
        if key.revoked_at is not None:
            raise Refused(Fault.REVOKED_CREDENTIAL)
        if key.expires_at is not None and key.expires_at <= now:
            raise Refused(Fault.EXPIRED_CREDENTIAL)
        if key.addresses and not is_within(address, map(ip_network, key.addresses)):
            raise Refused(Fault.ADDRESS_NOT_ALLOWED)
        if credential.org is not None and credential.org != key.org_name:
            raise Refused(Fault.OTHER_ORG)
        if scope not in key.scopes and "admin" not in key.scopes:
            raise Refused(Fault.SCOPE_MISSING, scope)
        if key.last_used_at is None or key.last_used_at < now - _TOUCH_AFTER:
            key.last_used_at = now
            await self._store.touch(key.org_id, key.id, now)
        return Caller(Org(key.org_id, key.org_name), key.id)

    async def _lookup(self, dialect: str, credential: Credential) -> StoredKey | None:
        """The key of a credential; a lookup is cached for less than a second."""
        shown = _hash("adopted", f"{dialect}\n{credential.token}")  # the dialect and the whole token
        return await self.lookups.find(shown, lambda: self._store.by_hash(_shown_hashes(dialect, credential)))

    async def create(
        self,
        org: str,
        *,
        scopes: Iterable[str] = ("read", "write"),
        label: str = "",
        lifetime: timedelta | None = None,
        addresses: Iterable[str] = (),
    ) -> CreatedKey:
        """Create a key for an org, which is created as well if it is new; raises `KeyProblem`."""
        new, now = NewKey.generate(), self._clock()
        stored = NewStoredKey(
            id=str(uuid.uuid4()),
            hash=_hash("body", new.body),
            name_hash=_hash("name", public_name(new.body)),
            secret_hash=_hash("secret", new.secret),
            dialect=None,
            label=label,
            scopes=_scopes(scopes),
            addresses=_addresses(addresses),
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime,
        )
        await self._store.add(await self._store.ensure_org(org_name(org)), stored)
        headers = {name: dialect.auth.headers_for(new) for name, dialect in self._dialects.items()}
        return CreatedKey(
            org=org, id=stored.id, scopes=stored.scopes, expires_at=stored.expires_at, headers=headers
        )

    async def import_key(
        self,
        org: str,
        dialect: str,
        token: str,
        secret: str | None,
        *,
        scopes: Iterable[str] = ("read",),
        label: str = "",
        addresses: Iterable[str] = (),
    ) -> str:
        """Import a key that a team's clients already use; returns the key's id.

        Raises `KeyProblem` if the key does not have the dialect's form or exists already.
        """
        try:
            credential = self._dialects[dialect].auth.import_key(token, secret)
        except Refused:
            raise KeyProblem(
                f"that does not have the form of a {self._dialects[dialect].title} key"
            ) from None
        if len(credential.token) < MIN_IMPORTED_LENGTH:
            raise KeyProblem(f"an imported key has at least {MIN_IMPORTED_LENGTH} characters")
        if await self._store.by_hash(_shown_hashes(dialect, credential)) is not None:
            raise KeyProblem("that key exists already: it was created here, or imported before")
        stored = NewStoredKey(
            id=str(uuid.uuid4()),
            hash=_hash("adopted", f"{dialect}\n{credential.token}"),
            name_hash=None,
            secret_hash=None if credential.secret is None else _hash("secret", credential.secret),
            dialect=dialect,
            label=label,
            scopes=_scopes(scopes),
            addresses=_addresses(addresses),
            created_at=self._clock(),
            expires_at=None,
        )
        if not await self._store.add(await self._store.ensure_org(org_name(org)), stored):
            raise KeyProblem("that key exists already: it was created here, or imported before")
        return stored.id

    async def listed(self, org: str) -> list[ListedKey]:
        """An org's keys; raises `KeyProblem` for an org that does not exist."""
        return await self._store.listed(await self.org_id(org))

    async def revoke(self, org: str, key_id: str) -> bool:
        """Revoke a key; false if there is no valid key with this id."""
        self.lookups.forget()
        return await self._store.revoke(await self.org_id(org), key_id, self._clock())

    async def orgs(self) -> list[str]:
        """The names of all orgs."""
        return await self._store.org_names()

    async def org_id(self, name: str) -> int:
        """The id of an org; raises `KeyProblem` if there is none with this name."""
        org_id = await self._store.org_id(name)
        if org_id is None:
            raise KeyProblem(f"there is no org {name!r}")
        return org_id

    async def org(self, name: str) -> Org:
        """An existing org; raises `KeyProblem` if there is none with this name."""
        return Org(await self.org_id(name), name)

    async def ensure_org(self, name: str) -> Org:
        """An org, created if it is new; raises `KeyProblem` for an invalid name."""
        return Org(await self._store.ensure_org(org_name(name)), name)


def org_name(name: str) -> str:
    """Check an org's name; raises `KeyProblem`."""
    if not _ORG_NAME.fullmatch(name):
        raise KeyProblem("an org's name has 1 to 63 letters, digits, dots, dashes or underscores")
    return name


def _hash(kind: str, text: str) -> bytes:
    # Keys are long random texts, so that one round of a fast hash is enough. The kind keeps them apart.
    return hashlib.sha256(f"{kind}\n{text}".encode()).digest()


def _shown_hashes(dialect: str, credential: Credential) -> tuple[bytes, ...]:
    hashes = [_hash("adopted", f"{dialect}\n{credential.token}")]
    if credential.body is not None:
        hashes.append(_hash("name" if credential.paired else "body", credential.body))
    return tuple(hashes)


def _secret_fits(key: StoredKey, credential: Credential) -> bool:
    if not credential.paired:
        return True
    shown = _hash("secret", credential.secret or "")
    return hmac.compare_digest(key.secret_hash or b"", shown)


def is_within(address: str | None, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of some networks; an IPv4 address may be written as an IPv6 one."""
    try:
        peer = ip_address(address or "")
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, IPv6Address) else None
    return any(peer in network or (mapped is not None and mapped in network) for network in networks)


def _scopes(scopes: Iterable[str]) -> list[str]:
    requested = list(dict.fromkeys(scopes))
    unknown = [scope for scope in requested if scope not in SCOPES]
    if unknown or not requested:
        raise KeyProblem(f"the scopes are {', '.join(SCOPES)}")
    return requested


def _addresses(addresses: Iterable[str]) -> list[str]:
    addresses = list(addresses)
    try:
        networks = [str(ip_network(address, strict=False)) for address in addresses if address != "*"]
        return [] if "*" in addresses else networks  # `*` allows every address
    except ValueError as error:
        raise KeyProblem(f"not an address or network: {error}") from None
