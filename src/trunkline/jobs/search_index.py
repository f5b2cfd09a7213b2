"""The search index of transcripts: kept up to date by a follower, or brought up to date by a command."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg

from trunkline.jobs.followers import Follower, step_now
from trunkline.store.search.index import SearchIndex, index_words

A_FEW = 50
"""Calls that a worker indexes at a time: requests wait while their words are split."""
MANY = 500


def search_index(most: int = A_FEW) -> Follower:
    """Indexes transcripts, at most so many calls at a time."""

    async def index(connection: asyncpg.Connection, org_id: int, after: int, up_to: int) -> int:
        return await index_words(connection, org_id, after, up_to, most)

    return Follower(name="search_index", step=index)


async def index_backlog(pool: asyncpg.Pool, org_id: int) -> int:
    """How many calls of an org are not indexed yet."""
    return await SearchIndex(pool).backlog(org_id)


async def index_org(pool: asyncpg.Pool, org_id: int, done: Callable[[int], None]) -> int:
    """Index an org's backlog, reporting the number of calls after each step; returns how many in all.

    Workers that index the same org wait meanwhile.
    """
    store, follower = SearchIndex(pool), search_index(MANY)
    first = left = await store.backlog(org_id)
    while await step_now(pool, org_id, follower):
        before, left = left, await store.backlog(org_id)
        done(max(0, before - left))
    return max(0, first - left)
