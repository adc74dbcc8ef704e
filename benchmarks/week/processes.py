"""The real processes over some minutes: daemon, web server, code server, stream.

The simulated week is one process, so it says nothing of theirs. Here `market-assets run
--simulated` runs at the wall's pace, and memory (PSS), open files and threads of each are sampled.
A slope over minutes is a bound, not a proof: what a process still takes in its first hour is in it.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from typing import Final, NamedTuple

import psutil

from benchmarks.system import LEFT_OUT, processes, running

_SAMPLE_S: Final = 10.0
_PATIENCE_S: Final = 600.0
"""Then it is measured all the same: on a busy machine some channel or other is always late."""
_COMES_AND_GOES: Final = "run"
"""A run's worker lives for seconds: what it has at its end is given back."""


class Sample(NamedTuple):
    """All processes of a kind at one instant."""

    at_s: float
    pss_mb: float
    descriptors: int
    threads: int


def watched(database: str, minutes: float) -> dict[str, list[Sample]]:
    """Samples by kind of process, over so many minutes."""
    found: dict[str, list[Sample]] = defaultdict(list)
    began = time.monotonic()
    while (at := time.monotonic() - began) < minutes * 60:
        for kind, members in processes(database).items():
            try:
                sample = Sample(
                    at,
                    sum(member.memory_full_info().pss for member in members) / 1e6,
                    sum(member.num_fds() for member in members),
                    sum(member.num_threads() for member in members),
                )
            except psutil.Error:  # one of them has just ended
                continue
            found[kind].append(sample)
        time.sleep(_SAMPLE_S)
    return found


def report(minutes: float) -> list[str]:
    """A Markdown table: where each kind began and ended, and how it grew in the second half."""
    with running(_PATIENCE_S) as system:
        found = watched(str(system.database), minutes)
    lines = [
        "| process | PSS at first, MB | at last | second half, MB an hour | files | threads |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind, samples in sorted(found.items()):
        if kind in (_COMES_AND_GOES, LEFT_OUT) or len(samples) < 4:
            continue
        ends = samples[: len(samples) // 10 + 1], samples[-(len(samples) // 10 + 1) :]
        first, last = (statistics.median(one.pss_mb for one in end) for end in ends)
        slope = _per_hour(samples[len(samples) // 2 :])
        (old, *_), (*_, new) = samples, samples
        lines.append(
            f"| {kind} | {first:.0f} | {last:.0f} | {slope:+.0f} "
            f"| {old.descriptors} → {new.descriptors} | {old.threads} → {new.threads} |"
        )
    return lines


def _per_hour(samples: list[Sample]) -> float:
    """The slope of memory, MB an hour, that half of all pairs of samples exceed (Theil–Sen)."""
    slopes = [
        (later.pss_mb - earlier.pss_mb) / (later.at_s - earlier.at_s)
        for n, earlier in enumerate(samples)
        for later in samples[n + 1 :]
    ]
    return statistics.median(slopes) * 3600
