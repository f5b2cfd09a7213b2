"""Sources: an org's accounts with vendors, each with the address to which its webhooks come."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from trunkline.kit.door import Door
from trunkline.kit.list_api import ListApi, can_be_sent
from trunkline.kit.schedule import next_time
from trunkline.kit.signatures import SecretAddress
from trunkline.model.pulls import PullSchedule
from trunkline.service.calls import Org
from trunkline.service.clock import Clock
from trunkline.service.encryption import SecretBox
from trunkline.service.keys import org_name
from trunkline.service.lookups import Lookups
from trunkline.store.keys import KeyStore
from trunkline.store.sources import SourceStore, StoredSource


class SourceProblem(ValueError):
    """A source cannot be created or used as requested."""


class Source(Struct, frozen=True, kw_only=True):
    """A source with its secrets decrypted; never printed and never logged whole."""

    org: Org
    id: str
    vendor: str
    label: str
    address: str
    """The secret part of the address for webhooks."""
    secrets: tuple[str, ...]
    """The secrets that sign deliveries; several while one is being replaced."""
    credential: Mapping[str, str] | None
    """The credential for the vendor's list."""
    base_url: str | None
    """The address of the vendor's API, if it is not the documented one."""
    created_at: datetime
    disabled_at: datetime | None

    def __repr__(self) -> str:
        return f"Source({self.org.name}/{self.vendor}/{self.id})"


