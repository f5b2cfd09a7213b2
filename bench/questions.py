"""The requests: pages, filters with values that the big org really has, every dialect, and single calls."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid5

import asyncpg
from msgspec import Struct

from bench.limit import PAGE
from trunkline.kit.cursors import cursor_of
from trunkline.kit.vocabulary import Vocabulary
from trunkline.model.words import Direction, Result, Status
from trunkline.store.calls.rows import call_of
from trunkline.vendors.butter.render import IDS as BUTTER_IDS
from trunkline.vendors.contactship.words import RESULT, STATUS

SINGLE_CALLS = 100
"""How many different calls are got in turn."""

ANYWHERE = 4000
"""How many different pages are requested in turn, of more calls than a server process caches."""

CONTACTSHIP, CALLEM, ZUDU = ("count",), ("pagination", "total"), ("data", "pagination", "total_count")
OWN = ("total_size",)
"""The position of the total in each dialect's answer."""


class Question(Struct, kw_only=True):
    """One request, and the expected answer."""

    name: str
    dialect: str
    paths: list[str]
    """Requested in turn; the answer of the first one is checked."""
    total_in: tuple[str, ...] = ()
    truth: str = ""
    """The condition that the matches meet, for a count of the rows; empty if all do."""
    values: list[Any] = []
    peer: str = ""
    """The peer's path for the same question."""
    note: str = ""


class Facts(Struct, kw_only=True):
    """The values of the big org."""

    org_id: int
    calls: int
    status: tuple[str, str]
    """The most common and the rarest of the words that mean one of the vendor's alone."""
    result: tuple[str, str]
    direction: tuple[str, str]
    agent: tuple[UUID, UUID]
    campaign: tuple[UUID, UUID]
    number: tuple[str, str]
    vendor: str
    span: tuple[datetime, datetime]
    durations: tuple[int, int]
    transcript_texts: tuple[str, str]
    ids: list[UUID]
    butter_cursor: str


async def facts(connection: asyncpg.Connection, org: str) -> Facts:
    """Read the values of the big org."""
    org_id: int = await connection.fetchval("SELECT org_id FROM orgs WHERE name = $1", org)

    async def ends(column: str, only: Sequence[str] | None = None) -> tuple[Any, Any]:
        rows = await connection.fetch(
            f"SELECT {column} AS value FROM calls WHERE org_id = $1 AND {column} IS NOT NULL "
            f"AND ($2::text[] IS NULL OR {column}::text = ANY($2)) GROUP BY 1 ORDER BY count(*) DESC, 1",
            org_id,
            only,
        )
        if not rows:
            raise RuntimeError(f"no call has a {column}")
        return rows[0]["value"], rows[-1]["value"]

    async def share_of(column: str, shares: list[float]) -> Any:
        ordered = f"percentile_disc($2::float8[]) WITHIN GROUP (ORDER BY {column})"
        sql = f"SELECT {ordered} FROM calls WHERE org_id = $1"
        return await connection.fetchval(sql, org_id, shares)

    first, last = await share_of("created_at", [0.3, 0.7])
    shorter, longer = await share_of("duration_ms", [0.45, 0.55])
    calls = await connection.fetchval("SELECT count(*) FROM calls WHERE org_id = $1", org_id)
    numbers = (await ends("from_number"))[0], (await ends("contact_number"))[1]
    middle = await connection.fetchval(
        "SELECT body FROM calls WHERE org_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET $2",
        org_id,
        calls // 2,
    )
    return Facts(
        org_id=org_id,
        calls=calls,
        status=await ends("status", _alone(STATUS, list(Status))),
        result=await ends("result", _alone(RESULT, list(Result))),
        direction=await ends("direction", [word.value for word in Direction]),
        agent=await ends("agent_ref"),
        campaign=await ends("campaign_ref"),
        number=numbers,
        vendor=(await ends("vendor"))[0],
        # Not at the beginning of any period, at both ends.
        span=(first + timedelta(minutes=7, seconds=13.5), last + timedelta(minutes=29, seconds=41.25)),
        durations=(shorter, longer),
        transcript_texts=await _transcript_texts(connection, org_id),
        ids=[await _one_id(connection, org_id, number) for number in range(SINGLE_CALLS)],
        butter_cursor=cursor_of({"call_sid": BUTTER_IDS.printed(call_of(middle, None))}),
    )


