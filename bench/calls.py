"""Write any number of made-up calls as our own canonical JSON Lines, for load tests.

The conversations are real where their files are at hand (see `bench.dialogues`); everything around
them is drawn from the seed. Same options and same data, same bytes.

    python -m bench.calls --n 100000 --orgs 20 --seed 7 --out calls.jsonl
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import numpy as np

from bench.dialogues import Talk, WordTimes, encoded, load_pools
from bench.orgs import Desk, Org, draw_orgs, uuid_text
from bench.shapes import ENDED, GREETING, HOUR, LIVE, NOTHING, Ending, day_weights
from trunkline.demo.latency import summarize
from trunkline.model.call import Analysis, Call, Cost, Recording
from trunkline.model.words import Channel, Direction, Sentiment, Status

DATA = Path(__file__).parents[2] / "shared" / "data"
BLOCK = 4096
"""How many calls are drawn at once."""
MAX_DELAYS = 24
"""How many answer delays a call lists at most."""
DELAY_DRAWS = 64
"""How many sets of delays there are for each count of answers."""
DRAWS = 14
"""How many numbers between 0 and 1 one call takes."""


class Line(Call, kw_only=True):
    """A call as it is in the file: every key of ours, and the org it belongs to."""

    org: str


@dataclass(frozen=True)
class Options:
    """The options of the generator."""

    count: int
    orgs: int = 10
    seed: int = 0
    days: int = 730
    end: datetime = datetime(2026, 6, 30, tzinfo=UTC)
    """The last day, as its midnight."""
    data: Path = DATA
    words: WordTimes = "source"
    vendor: str = "bench"


def make_lines(options: Options) -> Iterator[bytes]:
    """Make the lines of the file one by one, oldest call first."""
    return _Maker(options).lines()


class _Maker:
    """The orgs, shares and ready-made parts that lines are made from."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.rng = np.random.default_rng(options.seed)
        pools = load_pools(options.data, options.words)
        self.orgs, sizes = draw_orgs(options.orgs, self.rng, pools, options.count)
        self.sizes = np.array(sizes)
        self.behind = np.array([org.hours_behind for org in self.orgs])
        self.delays = self._delays()
        self.outbound = np.cumsum([ending.outbound for ending in ENDED]).tolist()
        self.inbound = np.cumsum([ending.inbound for ending in ENDED]).tolist()

    def _delays(self) -> list[list[dict[str, Any]]]:
        """Several sets of delays for each count of answers, summarized and written once."""
        sets: list[list[dict[str, Any]]] = []
        for count in range(1, MAX_DELAYS + 1):
            spread = self.rng.normal(0, 0.42, (DELAY_DRAWS, count)) + self.rng.normal(
                0, 0.18, (DELAY_DRAWS, 1)
            )
            values = np.minimum(1180 * np.exp(spread), 9000).astype(int).tolist()
            sets.append([encoded({"e2e": summarize(one)}) for one in values])
        return sets

    def lines(self) -> Iterator[bytes]:
        """Every line, in the order of creation."""
        options, encode = self.options, msgspec.json.Encoder().encode
        first = options.end + timedelta(days=1 - options.days)
        counts = self.rng.multinomial(options.count, day_weights(options.days, first)).tolist()
        left, live = options.count, max(4, options.count // 200)
        for day, count in enumerate(counts):
            who, at = self._day(count)
            midnight = first + timedelta(days=day)
            for start in range(0, count, BLOCK):
                block = slice(start, start + BLOCK)
                for line in self._block(who[block], at[block], midnight, left, live):
                    yield encode(line) + b"\n"
                left -= len(who[block])

    def _day(self, count: int) -> tuple[list[int], list[int]]:
        """Which orgs have a call that day, and at which millisecond of it, in order."""
        who = self.rng.choice(len(self.orgs), count, p=self.sizes)
        hours = (self.rng.choice(24, count, p=HOUR) + self.behind[who]) % 24
        at = ((hours * 3600 + self.rng.uniform(0, 3600, count)) * 1000).astype(np.int64)
        order = np.argsort(at, kind="stable")
        return who[order].tolist(), at[order].tolist()

    def _block(
        self, who: Sequence[int], at: Sequence[int], midnight: datetime, left: int, live: int
    ) -> Iterator[Line]:
        """Some calls of one day; the last `live` of those left are still going on."""
        count = len(who)
        draws: list[list[float]] = self.rng.random((count, DRAWS)).tolist()
        rings: list[int] = (1500 + self.rng.gamma(2.2, 4000, count)).astype(int).tolist()
        digits = self.rng.bytes(16 * count).hex()
        for index in range(count):
            org, draw = self.orgs[who[index]], draws[index]
            outbound = draw[0] < org.outbound
            if left - index <= live:
                ending = LIVE[int(draw[1] * (len(LIVE) if outbound else len(LIVE) - 1))]
            else:
                ending = self._ending(outbound, draw[1])
            call_id = uuid_text(digits[32 * index : 32 * index + 32])
            created_at = midnight + timedelta(milliseconds=at[index])
            yield self._line(org, ending, outbound, call_id, created_at, rings[index], draw)

    def _ending(self, outbound: bool, draw: float) -> Ending:
        for share, ending in zip(self.outbound if outbound else self.inbound, ENDED, strict=True):
            if draw < share:
                return ending
        return ENDED[-1]

    def _line(
        self,
        org: Org,
        ending: Ending,
        outbound: bool,
        call_id: str,
        created_at: datetime,
        ring_ms: int,
        draw: Sequence[float],
    ) -> Line:
        desk = org.desks[int(draw[2] * len(org.desks))]
        talk = desk.talks[int(draw[3] * len(desk.talks))]
        cut, status = talk.cuts[ending.cut], ending.status
        line = Line(
            id=call_id,
            vendor=self.options.vendor,
            vendor_call_id=call_id,
            direction=Direction.OUTBOUND if outbound else Direction.INBOUND,
            status=status,
            result=ending.result,
            created_at=created_at,
            updated_at=created_at,
            agent=desk.agent,
            turns=cut.turns,
            tool_calls=cut.tool_calls,
            turn_count=cut.turn_count,
            metadata=talk.metadata,
            org=org.name,
        )
        if ending.reasons:
            # Squared, so that the first words are the common ones.
            line.end_reason_raw, line.end_reason = ending.reasons[int(draw[4] ** 2 * len(ending.reasons))]
        self._connect(line, org, desk, outbound, draw)
        if ending.cut != NOTHING:
            self._run(line, ending, talk, created_at + timedelta(milliseconds=ring_ms), draw)
        elif status is Status.SCHEDULED:
            line.scheduled_at = created_at + timedelta(hours=1 + int(draw[5] * 200))
        elif status.is_final:
            line.ended_at = line.updated_at = created_at + timedelta(milliseconds=ring_ms)
            line.duration_ms = 0
        return line

    def _connect(self, line: Line, org: Org, desk: Desk, outbound: bool, draw: Sequence[float]) -> None:
        """Set who is on the other side, and the channel; a browser call has no numbers."""
        contact = org.contact(int(draw[6] ** 1.6 * org.contact_count))  # some are called far more often
        web, hidden = not outbound and draw[7] < 0.1, not outbound and draw[7] > 0.99
        line.channel = Channel.WEB if web else Channel.PHONE
        line.contact = None if hidden else contact
        if not web:
            theirs = None if hidden else contact.phone_number
            line.from_number, line.to_number = (desk.number, theirs) if outbound else (theirs, desk.number)
        if outbound and org.campaigns and draw[8] < 0.8:
            line.campaign = org.campaigns[int(draw[9] * len(org.campaigns))]

    def _run(
        self, line: Line, ending: Ending, talk: Talk, started_at: datetime, draw: Sequence[float]
    ) -> None:
        """Make up the course of the call, as far as it goes."""
        cut = talk.cuts[ending.cut]
        line.started_at = started_at
        if cut.answers:
            sets = self.delays[min(cut.answers, MAX_DELAYS) - 1]
            line.latency = sets[int(draw[10] * DELAY_DRAWS)]
        duration_ms = cut.end_ms + 400 + int(draw[11] * 6000)
        over_at = started_at + timedelta(milliseconds=duration_ms)
        line.updated_at = over_at
        if ending.status is Status.IN_PROGRESS:
            return
        line.duration_ms, line.ended_at = duration_ms, over_at
        line.cost = _cost(duration_ms, cut.agent_letters, cut.turn_count)
        machine, mood = ending.cut == GREETING, draw[12]
        line.recording = Recording(
            not machine, None if machine else f"https://recordings.example.com/{line.id}.wav"
        )
        line.analysis = Analysis(
            summary=talk.summary,
            sentiment=Sentiment.POSITIVE
            if mood > 0.62
            else Sentiment.NEUTRAL
            if mood > 0.2
            else Sentiment.NEGATIVE,
            success=ending.status is Status.COMPLETED and mood > 0.24,
            voicemail=machine,
        )


def _cost(duration_ms: int, agent_letters: int, turn_count: int) -> Cost:
    """What a call cost, counted in millionths so that the parts add up exactly."""
    parts = {
        "telephony": duration_ms * 14_000 // 60_000,
        "transcription": duration_ms * 7_700 // 60_000,
        "voice": agent_letters * 15,
        "language_model": turn_count * 1_100,
    }
    items: list[dict[str, Any]] = [
        {"part": name, "amount": f"{amount / 1_000_000:.6f}"} for name, amount in parts.items()
    ]
    return Cost(amount=Decimal(sum(parts.values())).scaleb(-6), unit="USD", items=items)


@contextlib.contextmanager
def _opened(out: str) -> Iterator[IO[bytes]]:
    if out == "-":
        yield sys.stdout.buffer
        return
    with Path(out).open("wb", buffering=1 << 20) as file:
        if out.endswith(".gz"):
            # Without a name or a time in its header, so that the same calls are the same bytes.
            with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed:
                yield cast(IO[bytes], packed)
        else:
            yield file


def write_calls(options: Options, out: str) -> tuple[int, int]:
    """Write the file; returns how many calls and bytes went into it, before compression."""
    count = size = 0
    with _opened(out) as file:
        for line in make_lines(options):
            file.write(line)
            count, size = count + 1, size + len(line)
        file.flush()
    return count, size


def _read_options(arguments: Sequence[str] | None) -> tuple[Options, str]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--n", type=int, default=1000, help="how many calls")
    add("--orgs", type=int, default=10, help="how many orgs, org-1 the largest")
    add("--seed", type=int, default=0, help="another seed, other calls")
    add("--out", default="-", help="a file (.gz is compressed), or - for standard output")
    add("--end", default="2026-06-30", help="the last day, UTC")
    add("--days", type=int, default=730, help="over how many days")
    add("--data", type=Path, default=DATA, help="folder of the conversation files (*.jsonl.gz)")
    add("--words", choices=("source", "all", "none"), default="source", help="which word times to write")
    add("--vendor", default="bench", help="the vendor that the calls claim to come from")
    given = parser.parse_args(arguments)
    end = datetime.fromisoformat(given.end).replace(tzinfo=UTC)
    options = Options(given.n, given.orgs, given.seed, given.days, end, given.data, given.words, given.vendor)
    return options, given.out


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the calls that the command line wants, and print how fast that was."""
    options, out = _read_options(arguments)
    began = time.perf_counter()
    count, size = write_calls(options, out)
    took = time.perf_counter() - began
    print(f"{count} calls, {size / 1e6:.1f} MB, {took:.2f} s, {count / took:,.0f} calls/s", file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        # The reader has had enough; nothing is left to flush into.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
