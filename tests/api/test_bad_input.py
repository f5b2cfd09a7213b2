"""Requests that make no sense: the vendor's own error body, the right status, never a stack trace."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin
from urllib.parse import quote

import httpx2
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.api.wire import Answer, ask, exchange, parsed
from tests.conftest import Server, World
from trunkline.api.http import MAX_HEAD_BYTES
from trunkline.kit.dialect import Dialect, Operation
from trunkline.kit.events import MEDIA_TYPE as EVENTS
from trunkline.kit.query import DayOrInstant, Parameter, Phone, Uuid, Words, parameters
from trunkline.model.faults import Fault, Refused
from trunkline.model.sighting import Sighting
from trunkline.vendors import dialects

DIALECTS = sorted(dialects())
NO_CALL = str(uuid.UUID(int=7))


class BadRequest(NamedTuple):
    """One parameter of one operation."""

    dialect: Dialect
    operation: Operation
    parameter: Parameter

    def __str__(self) -> str:
        return f"{self.dialect.name}-{self.operation.name}-{self.parameter.name}"

    def target(self, query: str) -> bytes:
        return target(self.dialect, self.operation, query)


PARAMETERS = [
    BadRequest(dialect, operation, parameter)
    for dialect in dialects().values()
    for operation in dialect.operations
    if EVENTS not in operation.media_types  # a valid value there is answered by a stream without an end
    for parameter in parameters(operation.query).values()
]


def target(dialect: Dialect, operation: Operation, query: str = "", printed_id: str = NO_CALL) -> bytes:
    path = operation.path.replace("{id}", printed_id)
    return f"/{dialect.name}{path}{'?' if query else ''}{query}".encode("latin-1")


def assert_refused(answer: Answer, dialect: Dialect, *faults: Fault, because: object = "") -> None:
    """The answer has the status of one of some faults, and a body of the vendor's shape."""
    assert answer.status in {dialect.errors.status(fault) for fault in faults}, (because, answer)
    assert answer.headers["content-type"] == dialect.errors.media_type, (because, answer)
    assert answer.headers["content-length"] == str(len(answer.body)), (because, answer)
    msgspec.json.decode(answer.body, type=dialect.errors.shape)
    for inside in (b"Traceback", b"asyncpg", b".py", b"SELECT", b"0x"):
        assert inside not in answer.body, (because, answer)


@pytest.fixture(scope="module")
def world(new_world: Callable[..., World]) -> World:
    return new_world()


# -- values of parameters -------------------------------------------------


def values(text: str) -> list[str]:
    """The empty value, and those between the spaces of a text."""
    return ["", *text.split()]


NO_TEXTS = ["%ff", "%ED%A0%80", "%C0%80", "%00", "a%00b", "%zz%ff"]
NO_INTEGERS = values(
    "abc null true 1e3 5.0 5. .5 0x10 0b1 1_0 +5 --5 -%205 5+ %205 5%0A %D9%A3 %EF%BC%95 1,000 NaN []"
)
NO_FLAGS = values("yes no on 2 -1 null None true,false %D9%A1 t TRUE%20")
NO_TIMES = values(
    "null today 0 1772323200000 2026 2026-3-1 2026-02-30 2026-13-01 0000-01-01 10000-01-01 -2026-01-01"
    " 20260101 2026-W01-1 2026-01-01T 2026-01-01Z 2026-01-01T25:00:00Z 2026-01-01T10:60:00Z"
    " 2026-01-01T10:00:00%2B99:00 2026-01-01T10:00:00.1234567890Z 0001-01-01T00:00:00%2B14:00"
    " 9999-12-31T23:59:59-14:00 %D9%A2026-01-01"
)
NO_PHONES = values("null abc %2B 123 %2B%2B12024567890 1111111111111111111111 %2B1202456789a")
NO_UUIDS = [*values("null 5 {id}"), "x" * 36, NO_CALL[:-1], NO_CALL + "0", NO_CALL.replace("-", "")]


