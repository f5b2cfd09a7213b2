"""Transcripts of ContactShip's calls: when they are there, with words and tools, as JSON and as TOON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import World
from tests.vendors.answers import says
from tests.vendors.contactship.samples import CHAT, PAYLOAD, elsewhere, made, uuid
from trunkline.model.call import ToolCall, Turn, Word
from trunkline.model.words import Role
from trunkline.vendors import dialects

CONTACTSHIP = dialects()["contactship"]
TURNS = [
    Turn(Role.AGENT, "One moment.", words=[Word("One", 0, 400), Word("moment.", 400, 1250)]),
    Turn(Role.USER, "Thanks.", words=[]),
    Turn(Role.AGENT, "Goodbye."),
]
TOOLS = [
    ToolCall(
        name="check_calendar",
        id="tc_1",
        arguments={"day": "tuesday"},
        result={"free": True},
        position=1,
        result_position=2,
    )
]
SAID: list[dict[str, Any]] = [
    {"role": "agent", "content": "One moment."},
    {"role": "user", "content": "Thanks."},
    {"role": "agent", "content": "Goodbye."},
]
WORDS: list[list[dict[str, Any]]] = [
    [{"word": "One", "start": 0, "end": 0.4}, {"word": "moment.", "start": 0.4, "end": 1.25}],
    [],
    [],
]
SAID_IN_WORDS = [entry | {"words": words} for entry, words in zip(SAID, WORDS, strict=True)]
INVOKED = {
    "role": "tool_call_invocation",
    "tool_call_id": "tc_1",
    "name": "check_calendar",
    "arguments": '{"day": "tuesday"}',
}
RETURNED = {"role": "tool_call_result", "tool_call_id": "tc_1", "content": '{"free": true}'}
WITH_TOOLS = [SAID[0], INVOKED, RETURNED, *SAID[1:]]
WITH_TOOLS_IN_WORDS = [SAID_IN_WORDS[0], INVOKED, RETURNED, *SAID_IN_WORDS[1:]]
JSON = {"transcript_format": "json"}


@pytest.fixture(scope="module")
def talked(new_world: Callable[..., World]) -> World:
    """One call with words and a tool call."""
    world = new_world()
    world.take([made(1, turns=TURNS, tool_calls=TOOLS)])
    return world


@pytest.fixture(scope="module")
def example(new_world: Callable[..., World]) -> World:
    """The vendor's own example."""
    world = new_world()
    world.see([CONTACTSHIP.from_wire(PAYLOAD | {"chat_history": CHAT})])
    return world


def in_list(world: World, query: str = "") -> dict[str, Any]:
    """What the one call of a list prints after `contact`."""
    (row,) = world.get("contactship", f"/v1/calls?{query}").json()["data"]
    return after_contact(row)


def in_get(world: World, query: str = "") -> dict[str, Any]:
    answer = world.get("contactship", f"/v1/calls/{uuid(1)}?{query}")
    assert answer.status_code == 200, answer.text
    return after_contact(answer.json())


def after_contact(row: dict[str, Any]) -> dict[str, Any]:
    names = list(row)
    return {name: row[name] for name in names[names.index("contact") + 1 :]}


# -- what is included -----------------------------------------------------

COMBINATIONS: dict[tuple[bool, bool, bool], dict[str, Any]] = {
    (False, False, False): {},
    (False, True, False): {},
    (False, False, True): {"chat_history_with_tools": WITH_TOOLS, **JSON},
    (False, True, True): {"chat_history_with_tools": WITH_TOOLS, **JSON},
    (True, False, False): {"chat_history": SAID, **JSON},
    (True, True, False): {"chat_history": SAID_IN_WORDS, **JSON},
    (True, False, True): {"chat_history": SAID, "chat_history_with_tools": WITH_TOOLS, **JSON},
    (True, True, True): {
        "chat_history": SAID_IN_WORDS,
        "chat_history_with_tools": WITH_TOOLS_IN_WORDS,
        **JSON,
    },
}


