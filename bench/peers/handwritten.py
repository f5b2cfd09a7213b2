"""The peer: a list of calls as a team would write it, with FastAPI, SQLAlchemy and Pydantic.

It serves the same rows from the same tables, with every index that our own lists have, an API key looked up
by its hash, a session per request, `count(*)` for the total and `OFFSET` for the page. Columns are read as
they are; what has no column comes from the call's JSON, which Pydantic reads itself.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime

POOL_SIZE = int(os.environ.get("BENCH_POOL_SIZE", "8"))

# -- tables ---------------------------------------------------------------


class Base(DeclarativeBase):
    """The tables' common ground."""

    type_annotation_map = {datetime: DateTime(timezone=True)}


class KeyRow(Base):
    """An API key."""

    __tablename__ = "keys"

    org_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    hash: Mapped[bytes]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class CallRow(Base):
    """A call: what is filtered and sorted by in columns, the rest as JSON."""

    __tablename__ = "calls"

    org_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    duration_ms: Mapped[int | None]
    status: Mapped[str]
    result: Mapped[str | None]
    direction: Mapped[str]
    channel: Mapped[str]
    end_reason: Mapped[str | None]
    agent_ref: Mapped[UUID | None]
    campaign_ref: Mapped[UUID | None]
    from_number: Mapped[str | None]
    contact_number: Mapped[str | None]
    body: Mapped[str]


# -- records --------------------------------------------------------------


class Contact(BaseModel):
    """The person on the other side."""

    id: str | None = None
    full_name: str | None = None
    phone_number: str | None = None
    email: str | None = None
    country: str | None = None


class Recording(BaseModel):
    """Where the recording is."""

    url: str | None = None


class Rest(BaseModel):
    """The parts of a call without a column."""

    contact: Contact | None = None
    analysis: dict[str, Any] | None = None
    recording: Recording | None = None


class CallOut(BaseModel):
    """A call as the list prints it."""

    model_config = ConfigDict(serialize_by_alias=True)

    id: UUID
    direction: str
    from_: Annotated[str | None, Field(serialization_alias="from")]
    call_record: str | None
    call_status: str
    call_result: str | None
    disconnection_reason: str | None
    finished_at: datetime | None
    start_at: datetime | None
    duration: float | None
    call_analysis: dict[str, Any] | None
    type: str
    created_at: datetime
    agent_id: UUID | None
    campaign_id: UUID | None
    contact: Contact | None


class CallsOut(BaseModel):
    """A page of calls, and how many there are."""

    data: list[CallOut]
    count: int


# -- requests -------------------------------------------------------------


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep the engine open as long as the application runs."""
    url = re.sub(r"^postgres(ql)?://", "postgresql+asyncpg://", os.environ["BENCH_DATABASE_URL"])
    engine = create_async_engine(url, pool_size=POOL_SIZE, max_overflow=0)
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def session_of(request: Request) -> AsyncIterator[AsyncSession]:
    """A session for the request."""
    async with request.app.state.sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(session_of)]


async def org_of(session: Session, x_api_key: Annotated[str, Header()] = "") -> int:
    """The org that the key opens."""
    # The tables have the hash of what follows the prefix.
    digest = hashlib.sha256(f"body\n{x_api_key.rpartition('_')[2]}".encode()).digest()
    key = (await session.scalars(select(KeyRow).where(KeyRow.hash == digest))).one_or_none()
    if key is None or key.revoked_at is not None:
        raise HTTPException(401, "unknown key")
    if key.expires_at is not None and key.expires_at <= datetime.now(key.expires_at.tzinfo):
        raise HTTPException(401, "the key has expired")
    return key.org_id


class Filters(BaseModel):
    """The query parameters of the list."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 20
    offset: Annotated[int, Field(ge=0)] = 0
    order: Literal["asc", "desc"] = "desc"
    date_from: datetime | None = None
    date_to: datetime | None = None
    call_status: str | None = None
    call_result: str | None = None
    direction: str | None = None
    agent_id: UUID | None = None
    campaign_id: UUID | None = None
    phone_number: str | None = None


@app.get("/v1/calls", response_model=CallsOut)
async def list_calls(
    session: Session, org_id: Annotated[int, Depends(org_of)], filters: Annotated[Filters, Query()]
) -> CallsOut:
    """List calls."""
    conditions = _conditions(org_id, filters)
    total = await session.scalar(select(func.count()).select_from(CallRow).where(*conditions))
    columns = (CallRow.created_at, CallRow.id)
    ordering = [column.desc() for column in columns] if filters.order == "desc" else list(columns)
    page = select(CallRow).where(*conditions).order_by(*ordering).limit(filters.limit).offset(filters.offset)
    rows = await session.scalars(page)
    return CallsOut(data=[_call(row) for row in rows], count=total or 0)


def _conditions(org_id: int, filters: Filters) -> list[ColumnElement[bool]]:
    conditions = [CallRow.org_id == org_id]
    equal = {
        CallRow.status: filters.call_status,
        CallRow.result: filters.call_result,
        CallRow.direction: filters.direction,
        CallRow.agent_ref: filters.agent_id,
        CallRow.campaign_ref: filters.campaign_id,
    }
    conditions += [column == value for column, value in equal.items() if value is not None]
    if filters.date_from is not None:
        conditions.append(CallRow.created_at >= filters.date_from)
    if filters.date_to is not None:
        conditions.append(CallRow.created_at <= filters.date_to)
    if filters.phone_number is not None:
        number = filters.phone_number
        conditions.append(or_(CallRow.from_number == number, CallRow.contact_number == number))
    return conditions


def _call(row: CallRow) -> CallOut:
    rest = Rest.model_validate_json(row.body)
    return CallOut(
        id=row.id,
        direction=row.direction,
        from_=row.from_number,
        call_record=rest.recording.url if rest.recording else None,
        call_status=row.status,
        call_result=row.result,
        disconnection_reason=row.end_reason,
        finished_at=row.ended_at,
        start_at=row.started_at,
        duration=None if row.duration_ms is None else row.duration_ms / 1000,
        call_analysis=rest.analysis,
        type=row.channel,
        created_at=row.created_at,
        agent_id=row.agent_ref,
        campaign_id=row.campaign_ref,
        contact=rest.contact,
    )


def application() -> FastAPI:
    """The application of a worker."""
    return app