class Sources:
    """Everything about sources, with the doors of their vendors."""

    def __init__(
        self,
        store: SourceStore,
        keys: KeyStore,
        doors: Mapping[str, Door],
        secret_box: SecretBox,
        clock: Clock,
    ) -> None:
        self._store = store
        self._keys = keys
        self._doors = doors
        self._secret_box = secret_box
        self._clock = clock
        self.lookups: Lookups[Source] = Lookups()

    async def add(
        self,
        org: str,
        vendor: str,
        *,
        label: str = "",
        webhook_secrets: Sequence[str] = (),
        credential: Mapping[str, str] | None = None,
        base_url: str | None = None,
    ) -> Source:
        """Create a source for an org, which is created as well if it is new; raises `SourceProblem`."""
        door = self.door(vendor)
        if door.signature.secret_is and not webhook_secrets and credential is None:
            raise SourceProblem(f"{door.title} signs its webhooks: give {door.signature.secret_is}")
        _check_secrets(door, webhook_secrets)
        if credential is not None:
            _check_credential(door, door.list_api, credential)
        address = secrets.token_urlsafe(24)
        stored = StoredSource(
            org_id=await self._keys.ensure_org(org_name(org)),
            org_name=org,
            id=uuid.uuid4(),
            vendor=vendor,
            label=label,
            address=self._secret_box.encrypt(address),
            secrets=self._secret_box.encrypt(_written(list(webhook_secrets))),
            credential=None if credential is None else self._secret_box.encrypt(_written(dict(credential))),
            base_url=base_url,
            created_at=self._clock(),
            disabled_at=None,
        )
        await self._store.add(stored, _hash(address))
        return self._opened(stored)

    def door(self, vendor: str) -> Door:
        """The door of a vendor; raises `SourceProblem` if there is none."""
        if vendor not in self._doors:
            raise SourceProblem(f"there is no vendor {vendor!r}; there are {', '.join(self._doors)}")
        return self._doors[vendor]

    async def at(self, address: str) -> Source | None:
        """The source with an address; a lookup is cached for less than a second."""
        hashed = _hash(address)

        async def load() -> Source | None:
            stored = await self._store.by_address(hashed)
            return None if stored is None else self._opened(stored)

        return await self.lookups.find(hashed, load)

    async def named(self, org: str, source_id: str) -> Source:
        """A source by its org and id; raises `SourceProblem`."""
        stored = await self._stored(org, source_id)
        if stored is None:
            raise _unknown(org, source_id)
        return self._opened(stored)

    async def listed(self, org: str) -> list[Source]:
        """An org's sources, oldest first; raises `SourceProblem` if there is no such org."""
        org_id = await self._keys.org_id(org)
        if org_id is None:
            raise SourceProblem(f"there is no org {org}")
        return [self._opened(stored) for stored in await self._store.listed(org_id)]

    async def change(
        self,
        org: str,
        source_id: str,
        *,
        webhook_secrets: Sequence[str] | None = None,
        credential: Mapping[str, str] | None = None,
    ) -> None:
        """Set a source's secrets or credential; raises `SourceProblem`."""
        stored = await self._stored(org, source_id)
        if stored is None:
            raise _unknown(org, source_id)
        door = self.door(stored.vendor)
        _check_secrets(door, webhook_secrets or ())
        if credential is not None:
            _check_credential(door, door.list_api, credential)
        await self._store.change(
            stored.org_id,
            stored.id,
            secrets=None
            if webhook_secrets is None
            else self._secret_box.encrypt(_written(list(webhook_secrets))),
            credential=None if credential is None else self._secret_box.encrypt(_written(dict(credential))),
        )

    async def disable(self, org: str, source_id: str) -> None:
        """Disable a source; raises `SourceProblem`."""
        stored = await self._stored(org, source_id)
        if stored is None or not await self._store.disable(stored.org_id, stored.id, self._clock()):
            raise _unknown(org, source_id)
        await self._store.unschedule(stored.org_id, stored.id)

    async def schedule(self, org: str, source_id: str, schedule: str | None) -> datetime | None:
        """Set or remove a source's pull schedule; returns the first time. Raises `SourceProblem`."""
        stored = await self._stored(org, source_id)
        if stored is None:
            raise _unknown(org, source_id)
        if schedule is None:
            await self._store.unschedule(stored.org_id, stored.id)
            return None
        door = self.door(stored.vendor)
        if door.list_api is None:
            raise SourceProblem(f"calls of {door.title} cannot be pulled")
        if stored.disabled_at is not None:
            raise SourceProblem(f"source {stored.id} is disabled")
        if stored.credential is None:
            raise SourceProblem(
                f"source {stored.id} has no credential: set one with `trunkline sources change`"
            )
        now = self._clock()
        # An interval begins at once; a time of day is waited for.
        first = now if schedule.startswith("every ") else next_time(schedule, now)
        await self._store.schedule(stored.org_id, stored.id, schedule, first, now)
        return first

    async def schedules(self, org: str) -> dict[str, PullSchedule]:
        """The pull schedule of each source of an org; raises `SourceProblem` if there is no such org."""
        org_id = await self._keys.org_id(org)
        if org_id is None:
            raise SourceProblem(f"there is no org {org}")
        return {str(one): found for one, found in (await self._store.schedules(org_id)).items()}

    async def _stored(self, org: str, source_id: str) -> StoredSource | None:
        org_id = await self._keys.org_id(org)
        try:
            wanted = uuid.UUID(source_id)
        except ValueError:
            return None
        return None if org_id is None else await self._store.one(org_id, wanted)

    def _opened(self, stored: StoredSource) -> Source:
        credential = None if stored.credential is None else self._secret_box.decrypt(stored.credential)
        return Source(
            org=Org(stored.org_id, stored.org_name),
            id=str(stored.id),
            vendor=stored.vendor,
            label=stored.label,
            address=self._secret_box.decrypt(stored.address),
            secrets=msgspec.json.decode(self._secret_box.decrypt(stored.secrets), type=tuple[str, ...]),
            credential=None if credential is None else msgspec.json.decode(credential, type=dict[str, str]),
            base_url=stored.base_url,
            created_at=stored.created_at,
            disabled_at=stored.disabled_at,
        )


def _check_secrets(door: Door, webhook_secrets: Sequence[str]) -> None:
    signing = door.signature
    if webhook_secrets and isinstance(signing, SecretAddress) and signing.signed is None:
        raise SourceProblem(f"{door.title} documents no signature: the address is the secret")


def _check_credential(door: Door, api: ListApi | None, credential: Mapping[str, str]) -> None:
    if api is None:
        raise SourceProblem(f"calls of {door.title} cannot be pulled")
    missing = [name for name in api.credential if not credential.get(name)]
    if missing or set(credential) - set(api.credential):
        raise SourceProblem(f"{door.title} requires {' and '.join(api.credential)}")
    if not can_be_sent(api.headers(credential)):
        raise SourceProblem(
            f"{door.title} gets the credential in a header, which can carry only printable ASCII characters"
        )


def _unknown(org: str, source_id: str) -> SourceProblem:
    return SourceProblem(f"org {org} has no source {source_id}")


def _hash(address: str) -> bytes:
    return hashlib.sha256(b"address\n" + address.encode()).digest()


def _written(value: object) -> str:
    return msgspec.json.encode(value).decode()