def bad_values(parameter: Parameter) -> Iterator[str]:
    """Values that a parameter cannot have, as they are in a query string."""
    yield from NO_TEXTS
    if parameter.kind is int:
        yield from NO_INTEGERS
        meta = parameter.meta
        if meta is not None and isinstance(meta.ge, int):
            yield from (str(meta.ge - 1), "-9999999", "-" + "9" * 400)
        if meta is not None and isinstance(meta.le, int):
            yield from (str(meta.le + 1), "999999999", "9" * 400)
    elif parameter.kind is bool:
        yield from NO_FLAGS
    elif get_origin(parameter.kind) is Literal:
        words = get_args(parameter.kind)
        yield from ("", "null", "nobody", words[0] + "%20", f"{words[0]},{words[-1]}", words[0] + "x")
    elif parameter.kind is DayOrInstant:
        yield from NO_TIMES
    elif parameter.kind is Phone:
        yield from NO_PHONES
    elif parameter.kind is Uuid:
        yield from NO_UUIDS
    elif parameter.kind is Words:
        yield from values(", a, ,a a,,b")
    else:
        yield ""
    yield "a" * 5000


@pytest.mark.parametrize("asked", PARAMETERS, ids=str)
def test_a_malformed_value_is_refused(asked: BadRequest, world: World, server: Server) -> None:
    headers = world.headers[asked.dialect.name]
    for value in bad_values(asked.parameter):
        answer = ask(server.port, asked.target(f"{asked.parameter.name}={value}"), headers)
        because = f"{asked.parameter.name}={value}"
        assert_refused(answer, asked.dialect, Fault.BAD_REQUEST, Fault.BAD_CURSOR, because=because)


@pytest.mark.parametrize("asked", [one for one in PARAMETERS if one.parameter.kind is int], ids=str)
def test_an_integer_of_any_size_is_understood_or_refused(
    asked: BadRequest, world: World, server: Server
) -> None:
    for number in (10**9, 2**31, 2**53, 10**18, 2**62, 2**63 - 1, 2**63, 2**64, 10**19, 10**300, 10**4000):
        answer = ask(
            server.port, asked.target(f"{asked.parameter.name}={number}"), world.headers[asked.dialect.name]
        )
        if answer.status != 200:
            assert_refused(answer, asked.dialect, Fault.BAD_REQUEST, because=number)


@pytest.mark.parametrize("asked", PARAMETERS, ids=str)
def test_a_parameter_without_a_value_or_given_twice_is_refused(
    asked: BadRequest, world: World, server: Server
) -> None:
    name = asked.parameter.name
    for query in (name, f"{name}&{name}", f"x=1&{name}", f"{quote(name)}=%00&{name}"):
        answer = ask(server.port, asked.target(query), world.headers[asked.dialect.name])
        assert_refused(answer, asked.dialect, Fault.BAD_REQUEST, Fault.BAD_CURSOR, because=query)


def test_a_refusal_names_the_parameter_and_says_what_it_must_be(world: World) -> None:
    answer = world.get("trunkline", "/v1/calls?page_size=1e3")
    assert answer.json()["errors"] == [{"parameter": "page_size", "detail": "page_size must be an integer"}]
    answer = world.get("contactship", "/v1/calls?limit=1001")
    assert answer.json()["message"] == "Invalid query parameters: limit must be between 0 and 1000"


def test_a_plus_that_arrived_as_a_space_is_put_back(world: World, server: Server) -> None:
    sighting = Sighting(vendor="contactship", vendor_call_id=NO_CALL, from_number="+12024567890")
    world.see([sighting])
    for value in ("+12024567890", "%2B12024567890", "%2012024567890", "12024567890", "+1%20(202)%20456-7890"):
        answer = ask(
            server.port, b"/contactship/v1/calls?phoneNumber=" + value.encode(), world.headers["contactship"]
        )
        assert (answer.status, json.loads(answer.body)["count"]) == (200, 1), value


