"""What every API that is served must bring; each failure says what to add."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trunkline
from tests.vendors.captures import folder
from trunkline.kit.auth import NewKey
from trunkline.kit.dialect import Dialect
from trunkline.kit.losses import lost_paths
from trunkline.kit.openapi import openapi
from trunkline.kit.recognition import matches
from trunkline.kit.vocabulary import Vocabulary
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import digest
from trunkline.model.words import Status
from trunkline.vendors import dialects, saved_answers

EVERY = list(dialects().values())
every_dialect = pytest.mark.parametrize("dialect", EVERY, ids=[dialect.name for dialect in EVERY])
VOCABULARIES = [(dialect, vocabulary) for dialect in EVERY for vocabulary in dialect.vocabularies]
every_vocabulary = pytest.mark.parametrize(
    ("dialect", "vocabulary"), VOCABULARIES, ids=[f"{d.name}-{v.field}" for d, v in VOCABULARIES]
)


@every_dialect
def test_a_dialect_names_its_sources_and_its_choices(dialect: Dialect) -> None:
    assert dialect.about.strip().partition("\n")[0].endswith("."), "begin the module with one full sentence"
    for heading in ("Sources:", "Our choice:"):
        assert heading in dialect.about, f"{dialect.name}: the module's docstring lacks `{heading}`"


@every_dialect
def test_a_dialect_lists_calls_and_gets_one(dialect: Dialect) -> None:
    names = [operation.name for operation in dialect.operations]
    assert names[:2] == ["list_calls", "get_call"]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
@every_dialect
def test_every_fault_has_a_status_and_a_body_of_the_declared_shape(dialect: Dialect, fault: Fault) -> None:
    status, body = dialect.errors.answer(Refused(fault, "something", "limit"))
    assert 400 <= status < 600
    assert status // 100 == fault.status // 100
    msgspec.json.decode(msgspec.json.encode(body), type=dialect.errors.shape)


@every_dialect
def test_a_new_key_can_be_sent_and_read_again(dialect: Dialect) -> None:
    key = NewKey.generate()
    headers = {name.lower(): value for name, value in dialect.auth.headers_for(key).items()}
    assert dialect.auth.matches(headers)
    credential = dialect.auth.read(headers)
    assert credential.body is not None
    if credential.paired:
        assert credential.body != key.body, "a pair's first part must be worth nothing alone"
        assert credential.secret == key.secret
    else:
        assert credential.body == key.body


@every_vocabulary
def test_every_word_that_is_written_is_read_as_a_word_of_ours(
    dialect: Dialect, vocabulary: Vocabulary[Status]
) -> None:
    for ours in vocabulary.ours:
        written = vocabulary.write(ours)
        if written is not None:
            assert vocabulary.read(written) is not None, (
                f"{dialect.name}: {vocabulary.field} writes {written!r} but cannot read it; add it to `read`"
            )


@every_vocabulary
def test_any_word_comes_back_in_the_dialect_that_sent_it(
    dialect: Dialect, vocabulary: Vocabulary[Status]
) -> None:
    for word in (*vocabulary.words, "never heard of"):
        ours = vocabulary.read(word)
        kept = vocabulary.vendor_words_for(word, ours)
        said = vocabulary.word_for(ours, kept)
        assert said is not None
        assert said.casefold() == word.casefold()


@every_vocabulary
def test_the_words_of_a_vocabulary_divide_our_words_among_them(
    dialect: Dialect, vocabulary: Vocabulary[Status]
) -> None:
    printed = {vocabulary.write(ours) for ours in vocabulary.ours} - {None}
    matched = [vocabulary.wording_for(dialect.name, word).values for word in printed if word is not None]
    everything = sorted(value for values in matched for value in values)
    assert everything == sorted(ours.value for ours in vocabulary.ours if vocabulary.write(ours) is not None)


def a_call(vendor: str, canonical_id: str) -> Call:
    return msgspec.convert(
        {
            "id": canonical_id,
            "vendor": vendor,
            "vendor_call_id": "their-own-id",
            "status": "completed",
            "created_at": "2026-03-01T00:00:00Z",
        },
        Call,
    )


@every_dialect
@given(canonical_id=st.uuids().map(str))
def test_an_id_that_is_printed_for_another_vendors_call_is_understood(
    dialect: Dialect, canonical_id: str
) -> None:
    printed = dialect.ids.printed(a_call("elsewhere", canonical_id))
    sought = dialect.ids.lookup(printed)
    assert sought is not None
    by_digest = sought.digests is not None and (
        sought.digests[0] <= digest(canonical_id) <= sought.digests[1]
    )
    assert sought.id == canonical_id or by_digest


@every_dialect
@given(text=st.text(max_size=300))
def test_no_text_breaks_the_reading_of_an_id(dialect: Dialect, text: str) -> None:
    sought = dialect.ids.lookup(text)
    assert sought is None or sought.vendor_call_id == text


@every_dialect
def test_nothing_outside_the_dialects_names_a_vendor(dialect: Dialect) -> None:
    if dialect.name == "trunkline":
        return  # that is also the name of the package
    package = Path(trunkline.__file__).parent
    found = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "vendors" not in path.parts and dialect.name in path.read_text().lower()
    ]
    assert found == [], f"{dialect.name} is named outside vendors/; ask the registry instead"


# -- what it loses, and how it is described -------------------------------


@every_dialect
def test_a_dialect_declares_exactly_what_it_drops(dialect: Dialect) -> None:
    lost = lost_paths(dialect)
    if dialect.drops != lost:
        listed = "".join(f'            "{path}",\n' for path in sorted(lost))
        kept, undeclared = sorted(dialect.drops - lost), sorted(lost - dialect.drops)
        pytest.fail(
            f"{dialect.name} loses {undeclared} without saying so and keeps {kept} against its word.\n"
            f"If that is right, declare it:\n\n    drops=frozenset(\n        {{\n{listed}        }}\n    ),\n"
        )


@every_dialect
def test_every_parameter_says_what_it_means(dialect: Dialect) -> None:
    silent = [
        f"{method} {path}: {parameter['name']}"
        for path, operations in openapi(dialect)["paths"].items()
        for method, operation in operations.items()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    assert silent == [], "give each a `description` in its Meta"


# -- the vendor's own example answers -------------------------------------

ANSWERS = [
    (dialect, path) for dialect in EVERY for path in sorted(folder(dialect.name).glob("captures/*.json"))
]
every_answer = pytest.mark.parametrize(
    ("dialect", "path"), ANSWERS, ids=[f"{dialect.name}-{path.stem}" for dialect, path in ANSWERS]
)


def answer_in(path: Path) -> dict[str, Any]:
    """A captured answer; fails with a sentence for what is none."""
    members = {"source", "operation", "query", "total", "has_more", "status", "differs", "body"}
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        pytest.fail(f"{path} is not JSON: {error}")
    if not isinstance(found, dict) or not found.keys() <= members or not {"source", "body"} <= found.keys():
        pytest.fail(f"{path}: a captured answer has {', '.join(sorted(members))}")
    return found


@every_dialect
def test_there_are_example_answers_of_a_list_and_of_a_get(dialect: Dialect) -> None:
    if dialect.is_lossless:
        return  # our own form, which no other vendor documents
    captured = {answer_in(path)["operation"] for of, path in ANSWERS if of is dialect}
    missing = {"list_calls", "get_call"} - captured
    assert not missing, (
        f"save the vendor's example answers of {', '.join(sorted(missing))} under "
        f"{folder(dialect.name)}/captures/"
    )


@every_answer
def test_an_example_answer_is_known_for_the_vendors_and_read(dialect: Dialect, path: Path) -> None:
    answer = answer_in(path)
    assert answer["operation"] in [operation.name for operation in dialect.operations]
    saved = saved_answers()
    calls = saved[dialect.name].calls_in(answer["body"])
    assert calls, f"{path.stem}: `SAVED` finds no call"
    for raw in calls:
        assert saved[dialect.name].fits(raw), f"{path.stem}: `SAVED` does not know a call of it"
        assert dialect.from_wire(raw).vendor == dialect.name
    form = dialect.wire.__struct_encode_fields__  # one of the same form cannot be distinguished from it
    alike = {other.name for other in dialects().values() if other.wire.__struct_encode_fields__ == form}
    rest = {name: one for name, one in saved.items() if name == dialect.name or name not in alike}
    found = [match.name for match in matches(rest, answer["body"])]
    assert found == [dialect.name], f"{path.stem} is taken for an answer of {' or '.join(found)}"
