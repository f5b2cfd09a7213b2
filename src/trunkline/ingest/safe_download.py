"""Downloads of recordings from any public address.

A name is resolved once and the connection goes to the very address that was checked, so that a name whose
address changes in between leads nowhere else. Redirects are followed by hand, each one checked the same way.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import httpx2
from msgspec import Struct

MAX_SECONDS = 300.0
_MAX_REDIRECTS = 3
_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
_NAT64 = IPv6Network("64:ff9b::/96")
_MEDIA_TYPES = ("audio/", "video/", "application/octet-stream", "binary/octet-stream", "application/ogg")

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From a host name and a port to its addresses; raises `OSError`."""


class DownloadFailed(Exception):
    """A recording could not be downloaded; `for_good` if trying again would not help."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of a download."""

    max_bytes: int
    allow_private: bool = False
    """For closed networks: addresses that are not public are allowed too."""


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


def is_public(text: str) -> bool:
    """Whether an address is one that the whole world can reach, whatever form it is written in."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if address.sixtofour is not None:
            return is_public(str(address.sixtofour))
        if address in _NAT64:
            return is_public(str(IPv4Address(int(address) & 0xFFFFFFFF)))
    return address.is_global and not address.is_multicast


_EXAMPLES = re.compile(r"(?:.*\.)?(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)\.?", re.IGNORECASE)
"""Names that are reserved for examples and lead nowhere (RFC 2606)."""


def is_example(url: str) -> bool:
    """Whether a link is one of an example, as in a demo."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host is not None and _EXAMPLES.fullmatch(host) is not None


class Downloader:
    """Downloads recordings."""

    def __init__(self, limits: Limits, resolve: Resolve = resolved) -> None:
        self._limits = limits
        self._resolve = resolve

    async def download(self, url: str, begin: Callable[[str], None]) -> AsyncIterator[bytes]:
        """The chunks of a recording; `begin` gets the media type first. Raises `DownloadFailed`."""
        try:
            async with httpx2.AsyncClient(
                timeout=_TIMEOUT, follow_redirects=False, trust_env=False
            ) as client:
                target = httpx2.URL(url)
                for _ in range(_MAX_REDIRECTS + 1):
                    request = await self._request(client, target)
                    answer = await client.send(request, stream=True)
                    try:
                        if not answer.is_redirect:
                            async for part in self._chunks(answer, begin):
                                yield part
                            return
                        target = target.join(answer.headers["location"])
                    finally:
                        await answer.aclose()
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise DownloadFailed(f"the link cannot be read: {error}", for_good=True) from None
        except (httpx2.HTTPError, OSError) as error:
            raise DownloadFailed(f"{type(error).__name__}: {error}"[:300]) from None
        raise DownloadFailed(f"more than {_MAX_REDIRECTS} redirects", for_good=True)

    async def _request(self, client: httpx2.AsyncClient, target: httpx2.URL) -> httpx2.Request:
        """A request that goes to a checked address and to no other."""
        if target.scheme not in ("http", "https") or not target.host:
            raise DownloadFailed("only links with http and https are followed", for_good=True)
        if target.userinfo:
            raise DownloadFailed("a link with a password is not followed", for_good=True)
        port = target.port or (443 if target.scheme == "https" else 80)
        addresses = await self._resolve(target.host, port)
        if not addresses:
            raise DownloadFailed(f"{target.host} has no address")
        if not self._limits.allow_private and not all(map(is_public, addresses)):
            raise DownloadFailed(f"{target.host} is not a public address", for_good=True)
        return client.build_request(
            "GET",
            target.copy_with(host=addresses[0]),
            headers={"host": target.netloc.decode("ascii"), "accept-encoding": "identity"},
            extensions={"sni_hostname": target.host},
        )

    async def _chunks(self, answer: httpx2.Response, begin: Callable[[str], None]) -> AsyncIterator[bytes]:
        if answer.status_code != httpx2.codes.OK:
            gone = answer.status_code in (httpx2.codes.NOT_FOUND, httpx2.codes.GONE)
            raise DownloadFailed(f"status {answer.status_code}", for_good=gone)
        media_type = answer.headers.get("content-type", "application/octet-stream").partition(";")[0].strip()
        if not media_type.lower().startswith(_MEDIA_TYPES):
            raise DownloadFailed(f"{media_type[:80]} is not a recording", for_good=True)
        begin(media_type.lower())
        size = 0
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > self._limits.max_bytes:
                raise DownloadFailed(f"more than {self._limits.max_bytes} bytes", for_good=True)
            yield part
        if not size:
            raise DownloadFailed("it is empty")
