"""A text for every fault: its own, its class's, or the usual one; and none is forgotten."""

from __future__ import annotations

import pytest
from msgspec import Struct

from trunkline.kit.errors import USUAL_TEXTS, ErrorEnvelope, Texts
from trunkline.model.faults import Fault, FaultClass, Refused


class Body(Struct):
    text: str


NEEDED: Texts = {
    FaultClass.BAD_REQUEST: "bad: {detail}",
    FaultClass.CREDENTIAL: "no key",
    FaultClass.NOT_FOUND: "no call",
}


def envelope(texts: Texts) -> ErrorEnvelope:
    return ErrorEnvelope(shape=Body, body=lambda _, text, __: Body(text), texts=texts)


def test_every_fault_has_a_class_and_every_class_a_fault() -> None:
    assert {fault.fault_class for fault in Fault} == set(FaultClass)


def test_a_fault_has_its_own_text_else_its_classs_else_the_usual_one() -> None:
    errors = envelope({**NEEDED, Fault.EXPIRED_CREDENTIAL: "too old", FaultClass.UNAVAILABLE: "away"})
    assert errors.text(Fault.EXPIRED_CREDENTIAL) == "too old"
    assert errors.text(Fault.REVOKED_CREDENTIAL) == "no key"
    assert errors.text(Fault.INTERNAL) == "away"
    assert errors.text(Fault.TOO_LARGE) == USUAL_TEXTS[Fault.TOO_LARGE]
    assert errors.answer(Refused(Fault.BAD_CURSOR, "the cursor")) == (400, Body("bad: the cursor"))


@pytest.mark.parametrize("left_out", NEEDED)
def test_a_vendor_that_leaves_a_fault_without_a_text_does_not_build(left_out: Fault | FaultClass) -> None:
    rest = {key: text for key, text in NEEDED.items() if key != left_out}
    with pytest.raises(TypeError, match=f"no text for {left_out.name} ") as caught:
        envelope(rest)
    for fault in Fault:
        assert (fault.name in str(caught.value)) == (fault.fault_class is left_out)


def test_what_the_server_alone_knows_of_has_a_usual_text() -> None:
    needed = {fault for fault in Fault if fault.fault_class in NEEDED}
    assert set(USUAL_TEXTS) == set(Fault) - needed
