"""Randomness by counter: one key and counter give one number, in any process and any order.

A generator with state would have to be run from its beginning to know a price in the past. Here a
number is a hash of where it belongs (seed, symbol, minute, …), so that history needs no memory.
The hash is the finaliser of splitmix64, over numpy arrays.
"""

from __future__ import annotations

import functools
import hashlib
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]

_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_MASK: Final = (1 << 64) - 1
_QUANTILES: Final = 4096


def key_of(*parts: object) -> int:
    """A 64-bit key for a place in the simulated world: `key_of(seed, "tape", "BTC")`."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def hashed(key: U64 | np.uint64, counter: I64 | U64) -> U64:
    """The hash of each counter under its key (one for all, or an array of the same shape)."""
    with np.errstate(over="ignore"):  # a scalar key warns on wrap-around, which is meant
        x = counter.astype(np.uint64) * _GAMMA + key
        x ^= x >> np.uint64(30)
        x *= _MIX_1
        x ^= x >> np.uint64(27)
        x *= _MIX_2
        x ^= x >> np.uint64(31)
    return x


def bits(values: U64, low: int, count: int) -> I64:
    """`count` bits of each hash from bit `low` on: one hash serves several independent draws."""
    return ((values >> np.uint64(low)) & np.uint64((1 << count) - 1)).view(np.int64)


def signed_unit(values: U64) -> F64:
    """Each hash as a number in [-1, 1)."""
    return (values >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0


def unit(key: int, counter: int = 0) -> float:
    """One number in [0, 1)."""
    return (hash_of(key, counter) >> 11) * 2.0**-53


def hash_of(key: int, counter: int) -> int:
    """`hashed` for one counter, without numpy's overhead."""
    x = (counter * int(_GAMMA) + key) & _MASK
    x = ((x ^ (x >> 30)) * int(_MIX_1)) & _MASK
    x = ((x ^ (x >> 27)) * int(_MIX_2)) & _MASK
    return x ^ (x >> 31)


@functools.cache
def normal_quantiles() -> F64:
    """The standard normal distribution at 4096 even quantiles: 12 bits of a hash become a draw."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / _QUANTILES) for i in range(_QUANTILES)])
