"""Files of calls as bytes: written, compressed and counted chunk by chunk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from trunkline.kit.export import File
from trunkline.service.threads import Run, run_in_thread

STEP_CALLS = 200
"""Calls that are written before others are let in."""


async def chunks_of(file: File, run: Run = run_in_thread) -> AsyncGenerator[bytes, None]:
    """The bytes of a file in chunks, at least one; the source of the calls is closed at the end.

    Most parts are written here, in steps: a thread and this one would only wait for each other. A part with a
    long call in it is written by `run`.
    """
    packer, packs = file.compression.open(), file.compression.compresses
    async with aclosing(file.chunks):
        written = [file.writer.begin()]
        async for part in file.chunks:
            if part.has_long:
                written.append(await run(file.writer.rows, part.calls))
            else:
                for start in range(0, len(part.calls), STEP_CALLS):
                    if start:
                        await asyncio.sleep(0)
                    written.append(file.writer.rows(part.calls[start : start + STEP_CALLS]))
            data = b"".join(written)
            # Compression releases the interpreter lock, so that other requests are answered meanwhile.
            ready = await asyncio.to_thread(packer.compress, data) if packs else data
            file.calls += len(part.calls)
            file.total = part.total
            written = []
            del data  # it may be long, and is not to be held while the client takes its time
            if ready:
                yield ready
        yield packer.compress(b"".join([*written, file.writer.end()])) + packer.flush()
