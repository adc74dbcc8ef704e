"""How right the links from prediction markets to assets are: precision, recall, each error.

    python -m benchmarks.matching [--cases FILE]

Measured on the project's own cases, made-up titles in the families that Polymarket has
(`matching_cases.csv`), and on recorded titles where this machine has them. The rules were tuned
with a part of the own cases only; the others were labelled before, and are measured apart.

A case file has the columns title, slug, tags (slugs, parted by |), expected_symbols (parted by |
or spaces; `none` for no asset), also_acceptable (the same), and if it likes event (the title of an
event: cases with the same one are its markets) and part (`tuned` or `held out`). A link that is
expected is a hit; one that is only acceptable is neither a hit nor an error; any other is false. An
expected symbol that is not linked is a miss, unless `none` is acceptable. precision = hits / (hits
+ false links), recall = hits / (hits + misses).

It ends with the CPU time of 40,000 markets, as many as are open at a time.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from market_assets.features.linking.linker import Link, Linker, Subject
from market_assets.features.linking.listings import Listed
from market_assets.features.linking.vocabulary import aliases
from market_assets_tests.recordings import recordings

HERE = Path(__file__).resolve().parent
OWN_CASES = HERE / "matching_cases.csv"
RECORDED_CASES = "matching_cases.csv"
RECORDED_REGISTRY = "rest_metaAndAssetCtxs_main_20260206.json"
BY_THE_THOUSAND = {"PEPE", "SHIB", "BONK", "FLOKI", "LUNC", "DOGS", "NEIRO"}
"""Tickers that the exchange lists in lots of a thousand, with a k before them."""
GOAL_PRECISION = 0.99
GOAL_RECALL = 0.95
HELD_OUT = "held out"
MARKETS = 40_000


@dataclass(frozen=True)
class Case:
    """A market, the symbols that it is about, and which part of the cases it is in."""

    subject: Subject
    expected: frozenset[str]
    acceptable: frozenset[str]
    part: str = ""


@dataclass
class Score:
    """Counts over cases, and the errors in words."""

    cases: int = 0
    hits: int = 0
    false_links: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Share of the links that are right; 1 where there are none."""
        made = self.hits + len(self.false_links)
        return self.hits / made if made else 1.0

    @property
    def recall(self) -> float:
        """Share of the expected links that were made; 1 where none is expected."""
        wanted = self.hits + len(self.misses)
        return self.hits / wanted if wanted else 1.0


def whole_vocabulary() -> list[Listed]:
    """A registry that lists every asset of `assets.csv`, each as a perp of the first dex."""
    tickers = {ticker for alias in aliases() for ticker in alias.tickers}
    return [Listed(f"k{t}" if t in BY_THE_THOUSAND else t, "perp") for t in sorted(tickers)]


def recorded() -> tuple[Linker, list[Case]] | None:
    """A linker with the recorded registry and the recorded cases; None where there are none."""
    titles, registry = recordings("polymarket"), recordings("hyperliquid")
    if titles is None or registry is None:
        return None
    linker = Linker(recorded_registry(registry / RECORDED_REGISTRY))
    return linker, read_cases(titles / RECORDED_CASES)


def recorded_registry(file: Path) -> list[Listed]:
    """The perps of a recorded answer to `metaAndAssetCtxs`."""
    universe = json.loads(file.read_text("utf-8"))[0]["universe"]
    return [Listed(u["name"], "perp", is_delisted=bool(u.get("isDelisted"))) for u in universe]


def read_cases(file: Path) -> list[Case]:
    """The cases of a file, in its order."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [_case(number, row) for number, row in enumerate(csv.DictReader(lines))]


def score(linker: Linker, cases: list[Case]) -> Score:
    """What the linker makes of the cases."""
    result = Score()
    made = _links(linker, cases)
    for case in cases:
        links = {link.symbol: link for link in made.get(case.subject.condition_id, ())}
        result.cases += 1
        result.hits += len(case.expected & links.keys())
        title = case.subject.question or case.subject.slug
        for symbol in sorted(links.keys() - case.expected - case.acceptable):
            link = links[symbol]
            result.false_links.append(f"{symbol} by {link.method} {link.matched_text!r}: {title}")
        if links or "none" not in case.acceptable:
            missing = sorted(case.expected - links.keys())
            result.misses += [f"{symbol}: {title}" for symbol in missing]
    return result


def _links(linker: Linker, cases: list[Case]) -> dict[str, list[Link]]:
    """The links of each case by its number, event by event."""
    events: dict[str, list[Subject]] = defaultdict(list)
    for case in cases:
        subject = case.subject
        events[subject.event_title or f"#{subject.condition_id}"].append(subject)
    made: dict[str, list[Link]] = defaultdict(list)
    for subjects in events.values():
        for link in linker.links_of_event(subjects):
            made[link.condition_id].append(link)
    return made


def seconds_for(linker: Linker, cases: list[Case], markets: int) -> float:
    """CPU seconds to link so many markets, with the titles of the cases over and over."""
    subjects = [cases[number % len(cases)].subject for number in range(markets)]
    started = time.process_time()
    for subject in subjects:
        linker.links(subject)
    return time.process_time() - started


def _case(number: int, row: dict[str, str]) -> Case:
    subject = Subject(
        condition_id=str(number),
        question=row["title"],
        slug=row["slug"],
        event_title=row.get("event") or "",
        tag_slugs=tuple(filter(None, row["tags"].split("|"))),
    )
    expected, acceptable = _symbols(row["expected_symbols"]), _symbols(row["also_acceptable"])
    return Case(subject, expected - {"none"}, acceptable, row.get("part") or "")


def _symbols(text: str) -> frozenset[str]:
    return frozenset(filter(None, re.split(r"[|;,\s]+", text)))


def _print(name: str, result: Score) -> None:
    print(
        f"{name}: {result.cases} titles, {result.hits} links right, precision "
        f"{result.precision:.3f} (goal {GOAL_PRECISION}), recall {result.recall:.3f} "
        f"(goal {GOAL_RECALL})"
    )
    for line in result.false_links:
        print(f"  false link  {line}")
    for line in result.misses:
        print(f"  miss        {line}")


def main() -> None:
    """Print the figures of each case file, or of the one that is given."""
    parser = argparse.ArgumentParser(description="Precision and recall of market links.")
    parser.add_argument("--cases", type=Path, help="a labelled file of your own")
    chosen = parser.parse_args().cases
    linker = Linker(whole_vocabulary())
    if chosen:
        _print(str(chosen), score(linker, read_cases(chosen)))
        return
    own = read_cases(OWN_CASES)
    _print("own cases", score(linker, own))
    _print("… held out", score(linker, [case for case in own if case.part == HELD_OUT]))
    real = recorded()
    if real:
        _print("recorded titles", score(*real))
    else:
        print("recorded titles: none on this machine")
    print(f"{MARKETS:,} markets linked in {seconds_for(linker, own, MARKETS):.2f} CPU seconds")


if __name__ == "__main__":
    main()