UNKNOWN = values("x=1 limits=5 LIMIT=5 limit%00=5 %ff=1 %F0%9F%98%80=1 a[b]=1&a[b]=2 =1 a%2Cb%0A=1")[1:]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_parameter_that_the_vendor_would_ignore_is_ignored_and_named(
    name: str, world: World, server: Server
) -> None:
    dialect = dialects()[name]
    for query in UNKNOWN:
        answer = ask(server.port, target(dialect, dialect.operations[0], query), world.headers[name])
        if dialect.refuse_unknown:
            assert_refused(answer, dialect, Fault.BAD_REQUEST, because=query)
        else:
            assert answer.status == 200
            assert answer.headers["trunkline-ignored"].isascii()
    if not dialect.refuse_unknown:
        answer = ask(
            server.port, target(dialect, dialect.operations[0], "b=1&a=2&b=3&%0D%0Ac=4"), world.headers[name]
        )
        assert answer.headers["trunkline-ignored"] == "b, a, %0D%0Ac"
        many = "&".join(f"name-{n}=1" for n in range(2000))
        answer = ask(server.port, target(dialect, dialect.operations[0], many), world.headers[name])
        assert answer.status == 200
        named, _, more = answer.headers["trunkline-ignored"].rpartition(", and ")
        assert named.count(",") + 1 + int(more.removesuffix(" more")) == 2000


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("length", [33_000, 100_000, 1_000_000])
def test_an_address_of_any_length_is_answered(name: str, length: int, world: World, server: Server) -> None:
    dialect = dialects()[name]
    headers = world.headers[name]
    for operation in dialect.operations:
        for query in ("x" * length, "x=" + "1" * length, "&x=1" * (length // 4), "%00" * (length // 3)):
            method = operation.method.encode()
            answer = ask(server.port, target(dialect, operation, query), headers, method=method)
            assert_refused(answer, dialect, Fault.ADDRESS_TOO_LONG, because=operation.name)
    (_, get, *_) = dialect.operations
    answer = ask(server.port, target(dialect, get, "", "a" * length), headers)
    assert_refused(answer, dialect, Fault.CALL_NOT_FOUND)
    answer = ask(server.port, f"/{name}/{'a' * length}".encode(), headers)
    assert_refused(answer, dialect, Fault.NO_SUCH_ROUTE)


# -- cursors --------------------------------------------------------------


def cursor(content: object) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return quote(base64.b64encode(text))


CURSORS = [
    *values("!!! a ==== null %00 %20 e30")[1:],
    *map(cursor, (b"\xff", b"", b"{", b"[" * 1400, [1], 5, {})),
    *(cursor({"call_sid": wrong}) for wrong in (None, 5, "", "\0", "\ud800", "a" * 300, NO_CALL)),
    cursor({"v": None, "i": NO_CALL, "o": "x", "q": "x"}),
    "A" * 3000,
]

PAGED = [("butter", "limit=1", "cursor"), ("trunkline", "page_size=1", "page_token")]


def next_cursor(body: dict[str, Any]) -> str:
    found = body.get("next_page_token") or body["pagination"]["next_cursor"]
    assert isinstance(found, str)
    return quote(found)


@pytest.mark.parametrize(("name", "one", "parameter"), PAGED)
def test_a_cursor_that_cannot_be_read_is_refused(
    name: str, one: str, parameter: str, world: World, server: Server
) -> None:
    dialect = dialects()[name]
    for text in CURSORS:
        query = f"{one}&{parameter}={text}"
        answer = ask(server.port, target(dialect, dialect.operations[0], query), world.headers[name])
        assert_refused(answer, dialect, Fault.BAD_CURSOR, Fault.BAD_REQUEST, because=text)


@pytest.mark.parametrize(("name", "one", "parameter"), PAGED)
def test_a_cursor_belongs_to_the_org_that_got_it(
    name: str, one: str, parameter: str, new_world: Callable[..., World]
) -> None:
    dialect, mine, theirs = dialects()[name], new_world(), new_world()
    for owner in (mine, theirs):
        owner.see([Sighting(vendor="elsewhere", vendor_call_id=f"{owner.name}-{n}") for n in range(3)])
    path = dialect.operations[0].path
    first = mine.get(name, f"{path}?{one}").json()
    second = f"{path}?{one}&{parameter}={next_cursor(first)}"
    assert mine.get(name, second).status_code == 200
    answer = theirs.get(name, second)
    assert answer.status_code == dialect.errors.status(Fault.BAD_CURSOR)
    msgspec.json.decode(answer.content, type=dialect.errors.shape)


def test_a_page_token_belongs_to_its_filter_and_cannot_be_changed(world: World) -> None:
    world.see([Sighting(vendor="elsewhere", vendor_call_id=f"a-{n}") for n in range(3)])
    token = world.get("trunkline", "/v1/calls?page_size=1").json()["next_page_token"]
    assert world.get("trunkline", f"/v1/calls?page_size=1&page_token={quote(token)}").status_code == 200
    content = json.loads(base64.b64decode(token))
    values: list[Any] = [None, "", 5, -1, 2**70, 1.5, [], {}, "\0", "\ud800", "2026-13-01", "a" * 500]
    changed = [{**content, key: value} for key in content for value in values]
    answers = [world.get("trunkline", f"/v1/calls?page_token={cursor(one)}") for one in changed]
    answers.append(world.get("trunkline", f"/v1/calls?order=asc&page_token={quote(token)}"))
    answers.append(world.get("trunkline", f"/v1/calls?status=failed&page_token={quote(token)}"))
    assert {answer.status_code for answer in answers} == {400}
    assert {answer.json()["title"] for answer in answers} <= {"Bad page token", "Bad request"}


# -- ids and paths --------------------------------------------------------

NO_IDS = [
    *values("%20 a null undefined 0 -1 {id} .. . %2e%2e a%2Fb %2F %2f..%2f a%3Fb %00 a%00 %ff %ED%A0%80")[1:],
    *values("%C0%AF %F0%9F%98%80 %E2%80%AE %0A %0D%0Ax:%201 % %zz '%20OR%20''=' a;b a\\b <script> * + ~")[1:],
    *(NO_CALL[:-1], NO_CALL + "0", "0" * 24, "f" * 24, "call_" + "z" * 12, "call_" + "0" * 12, "z" * 12),
    *("a" * 200, "a" * 201, "a" * 5000, "%61" * 300),
]


@pytest.mark.parametrize("name", DIALECTS)
def test_an_id_of_any_form_that_names_no_call_is_not_found(name: str, world: World, server: Server) -> None:
    dialect = dialects()[name]
    (_, get, *_) = dialect.operations
    for printed_id in NO_IDS:
        answer = ask(server.port, target(dialect, get, "", printed_id), world.headers[name])
        assert_refused(answer, dialect, Fault.CALL_NOT_FOUND, because=printed_id)


PATHS = [
    *values(
        "/ // /x /v1 /v1/ /v1/calls/ /v1//calls //v1/calls /v1/calls// /v1/calls/a/b /V1/calls /v1/Calls"
    ),
    *values("/v1/calls;x /v1/calls%2F /v1%2Fcalls /%76%31/calls /./v1/calls /../healthz /%2e%2e/healthz")[1:],
    *values("/v1/calls/../calls /api/ /api/calls/ /api//calls /api/calls/a/ /%00 /%ff /%ED%A0%80 /docs/")[1:],
    *values("/docs/x /openapi.json/ /healthz /readyz /\\ /*")[1:],
]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_path_that_the_vendor_does_not_have_is_refused_in_its_words(
    name: str, world: World, server: Server
) -> None:
    dialect = dialects()[name]
    for path in PATHS:
        for headers in (world.headers[name], {}):
            answer = ask(server.port, f"/{name}{path}".encode(), headers)
            assert_refused(answer, dialect, Fault.NO_SUCH_ROUTE, because=path)


@pytest.mark.parametrize(
    "path", values("/x // /%63allem/v1/calls /CALLEM/v1/calls /v2/calls /%00 /%ff *")[1:]
)
def test_a_path_that_is_nobodys_is_refused_as_a_problem(path: str, server: Server) -> None:
    answer = ask(server.port, path.encode())
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(answer.body) == {"title": "Nothing is served at this path", "status": 404}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_method_that_the_path_does_not_take_is_refused_with_those_that_it_takes(
    name: str, world: World, server: Server
) -> None:
    dialect = dialects()[name]
    for operation in dialect.operations:
        path = target(dialect, operation)
        taken = {one.method for one in dialect.operations if one.path == operation.path}
        for method in {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - taken:
            answer = ask(server.port, path, world.headers[name], method=method.encode())
            assert_refused(answer, dialect, Fault.METHOD_NOT_ALLOWED, because=method)
            assert set(answer.headers["allow"].split(", ")) >= taken


@pytest.mark.parametrize("name", DIALECTS)
def test_a_body_that_was_not_requested_is_not_read(name: str, world: World, http: httpx2.Client) -> None:
    dialect = dialects()[name]
    path = f"/{name}{dialect.operations[0].path}"
    for body in (b"\xff", b'{"a": "\\ud800"}', b"[" * 10_000, b"x" * 1_000_000):
        answer = http.request("GET", path, headers=world.headers[name], content=body)
        assert answer.status_code == 200


@pytest.mark.parametrize("name", DIALECTS)
def test_a_head_is_a_get_without_its_body(name: str, world: World, server: Server) -> None:
    dialect = dialects()[name]
    (listing, get, *_) = dialect.operations
    unknown = "zzz=1"
    targets = [
        target(dialect, listing),
        target(dialect, get),
        target(dialect, listing, unknown),
        b"/" + name.encode(),
    ]
    for address in targets:
        for headers in (world.headers[name], {}):
            whole = ask(server.port, address, headers)
            head = ask(server.port, address, headers, method=b"HEAD")
            assert (head.status, head.body) == (whole.status, b"")
            assert {**head.headers, "date": ""} == {**whole.headers, "date": ""}


# -- headers --------------------------------------------------------------

Pairs = list[tuple[bytes, bytes]]

MORE_HEADERS: list[Pairs] = [
    [(b"Accept", b"\xff\xfe")],
    [(b"Accept", b"text/toon;q=0, */*")],
    [(b"Accept", b"a" * 100_000)],
    [(b"Host", b"\xff\xff")],
    [(b"Host", b"a:b:c:d")],
    [(b"Host", b"")],
    [(b"X-Forwarded-For", b"\xff")],
    [(b"X-Forwarded-For", b"," * 10_000)],
    [(b"X-Organization-Id", b"\xff")],
    [(b"Cookie", b"\xff\x80; " * 1000)],
    [(b"If-None-Match", b"*"), (b"Range", b"bytes=0-")],
    [(b"Content-Type", b"\xff"), (b"Content-Length", b"0")],
    [(b"Upgrade", b"websocket"), (b"Connection", b"upgrade")],
    [(f"X-{n}".encode(), b"1") for n in range(2000)],
    [(b"X-Long", b"a" * 1_000_000)],
    [(b"x" * 50_000, b"1")],
]


@pytest.mark.parametrize("headers", MORE_HEADERS, ids=lambda pairs: repr(pairs)[:40])
def test_no_header_can_make_a_good_request_fail_on_our_side(
    headers: Pairs, world: World, server: Server
) -> None:
    for name, dialect in dialects().items():
        own = [(key.encode(), value.encode()) for key, value in world.headers[name].items()]
        answer = ask(server.port, target(dialect, dialect.operations[0]), [*own, *headers])
        assert answer.status < 500
        if answer.status != 200:
            msgspec.json.decode(answer.body, type=dialect.errors.shape)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_key_of_broken_bytes_is_refused(name: str, world: World, server: Server) -> None:
    dialect = dialects()[name]
    faults = (Fault.NO_CREDENTIAL, Fault.MALFORMED_CREDENTIAL, Fault.UNKNOWN_CREDENTIAL)
    for broken in (
        b"",
        b" ",
        b"\xff",
        b"\xff" * 100_000,
        b"\x80\x81",
        b"\xed\xa0\x80",
        b"a" * 1_000_000,
        b"\t",
        b"\xa0",
    ):
        for place in range(len(world.headers[name])):
            own = [(key.encode(), value.encode()) for key, value in world.headers[name].items()]
            key, value = own[place]
            for wrong in (broken, value[:10] + broken, b"Bearer " + broken, value + broken + b"x"):
                own[place] = (key, wrong)
                answer = ask(server.port, target(dialect, dialect.operations[0]), own)
                expected = faults if len(wrong) < MAX_HEAD_BYTES else (Fault.HEADERS_TOO_LARGE,)
                assert_refused(answer, dialect, *expected, because=(key, wrong[:80]))


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\x00" * 100,
        b"GET /callem/v1/calls HTTP/9.9\r\n\r\n",
        b"GET /callem/v1/calls\xff HTTP/1.1\r\n\r\n",
        b"GET /callem/v1/calls?limit=\xff HTTP/1.1\r\n\r\n",
        b"GET /callem/v1/ calls HTTP/1.1\r\n\r\n",
        b"GET callem HTTP/1.1\r\n\r\n",
        b"GET http:///callem HTTP/1.1\r\n\r\n",
        b"GET /callem/v1/calls HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /callem/v1/calls HTTP/1.1\r\nAuthorization: a\x00b\r\n\r\n",
        b"GET /callem/v1/calls HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"FETCH /callem/v1/calls HTTP/1.1\r\n\r\n",
        b"CONNECT callem:443 HTTP/1.1\r\n\r\n",
    ],
    ids=repr,
)
def test_what_is_no_http_is_refused_as_a_problem(request_bytes: bytes, server: Server) -> None:
    answer = parsed(exchange(server.port, request_bytes))
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert json.loads(answer.body) == {"title": "Invalid HTTP request received", "status": 400}


# -- anything at all ------------------------------------------------------

SNIPPETS = [
    *values("v1 api calls openapi.json docs healthz limit offset page cursor page_token 0 1 -1 5.0 1e3 null"),
    *values("% %00 %ff %2F %20 %ED%A0%80 .. . / // ? & = + ; # * \\ [] {} ' \" < 2026-02-30 😀"),
    *("a" * 300, NO_CALL),
    *(parameter.name for _, _, parameter in PARAMETERS),
]
pieces = st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=3), max_size=8).map("".join)
header_bytes = st.binary(max_size=20) | st.sampled_from(
    [b"Bearer", b"Bearer x", b"text/toon", b"null", b"\xff"]
)
header_names = st.sampled_from(
    [b"Accept", b"Authorization", b"X-API-Key", b"X-API-SECRET", b"Host", b"X-Organization-Id"]
)


