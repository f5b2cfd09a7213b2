"""Files of calls as bytes: written, compressed and counted part by part."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from trunkline.kit.export import File
from trunkline.kit.export.compression import Compressor
from trunkline.model.encoded_call import Chunk
from trunkline.service.threads import INLINE_BYTES, Run, run_in_thread


async def chunks_of(file: File, run: Run = run_in_thread) -> AsyncGenerator[bytes, None]:
    """The bytes of a file in chunks, at least one; what they are read from is closed at the end."""
    packer = file.compression.open()
    async with aclosing(file.chunks):
        begun = file.writer.begin()
        async for part in file.chunks:
            is_small = not part.is_longer(INLINE_BYTES)
            ready = (
                _written(file, packer, part, begun)
                if is_small
                else await run(_written, file, packer, part, begun)
            )
            file.calls += len(part.calls)
            file.total = part.total
            begun = b""
            if ready:
                yield ready
        yield packer.compress(begun + file.writer.end()) + packer.flush()


def _written(file: File, packer: Compressor, part: Chunk, before: bytes) -> bytes:
    return packer.compress(before + file.writer.rows(part.calls))