def _alone(vocabulary: Vocabulary[Any], words: Sequence[Any]) -> list[str]:
    written = [vocabulary.write(word) for word in words]
    return [word.value for word in words if written.count(vocabulary.write(word)) == 1]


async def _one_id(connection: asyncpg.Connection, org_id: int, number: int) -> UUID:
    """Some call that has a transcript; the same each time."""
    # The first at or after a made-up id, or the first of all if there is none.
    found: UUID = await connection.fetchval(
        "(SELECT call_id FROM call_transcripts WHERE org_id = $1 AND call_id >= $2 ORDER BY call_id LIMIT 1) "
        "UNION ALL (SELECT call_id FROM call_transcripts WHERE org_id = $1 ORDER BY call_id LIMIT 1) LIMIT 1",
        org_id,
        uuid5(UUID(int=0), str(number)),
    )
    return found


async def _transcript_texts(connection: asyncpg.Connection, org_id: int) -> tuple[str, str]:
    """A common word, and a line that few calls have."""
    search: str = await connection.fetchval(
        "SELECT search FROM call_transcripts WHERE org_id = $1 AND length(search) > 300 "
        "ORDER BY call_id LIMIT 1",
        org_id,
    )
    longest = max(search.splitlines(), key=len)
    return "thank", longest[:60].strip()


# -- the questions --------------------------------------------------------


def questions(found: Facts) -> list[Question]:
    """Everything that is requested from our server, in the order of the table."""
    return [*_pages(found), *_vendor_filters(found), *_own_filters(found), *_dialects(found), *_single(found)]


def _listed(
    name: str, note: str = "", *, truth: str = "", values: Sequence[Any] = (), **query: Any
) -> Question:
    """A ContactShip list of 20, and the same of the peer."""
    theirs = {
        **query,
        **({"call_status": STATUS.write(Status(query["call_status"]))} if "call_status" in query else {}),
    }
    renamed = {"phone_number" if key == "phoneNumber" else key: value for key, value in query.items()}
    return Question(
        name=name,
        dialect="contactship",
        paths=[f"/v1/calls?{urlencode({'limit': PAGE, **theirs})}"],
        total_in=CONTACTSHIP,
        truth=truth,
        values=list(values),
        peer=f"/v1/calls?{urlencode({'limit': PAGE, **renamed})}",
        note=note,
    )


def _pages(found: Facts) -> list[Question]:
    half, end = found.calls // 2, max(0, found.calls - PAGE)
    zudu_half, zudu_end = found.calls // PAGE // 2, max(0, -(-found.calls // PAGE) - 1)
    return [
        _listed("first page"),
        _listed("middle page", offset=half),
        _listed("last page", offset=end),
        _anywhere(end),
        _listed("first page, oldest first", order="asc"),
        _zudu("zudu, by start: first page", 0),
        _zudu("zudu, by start: middle page", zudu_half),
        _zudu("zudu, by start: last page", zudu_end),
        Question(name="butter, by cursor: first page", dialect="butter", paths=[f"/api/calls?limit={PAGE}"]),
        Question(
            name="butter, by cursor: middle page",
            dialect="butter",
            paths=[f"/api/calls?{urlencode({'limit': PAGE, 'cursor': found.butter_cursor})}"],
        ),
    ]


def _anywhere(end: int) -> Question:
    """Pages at offsets all over the list. From 100,000 calls on few of their rows are still cached."""
    drawn = random.Random(ANYWHERE)
    offsets = [drawn.randrange(end + 1) for _ in range(ANYWHERE)]
    return Question(
        name="pages anywhere",
        dialect="contactship",
        paths=[f"/v1/calls?{urlencode({'limit': PAGE, 'offset': offset})}" for offset in offsets],
        total_in=CONTACTSHIP,
        note=f"{ANYWHERE} offsets in turn; other pages find their rows cached",
    )