@given(
    name=st.sampled_from(DIALECTS),
    below=st.booleans(),
    path=pieces,
    query=pieces,
    method=st.sampled_from([b"GET", b"GET", b"GET", b"HEAD", b"POST", b"DELETE", b"OPTIONS"]),
    more=st.lists(st.tuples(header_names, header_bytes), max_size=3),
    with_key=st.booleans(),
)
@example(name="butter", below=True, path="", query="%", method=b"GET", more=[], with_key=True)
@settings(max_examples=200, deadline=None)
def test_whatever_is_requested_is_answered_without_a_failure_of_ours(
    world: World,
    server: Server,
    name: str,
    below: bool,
    path: str,
    query: str,
    method: bytes,
    more: Pairs,
    with_key: bool,
) -> None:
    base = f"/{name}{dialects()[name].operations[0].path if below else ''}"
    own = [(key.encode(), value.encode()) for key, value in world.headers[name].items() if with_key]
    address = f"{base}/{path}?{query}".encode("utf-8", "surrogatepass").translate(None, b" \t\r\n\x0b\x0c")
    clean = [(key, value.translate(None, b"\r\n")) for key, value in more]
    answer = ask(server.port, address, [*own, *clean], method=method)
    assert answer.status < 500, answer
    if method != b"HEAD" and answer.headers["content-type"].partition(";")[0] not in OTHERS:
        json.loads(answer.body)


OTHERS = {"text/html", "text/toon", "text/plain"}
"""The media types of documentation pages, and of answers in a requested form."""


# -- the log --------------------------------------------------------------


def test_the_log_says_what_happened(world: World, server: Server) -> None:
    before = server.log.stat().st_size
    world.get("contactship", "/v1/calls?limit=5.0")
    world.get("zudu", "/api/calls/call_1%0A%1B[31m")
    world.get("callem", "/v1/calls", headers={})
    events = [json.loads(line) for line in server.log.read_bytes()[before:].splitlines()]
    assert [(one["event"], one["level"], one["dialect"], one["fault"], one["detail"]) for one in events] == [
        ("refused", "info", "contactship", "BAD_REQUEST", "limit must be an integer"),
        ("refused", "info", "zudu", "CALL_NOT_FOUND", "call_1\n\x1b[31m"),
        ("refused", "info", "callem", "NO_CREDENTIAL", ""),
    ]


def test_every_fault_has_words_in_every_dialect() -> None:
    for dialect in dialects().values():
        for fault in Fault:
            status, body = dialect.errors.answer(Refused(fault, "detail", "parameter"))
            assert 400 <= status < 600
            msgspec.json.decode(msgspec.json.encode(body), type=dialect.errors.shape)
