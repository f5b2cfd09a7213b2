"""Every setting once: its type, its default and what it means. Each is read from `TRUNKLINE_<NAME>`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import Struct


class SettingError(ValueError):
    """A setting cannot be read."""


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of a process, from its environment."""

    home: Path = Path("~/.trunkline")
    """Folder of the embedded database and of everything else that is stored on disk; for root
    `/var/lib/trunkline`, unless there is a `~/.trunkline`."""

    database_url: str | None = None
    """A PostgreSQL 18 of your own, as a `postgresql://` URL; without it the embedded one is used."""

    postgres_bin: Path | None = None
    """The `bin` folder of a PostgreSQL 18 on this machine, to run the embedded database with its programs
    instead of those that come with the packages."""

    pool_size: int = 10
    """Connections to the database that each server process may hold."""

    bulkhead: bool = True
    """Whether `serve` starts one more process, which answers large requests, so that they hold up nobody."""

    row_cache_mb: int = 32
    """Megabytes of printed rows that each server process caches for the next list; 0 caches none."""

    streams: int = 400
    """Streams of changes that each server process may have open; one org may have half of them."""

    hosts: Mapping[str, str] = {}
    """Host names that belong to one dialect: `calls.example.com=NAME`, separated by commas."""

    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks of proxies in front, separated by commas: their `X-Forwarded-For` is believed when a key has
    an address list, and their connections are not counted by address."""

    public_url: str = "http://127.0.0.1:8080"
    """The address at which the outside reaches this server; webhook addresses and links begin with it."""

    encryption_key: str | None = None
    """A long random text that encrypts sources' secrets; without it one is stored in the home folder."""

    max_body_bytes: int = 32 * 1024 * 1024
    """Bytes that a request's body may have."""

    bodies_mb: int = 256
    """Megabytes of bodies that each server process holds at the same time, for all orgs."""

    org_bodies_mb: int = 128
    """Megabytes of bodies that each server process holds at the same time for one org."""

    body_seconds: int = 30
    """Seconds that a client may take to send a whole body."""

    head_seconds: int = 10
    """Seconds that a client may take to send a request's line and headers, or to begin after connecting."""

    idle_seconds: int = 75
    """Seconds that a connection stays open between two requests."""

    connections: int = 4000
    """Connections that each server process may have."""

    connections_per_address: int = 256
    """Connections that each server process may have from one address; trusted proxies are not counted."""

    work: bool = True
    """Whether server processes do background work too; if not, `trunkline work` has to run."""

    archive_recordings: bool = True
    """Whether background work downloads and stores calls' recordings."""

    recordings_url: str | None = None
    """Where recordings are stored, such as `s3://bucket/folder`; without it a folder in the home folder."""

    max_recording_bytes: int = 500 * 1024 * 1024
    """Bytes that a recording may have to be stored."""

    fetch_private: bool = False
    """Whether recordings are also downloaded from addresses that are not public: for closed networks only."""

    log_level: str = "info"
    """The least urgent messages to print: `debug`, `info`, `warning` or `error`."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment; raises `SettingError` with a sentence that names the setting."""
        given = {
            name: environment[f"TRUNKLINE_{name.upper()}"]
            for name in cls.__struct_fields__
            if environment.get(f"TRUNKLINE_{name.upper()}")
        }
        return cls(
            home=Path(given.get("home") or _home()).expanduser().resolve(),
            database_url=_setting(given, "database_url", _database_url, None),
            postgres_bin=_setting(given, "postgres_bin", _folder, None),
            pool_size=_setting(given, "pool_size", partial(_between, 1, 1000), 10),
            bulkhead=_setting(given, "bulkhead", _yes_or_no, True),
            row_cache_mb=_setting(given, "row_cache_mb", partial(_between, 0, 100_000), 32),
            streams=_setting(given, "streams", partial(_between, 0, 100_000), 400),
            hosts=_setting(given, "hosts", _hosts, {}),
            trusted_proxies=_setting(given, "trusted_proxies", _networks, ()),
            public_url=_setting(given, "public_url", _web_address, "http://127.0.0.1:8080"),
            encryption_key=_setting(given, "encryption_key", _long_text, None),
            max_body_bytes=_setting(
                given, "max_body_bytes", partial(_between, 1024, 2**30), 32 * 1024 * 1024
            ),
            bodies_mb=_setting(given, "bodies_mb", partial(_between, 1, 1_000_000), 256),
            org_bodies_mb=_setting(given, "org_bodies_mb", partial(_between, 1, 1_000_000), 128),
            body_seconds=_setting(given, "body_seconds", partial(_between, 1, 3600), 30),
            head_seconds=_setting(given, "head_seconds", partial(_between, 1, 3600), 10),
            idle_seconds=_setting(given, "idle_seconds", partial(_between, 1, 86_400), 75),
            connections=_setting(given, "connections", partial(_between, 1, 1_000_000), 4000),
            connections_per_address=_setting(
                given, "connections_per_address", partial(_between, 1, 1_000_000), 256
            ),
            work=_setting(given, "work", _yes_or_no, True),
            archive_recordings=_setting(given, "archive_recordings", _yes_or_no, True),
            recordings_url=_setting(given, "recordings_url", str, None),
            max_recording_bytes=_setting(
                given, "max_recording_bytes", partial(_between, 1, 2**40), 500 * 1024 * 1024
            ),
            fetch_private=_setting(given, "fetch_private", _yes_or_no, False),
            log_level=_setting(
                given, "log_level", partial(_one_of, ("debug", "info", "warning", "error")), "info"
            ),
        )


T = TypeVar("T")


def _setting(environment: Mapping[str, str], name: str, read: Callable[[str], T], default: T) -> T:
    try:
        return read(environment[name]) if name in environment else default
    except ValueError as error:
        raise SettingError(f"TRUNKLINE_{name.upper()}: {error}") from None


def _home() -> Path:
    """Root's own folder is usually closed to the user that PostgreSQL has to run as."""
    own = Path("~/.trunkline").expanduser()
    return own if os.geteuid() != 0 or own.exists() else Path("/var/lib/trunkline")


def _folder(text: str) -> Path:
    folder = Path(text).expanduser().resolve()
    if not folder.is_dir():
        raise ValueError(f"{text!r} is not a folder")
    return folder


def _database_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("postgres", "postgresql"):
        raise ValueError("a database URL begins with postgresql://")
    if url.port == 0:  # reading it refuses a port that is not a number
        raise ValueError("a database has a port other than 0")
    return text


def _web_address(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.netloc or url.query or url.fragment:
        raise ValueError("an address begins with https:// and has no query")
    return text.rstrip("/")


def _yes_or_no(text: str) -> bool:
    return _one_of(("true", "false"), text) == "true"


def _long_text(text: str) -> str:
    if len(text) < 32:
        raise ValueError("a key has at least 32 characters")
    return text


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in _parts(text))


def _parts(text: str) -> list[str]:
    return [part for part in text.split(",") if part.strip()]


def _hosts(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in _parts(text)]
    if any(not name or not dialect for name, _, dialect in pairs):
        raise ValueError("the form is host=dialect,host=dialect")
    return {name.strip().lower(): dialect.strip() for name, _, dialect in pairs}


def _between(low: int, high: int, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{text!r} is not a whole number from {low} to {high}")
    return int(text)


def _one_of(words: tuple[str, ...], text: str) -> str:
    if (text := text.lower()) not in words:
        raise ValueError(f"{text!r} is not one of {', '.join(words)}")
    return text