@pytest.mark.parametrize(("transcript", "words", "tools"), COMBINATIONS)
@pytest.mark.claim(
    "contactship:transcript.roles",
    "contactship:transcript.words",
    "contactship:transcript.words.shape",
    "contactship:transcript.tools",
    "contactship:transcript.tools.shape",
    "contactship:transcript.tools.text",
    "contactship:transcript.tools.words",
    "contactship:transcript.format",
    "contactship:transcript.format.tools",
    "contactship:get.like_list",
)
def test_every_combination_includes_exactly_what_it_requests(
    talked: World, transcript: bool, words: bool, tools: bool
) -> None:
    query = f"include_transcript={transcript}&include_words={words}&include_tools={tools}"
    expected = COMBINATIONS[transcript, words, tools]
    for found in (in_list(talked, query), in_get(talked, query)):
        assert list(found.items()) == list(expected.items())


@pytest.mark.claim("contactship:list.transcript.default", "contactship:transcript.words")
def test_a_list_has_no_transcript_by_itself(talked: World) -> None:
    assert in_list(talked) == {}
    assert in_list(talked, "include_words=true") == {}
    assert in_list(talked, "include_tools=true") == {"chat_history_with_tools": WITH_TOOLS, **JSON}


@pytest.mark.claim("contactship:get.transcript.default", "contactship:transcript.words")
def test_get_has_the_transcript_by_itself(talked: World) -> None:
    assert in_get(talked) == {"chat_history": SAID, **JSON}
    assert in_get(talked, "include_words=true") == {"chat_history": SAID_IN_WORDS, **JSON}
    assert in_get(talked, "include_transcript=false") == {}


@pytest.mark.claim("contactship:transcript.format.alone")
def test_a_format_alone_brings_nothing(talked: World) -> None:
    assert in_list(talked, "transcript_format=toon") == {}
    assert in_list(talked, "transcript_format=toon&include_words=true") == {}
    assert in_get(talked, "transcript_format=toon&include_transcript=false") == {}


@pytest.mark.claim("contactship:transcript.empty", "contactship:transcript.format")
def test_a_call_without_a_known_transcript_has_an_empty_one(world: World) -> None:
    world.take([made(1)])
    both = "include_transcript=true&include_tools=true"
    assert in_list(world, both) == {"chat_history": [], "chat_history_with_tools": [], **JSON}
    assert in_get(world) == {"chat_history": [], **JSON}
    toon = {"chat_history": "[]", "chat_history_with_tools": "[]", "transcript_format": "toon"}
    assert in_list(world, f"{both}&transcript_format=toon") == toon


# -- tools ----------------------------------------------------------------


@pytest.mark.claim("contactship:transcript.tools.shape", "contactship:transcript.tools.text")
def test_tools_without_answer_name_or_place_still_have_their_entries(world: World) -> None:
    tools = [
        ToolCall(name="end_call", id="tc_2", arguments="{}", position=0),
        ToolCall(name="look_up", arguments=None, result="naïve ☎", position=2, result_position=3),
        ToolCall(id="tc_3", arguments=[1, None]),
    ]
    world.take([elsewhere(1, turns=[Turn(Role.USER, "Bye.")], tool_calls=tools)])
    found = in_get(world, "include_transcript=false&include_tools=true")["chat_history_with_tools"]
    assert [list(entry.items()) for entry in found] == [
        list(entry.items())
        for entry in (
            {"role": "tool_call_invocation", "tool_call_id": "tc_2", "name": "end_call", "arguments": "{}"},
            {"role": "user", "content": "Bye."},
            {"role": "tool_call_invocation", "tool_call_id": None, "name": "look_up", "arguments": "null"},
            {"role": "tool_call_result", "tool_call_id": None, "content": "naïve ☎"},
            {"role": "tool_call_invocation", "tool_call_id": "tc_3", "name": None, "arguments": "[1, null]"},
        )
    ]


@pytest.mark.claim("contactship:call.round_trip", "contactship:transcript.words.shape")
def test_a_transcript_with_tools_comes_back_as_it_came_in(world: World) -> None:
    told = {"chat_history": SAID_IN_WORDS, "chat_history_with_tools": WITH_TOOLS}
    world.see([CONTACTSHIP.from_wire(PAYLOAD | {"id": uuid(1)} | told)])
    query = "include_words=true&include_tools=true"
    assert in_get(world, query)["chat_history"] == SAID_IN_WORDS
    assert in_get(world, query)["chat_history_with_tools"] == WITH_TOOLS_IN_WORDS


