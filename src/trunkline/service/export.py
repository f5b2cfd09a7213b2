"""Files of calls as bytes: written, compressed and counted chunk by chunk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from trunkline.kit.export import File


async def chunks_of(file: File) -> AsyncGenerator[bytes, None]:
    """The bytes of a file in chunks, at least one; the source of the calls is closed at the end."""
    packer, packs = file.compression.open(), file.compression.compresses
    async with aclosing(file.chunks):
        data = file.writer.begin()
        async for part in file.chunks:
            data += file.writer.rows(part.calls)
            # Compression releases the interpreter lock, so that other requests are answered meanwhile.
            ready = await asyncio.to_thread(packer.compress, data) if packs else data
            file.calls += len(part.calls)
            file.total = part.total
            data = b""
            if ready:
                yield ready
        yield packer.compress(data + file.writer.end()) + packer.flush()
