"""What every dialect must bring; each failure says what to add."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trunkline.dialects
from trunkline.dialects import dialects, doors
from trunkline.kit.auth import NewKey
from trunkline.kit.dialect import Dialect
from trunkline.kit.door import Door
from trunkline.kit.vocabulary import Vocabulary
from trunkline.model.call import Call
from trunkline.model.faults import Fault, Refused
from trunkline.model.ids import digest
from trunkline.model.words import Status

EVERY = list(dialects().values())
every_dialect = pytest.mark.parametrize("dialect", EVERY, ids=[dialect.name for dialect in EVERY])
VOCABULARIES = [(dialect, vocabulary) for dialect in EVERY for vocabulary in dialect.vocabularies]
every_vocabulary = pytest.mark.parametrize(
    ("dialect", "vocabulary"), VOCABULARIES, ids=[f"{d.name}-{v.field}" for d, v in VOCABULARIES]
)


def test_a_dialect_or_door_is_found_under_the_name_of_its_file() -> None:
    folder = Path(trunkline.dialects.__file__).parent
    files = {path.stem for path in folder.iterdir() if not path.name.startswith(("_", "."))}
    assert {*dialects(), *doors()} == files


@pytest.mark.parametrize("door", doors().values(), ids=list(doors()))
def test_a_door_tells_its_sources_and_its_choices(door: Door) -> None:
    assert door.about.strip().partition("\n")[0].endswith("."), "begin the module with one full sentence"
    for heading in ("Sources:", "Our choice:"):
        assert heading in door.about, f"{door.name}: the module's docstring lacks `{heading}`"


@every_dialect
def test_a_dialect_tells_its_sources_and_its_choices(dialect: Dialect) -> None:
    assert dialect.about.strip().partition("\n")[0].endswith("."), "begin the module with one full sentence"
    for heading in ("Sources:", "Our choice:"):
        assert heading in dialect.about, f"{dialect.name}: the module's docstring lacks `{heading}`"


@every_dialect
def test_a_dialect_lists_calls_and_gets_one(dialect: Dialect) -> None:
    names = [operation.name for operation in dialect.operations]
    assert names[:2] == ["list_calls", "get_call"]
    assert len(set(names)) == len(names)


@every_dialect
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_every_fault_has_a_status_and_a_body_of_the_declared_shape(dialect: Dialect, fault: Fault) -> None:
    status, body = dialect.errors.answer(Refused(fault, "something", "limit"))
    assert 400 <= status < 600
    assert status // 100 == fault.status // 100
    msgspec.json.decode(msgspec.json.encode(body), type=dialect.errors.shape)


@every_dialect
def test_a_new_key_can_be_worn_and_read_again(dialect: Dialect) -> None:
    key = NewKey.made()
    headers = {name.lower(): value for name, value in dialect.auth.wear(key).items()}
    assert dialect.auth.claims(headers)
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
def test_any_word_comes_back_in_the_dialect_that_said_it(
    dialect: Dialect, vocabulary: Vocabulary[Status]
) -> None:
    for word in (*vocabulary.words, "never heard of"):
        ours = vocabulary.read(word)
        kept = vocabulary.kept(word, ours)
        said = vocabulary.said(ours, kept)
        assert said is not None
        assert said.casefold() == word.casefold()


@every_vocabulary
def test_the_words_of_a_vocabulary_divide_our_words_among_them(
    dialect: Dialect, vocabulary: Vocabulary[Status]
) -> None:
    printed = {vocabulary.write(ours) for ours in vocabulary.ours} - {None}
    matched = [vocabulary.matching(dialect.name, word).values for word in printed if word is not None]
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
    sought = dialect.ids.sought(printed)
    assert sought is not None
    by_digest = sought.digests is not None and (
        sought.digests[0] <= digest(canonical_id) <= sought.digests[1]
    )
    assert sought.id == canonical_id or by_digest


@every_dialect
@given(text=st.text(max_size=300))
def test_no_text_breaks_the_reading_of_an_id(dialect: Dialect, text: str) -> None:
    sought = dialect.ids.sought(text)
    assert sought is None or sought.vendor_call_id == text


@every_dialect
def test_nothing_outside_the_dialects_names_a_vendor(dialect: Dialect) -> None:
    if dialect.name == "trunkline":
        return  # that is also the name of the package
    package = Path(trunkline.dialects.__file__).parents[1]
    found = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "dialects" not in path.parts and dialect.name in path.read_text().lower()
    ]
    assert found == [], f"{dialect.name} is named outside dialects/; ask the registry instead"