# -- TOON -----------------------------------------------------------------

EXAMPLE_IN_TOON = """\
[3]{role,content}:
  agent,"Hello, this is an AI assistant calling from ContactShip. Am I speaking with Jane?"
  user,"Yes, this is Jane."
  agent,Great! I'm reaching out about our premium plan. Do you have a moment to chat?"""

SAID_IN_TOON = """\
[3]{role,content}:
  agent,One moment.
  user,Thanks.
  agent,Goodbye."""

WORDS_IN_TOON = """\
[3]:
  - role: agent
    content: One moment.
    words[2]{word,start,end}:
      One,0,0.4
      moment.,0.4,1.25
  - role: user
    content: Thanks.
    words: []
  - role: agent
    content: Goodbye.
    words: []"""

TOOLS_IN_TOON = """\
[5]:
  - role: agent
    content: One moment.
  - role: tool_call_invocation
    tool_call_id: tc_1
    name: check_calendar
    arguments: "{\\"day\\": \\"tuesday\\"}"
  - role: tool_call_result
    tool_call_id: tc_1
    content: "{\\"free\\": true}"
  - role: user
    content: Thanks.
  - role: agent
    content: Goodbye."""


@pytest.mark.claim(
    "contactship:transcript.toon", "contactship:transcript.toon.grammar", "contactship:get.bare"
)
def test_the_vendors_example_in_toon(example: World) -> None:
    bare = {name: value for name, value in PAYLOAD.items() if name != "campaign_id"}
    toon = {"chat_history": EXAMPLE_IN_TOON, "transcript_format": "toon"}
    says(example.get("contactship", f"/v1/calls/{PAYLOAD['id']}?transcript_format=toon"), bare | toon)
    listed = example.get("contactship", "/v1/calls?include_transcript=true&transcript_format=toon")
    says(listed, {"data": [PAYLOAD | toon], "count": 1})


@pytest.mark.claim("contactship:transcript.toon", "contactship:transcript.toon.grammar")
def test_words_and_tools_in_toon(talked: World) -> None:
    toon = {"transcript_format": "toon"}
    assert in_get(talked, "transcript_format=toon") == {"chat_history": SAID_IN_TOON, **toon}
    with_words = in_get(talked, "transcript_format=toon&include_words=true")
    assert with_words == {"chat_history": WORDS_IN_TOON, **toon}
    with_tools = in_list(talked, "transcript_format=toon&include_tools=true")
    assert with_tools == {"chat_history_with_tools": TOOLS_IN_TOON, **toon}


@pytest.mark.claim("contactship:transcript.toon.grammar")
@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("", '""'),
        (" Hi ", '" Hi "'),
        ("Yes, sure", '"Yes, sure"'),
        ("At 10:30", '"At 10:30"'),
        ('He said "no"', r'"He said \"no\""'),
        ("a\nb\tc\\d", r'"a\nb\tc\\d"'),
        ("[laughs]", '"[laughs]"'),
        ("true", '"true"'),
        ("42", '"42"'),
        ("- no", '"- no"'),
        ("C'est ça!", "C'est ça!"),
    ],
)
def test_a_text_in_toon_is_quoted_where_it_must_be(world: World, text: str, cell: str) -> None:
    world.take([made(1, turns=[Turn(Role.USER, text)])])
    assert in_get(world, "transcript_format=toon")["chat_history"] == f"[1]{{role,content}}:\n  user,{cell}"


@pytest.mark.claim("contactship:read.variants", "contactship:call.round_trip")
def test_a_transcript_that_came_in_as_toon_is_read(world: World) -> None:
    told = {"id": uuid(1), "chat_history": EXAMPLE_IN_TOON, "transcript_format": "toon"}
    world.see([CONTACTSHIP.from_wire(PAYLOAD | told)])
    assert in_get(world) == {"chat_history": CHAT, **JSON}
