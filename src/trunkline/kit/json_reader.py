"""Reading JSON as senders write it, and not only as the standard has it.

What is JSON is read by the fast reader. The rest is read again, generously: a byte order mark, UTF-16, bytes
that are no UTF-8, half of a surrogate pair, NaN and Infinity, what is nested without end. Each of these is
named, so that nothing is changed in silence.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

import msgspec

from trunkline.kit.json_depth import MAX_DEPTH
from trunkline.kit.payload import Unreadable
from trunkline.model.chunked_json import ChunkedDecoder
from trunkline.model.field_problems import FieldProblem, FieldProblems, note

REPLACEMENT = "\ufffd"
_AS_CHARACTER, _AS_TEXT, _AS_OUTER_PART = f"the character {REPLACEMENT}", "a text", "its outer part"
"""What is made of that which is not JSON."""

_MAX_DIGITS = 400
"""Digits of a number that is read as one; Python itself refuses some thousands."""

_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_DEPTH_OF_PARTS = 10
"""Levels around a call in a document of many."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")

_decode = ChunkedDecoder().decode


def read_json(body: bytes, problems: FieldProblems) -> Any:
    """A JSON document; raises `Unreadable` for what is none by any reading, and names what was put right."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if not body.strip():
        raise Unreadable("payload", "is empty")
    text = _text(body, problems)
    try:
        return _read(text, problems)
    except RecursionError:
        pass
    note(
        problems,
        "payload (depth)",
        FieldProblem(f"more than {MAX_DEPTH} levels", "JSON that is not so deep", _AS_OUTER_PART),
    )
    return _read(_outer(text), problems)


def problems_of_part(part: bytes, problems: FieldProblems) -> FieldProblems:
    """What was put right in a document, as far as it may have been in one part of it, given as JSON."""
    return {path: problem for path, problem in problems.items() if _is_in(part, problem)}


def _is_in(part: bytes, problem: FieldProblem) -> bool:
    if problem.read_as == _AS_CHARACTER:
        return REPLACEMENT.encode() in part
    if problem.read_as == _AS_TEXT:
        return any(word in part for word in (b'"NaN"', b'"Infinity"', b'"-Infinity"'))
    return problem.read_as == _AS_OUTER_PART and _depth(part.decode()) > MAX_DEPTH - _DEPTH_OF_PARTS


def _depth(text: str) -> int:
    depth = deepest = 0
    for match in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _read(text: str, problems: FieldProblems) -> Any:
    try:
        document = json.loads(
            text,
            strict=False,
            parse_constant=lambda word: _constant(word, problems),
            parse_int=_integer,
            parse_float=_float,
        )
    except ValueError:
        raise Unreadable("payload", "is not JSON") from None
    return _whole(document, problems)


def _outer(text: str) -> str:
    """JSON with null for whatever is nested too deep in it."""
    outer: list[str] = []
    depth = begin = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in ("[", "{"):
            depth += 1
            if depth == MAX_DEPTH + 1:
                outer += text[begin : match.start()], "null"
        elif token in ("]", "}"):
            if depth == MAX_DEPTH + 1:
                begin = match.end()
            depth -= 1
    return "".join(outer) + (text[begin:] if depth <= MAX_DEPTH else "")


def _text(body: bytes, problems: FieldProblems) -> str:
    encoding = json.detect_encoding(body)
    if body.startswith(_BOMS):
        _note_encoding(problems, "a byte order mark", "what stands after it")
    elif not encoding.startswith("utf-8"):
        _note_encoding(problems, encoding.upper(), encoding.upper())
    try:
        return body.decode(encoding, errors="surrogatepass")
    except UnicodeDecodeError:
        _note_encoding(problems, f"bytes that are no {encoding.upper()}", _AS_CHARACTER)
        return body.decode(encoding, errors="replace")


def _note_encoding(problems: FieldProblems, found: str, read_as: str) -> None:
    path = "payload (encoding)" if "payload (encoding)" not in problems else "payload (bytes)"
    note(problems, path, FieldProblem(found, "JSON in UTF-8", read_as))


def _constant(word: str, problems: FieldProblems) -> str:
    # As a text, it is left out of every field of numbers, and named there too.
    note(problems, "payload (numbers)", FieldProblem(word, "a number", _AS_TEXT))
    return word


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if abs(number) != float("inf") else digits


def _whole(value: Any, problems: FieldProblems) -> Any:
    """A document without halves of surrogate pairs, which no text in UTF-8 can have."""
    if isinstance(value, str):
        return _whole_text(value, problems)
    if isinstance(value, list):
        return [_whole(item, problems) for item in value]
    if isinstance(value, dict):
        return {_whole_text(name, problems): _whole(item, problems) for name, item in value.items()}
    return value


def _whole_text(text: str, problems: FieldProblems) -> str:
    if text.isascii() or not _HALF.search(text):
        return text
    note(
        problems,
        "payload (characters)",
        FieldProblem("half of a surrogate pair", "whole characters", _AS_CHARACTER),
    )
    # Two halves that stand side by side are one character; a half alone is none.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _HALF.sub(REPLACEMENT, joined)
