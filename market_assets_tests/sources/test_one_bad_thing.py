"""Whatever is wrong in one place of an answer costs that place, its row at most: for every type.

The types are those of all decoders that there are, so a new one is under test as soon as it exists.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_assets import sources
from market_assets.sources.decoding import Decoder, decoded
from market_assets.sources.errors import VenueNonsense, VenueUnavailable

from . import broken

ALL = broken.decoders()
FAULTS = (*broken.LEXICAL, *broken.OF_ANOTHER_TYPE)


def case(decoder: Decoder[Any]) -> tuple[Any, list[broken.Place]]:
    """A sound answer, and the places in it."""
    tree = broken.sound(decoder.type, itertools.count(1))
    return tree, list(broken.places(decoder.type, tree))


def numbers_in(value: Any) -> list[float]:
    """Every float in what was read, which may be nested deeper than a function calls itself."""
    found, unseen = [], [value]
    while unseen:
        one = unseen.pop()
        if isinstance(one, float):
            found.append(one)
        elif isinstance(one, msgspec.Struct):
            unseen += [getattr(one, name) for name in one.__struct_fields__]
        elif isinstance(one, dict):
            unseen += one.values()
        elif isinstance(one, list | tuple):
            unseen += one
    return found


def test_there_is_no_other_way_to_decode() -> None:
    """Decoders of every venue are found, and nobody decodes bodies past them."""
    venues = {name.split(".", maxsplit=1)[0] for name in ALL}
    assert venues == {"hyperliquid", "polymarket", "defillama"}
    own = {"tolerance.py", "parts.py", "scanning.py", "decoding.py", "budget_file.py"}
    own.add("market_channel.py")  # half a book is none: what cannot be read costs its whole object
    elsewhere = {
        path.name
        for path in Path(sources.__path__[0]).rglob("*.py")
        if re.search(r"json\.(Decoder\(|decode\(|loads\()", path.read_text("utf-8"))
    }
    assert elsewhere <= own


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_sound_answer_is_read_in_one_go(name: str) -> None:
    tree, _ = case(ALL[name])
    read = ALL[name].read(broken.encoded(tree))
    assert read.faults == []


@pytest.mark.parametrize("name", sorted(ALL))
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_fault_costs_its_place_or_its_row(name: str, data: st.DataObject) -> None:
    """Everything beside it comes out exactly, and what is lost is named."""
    tree, everywhere = case(ALL[name])
    place = data.draw(st.sampled_from(everywhere))
    text = data.draw(st.sampled_from(FAULTS))
    body = broken.encoded(broken.with_fault(tree, place.path, text))
    before = ALL[name].read(broken.encoded(tree)).value
    if not place.in_row:
        # It may take the whole answer along, but is never taken for a cut one.
        with contextlib.suppress(VenueNonsense):
            decoded("somebody", "/things", body, ALL[name].read)
        return
    after, faults = ALL[name].read(body)
    changes = list(broken.differences(before, after))
    for path, now in changes:
        common = min(len(path), len(place.path))
        assert path[:common] == place.path[:common], f"{path} changed by a fault at {place.path}"
        if now is None and text != b"null" and len(path) <= len(place.path):
            assert any(fault.path == path[: len(fault.path)] for fault in faults), path
    assert all(fault.reason for fault in faults)
    if place.is_ignored and text:
        assert changes == []
        assert faults == []
    assert all(math.isfinite(number) for number in numbers_in(after))


@pytest.mark.parametrize("name", sorted(ALL))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_is_cut_is_no_nonsense(name: str, data: st.DataObject) -> None:
    """A body that ends anywhere before its end may be whole the next time."""
    body = broken.encoded(case(ALL[name])[0])
    end = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(VenueUnavailable, match="cut or no JSON"):
        decoded("somebody", "/things", body[:end], ALL[name].read)


@pytest.mark.parametrize("name", sorted(ALL))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_garbled_bytes_are_faults_or_errors(name: str, data: st.DataObject) -> None:
    """Bytes changed at random never raise anything that is no error of a decoder."""
    body = bytearray(broken.encoded(case(ALL[name])[0]))
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        ALL[name].read(bytes(body))