def _zudu(name: str, page: int) -> Question:
    return Question(name=name, dialect="zudu", paths=[f"/api/calls?page={page}&limit={PAGE}"], total_in=ZUDU)


def _vendor_filters(found: Facts) -> list[Question]:
    first, last = found.span
    span = {"date_from": _iso(first), "date_to": _iso(last)}
    status, result, agent, campaign = found.status[0], found.result[0], found.agent[0], found.campaign[0]
    of_phone = "(from_number = ? OR contact_number = ?)"
    made = []
    for which, rank in enumerate(("common", "rare")):
        for name, key, column, value in (
            ("status", "call_status", "status", found.status[which]),
            ("result", "call_result", "result", found.result[which]),
            ("agent", "agent_id", "agent_ref", found.agent[which]),
            ("campaign", "campaign_id", "campaign_ref", found.campaign[which]),
        ):
            parameter: dict[str, Any] = {key: value}
            made.append(
                _listed(f"{name}, {rank}", str(value), truth=f"{column} = ?", values=[value], **parameter)
            )
        number = found.number[which]
        made.append(_listed(f"phone, {rank}", truth=of_phone, values=[number, number], phoneNumber=number))
    of_status, of_agent, of_campaign = "status = ?", "agent_ref = ?", "campaign_ref = ?"
    of_span = "created_at BETWEEN ? AND ?"
    return [
        *made,
        _listed("date range", "ragged edges", truth=of_span, values=[first, last], **span),
        _listed(
            "date range and status",
            truth=f"{of_span} AND {of_status}",
            values=[first, last, status],
            call_status=status,
            **span,
        ),
        _listed(
            "date range and agent",
            truth=f"{of_span} AND {of_agent}",
            values=[first, last, agent],
            agent_id=agent,
            **span,
        ),
        _listed(
            "status and agent",
            truth=f"{of_status} AND {of_agent}",
            values=[status, agent],
            call_status=status,
            agent_id=agent,
        ),
        _listed(
            "status and campaign",
            truth=f"{of_status} AND {of_campaign}",
            values=[status, campaign],
            call_status=status,
            campaign_id=campaign,
        ),
        _listed(
            "agent and campaign",
            truth=f"{of_agent} AND {of_campaign}",
            values=[agent, campaign],
            agent_id=agent,
            campaign_id=campaign,
        ),
        _listed(
            "status and result",
            truth=f"{of_status} AND result = ?",
            values=[status, result],
            call_status=status,
            call_result=result,
        ),
    ]


def deep(question: Question, total: int) -> list[Question]:
    """The middle and the last page of a filtered list, once its size is known."""
    offsets = {"middle page": total // 2, "last page": max(0, total - PAGE)}
    return [
        Question(
            name=f"{question.name}: {name}",
            dialect=question.dialect,
            paths=[f"{path}&offset={offset}" for path in question.paths],
            total_in=question.total_in,
            truth=question.truth,
            values=question.values,
            peer=f"{question.peer}&offset={offset}",
            note=question.note,
        )
        for name, offset in offsets.items()
    ]


def _own_filters(found: Facts) -> list[Question]:
    first, last = found.span
    low, high = found.durations
    transcript_match = (
        "EXISTS (SELECT 1 FROM call_transcripts s WHERE s.org_id = c.org_id AND s.call_id = c.id "
        "AND strpos(s.search, ?) > 0)"
    )
    return [
        _own("own: first page"),
        _own(
            "own: direction", truth="direction = ?", values=[found.direction[0]], direction=found.direction[0]
        ),
        _own("own: vendor", truth="vendor = ?", values=[found.vendor], vendor=found.vendor),
        _own("own: three statuses", truth="status = ANY(?)", values=[_THREE], status=",".join(_THREE)),
        _own(
            "own: started range",
            truth="started_at BETWEEN ? AND ?",
            values=[first, last],
            started_from=_iso(first),
            started_to=_iso(last),
        ),
        _own(
            "own: duration",
            f"{low} to {high} ms",
            truth="duration_ms BETWEEN ? AND ?",
            values=[low, high],
            duration_ms_min=low,
            duration_ms_max=high,
        ),
        _own(
            "own: text, common",
            truth=transcript_match,
            values=[found.transcript_texts[0]],
            transcript_search=found.transcript_texts[0],
        ),
        _own(
            "own: text, rare",
            truth=transcript_match,
            values=[found.transcript_texts[1]],
            transcript_search=found.transcript_texts[1],
        ),
    ]


_THREE = ["busy", "completed", "no_answer"]


def _own(name: str, note: str = "", *, truth: str = "", values: Sequence[Any] = (), **query: Any) -> Question:
    query_string = urlencode({"page_size": PAGE, "include_total": "true", **query})
    return Question(
        name=name,
        dialect="trunkline",
        paths=[f"/v1/calls?{query_string}"],
        total_in=OWN,
        truth=truth,
        values=list(values),
        note=note,
    )


def _dialects(found: Facts) -> list[Question]:
    """Each dialect's list with its defaults, and the big ones."""
    toon = {"limit": PAGE, "include_transcript": "true", "transcript_format": "toon"}
    words = {"limit": PAGE, "include_transcript": "true", "include_words": "true", "include_tools": "true"}
    return [
        Question(
            name="contactship as it comes", dialect="contactship", paths=["/v1/calls"], total_in=CONTACTSHIP
        ),
        Question(name="callem as it comes", dialect="callem", paths=["/v1/calls"], total_in=CALLEM),
        Question(name="zudu as it comes", dialect="zudu", paths=["/api/calls"], total_in=ZUDU),
        Question(name="butter as it comes", dialect="butter", paths=["/api/calls"]),
        Question(name="trunkline as it comes", dialect="trunkline", paths=["/v1/calls"]),
        Question(
            name="page with words and tools", dialect="contactship", paths=[f"/v1/calls?{urlencode(words)}"]
        ),
        Question(
            name="page with TOON transcripts", dialect="contactship", paths=[f"/v1/calls?{urlencode(toon)}"]
        ),
        Question(name="page as TOON", dialect="trunkline", paths=[f"/v1/calls?page_size={PAGE}&format=toon"]),
        Question(name="callem's 1000", dialect="callem", paths=["/v1/calls?limit=1000"], total_in=CALLEM),
    ]


def _single(found: Facts) -> list[Question]:
    def question(name: str, dialect: str, path: str, query: str = "") -> Question:
        return Question(name=name, dialect=dialect, paths=[f"{path}/{one}{query}" for one in found.ids])

    return [
        question("get with transcript", "contactship", "/v1/calls"),
        question("get without transcript", "contactship", "/v1/calls", "?include_transcript=false"),
        question("get with TOON transcript", "contactship", "/v1/calls", "?transcript_format=toon"),
        question("get, own", "trunkline", "/v1/calls"),
        question("get, own, as TOON", "trunkline", "/v1/calls", "?format=toon"),
    ]


def _iso(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


# -- the truth ------------------------------------------------------------


async def counted(connection: asyncpg.Connection, org_id: int, questions: Sequence[Question]) -> list[int]:
    """How many calls match each question, by counting them in one pass."""
    values: list[Any] = [org_id]
    terms = []
    for question in questions:
        pieces = (question.truth or "true").split("?")
        for index, value in enumerate(question.values):
            values.append(value)
            pieces[index] += f"${len(values)}"
        terms.append(f"count(*) FILTER (WHERE {''.join(pieces)})")
    row = await connection.fetchrow(
        f"SELECT {', '.join(terms)} FROM calls c WHERE org_id = $1", *values, timeout=None
    )
    return list(row)
