"""In which order markets are answered, as one number each: the smaller comes first.

The order is that of `sql/market_places.sql`: open and listed ones, then the most traded of a day,
then the most traded ever, then by `condition_id`. The number has the first three, as far as they
fit: a volume is rounded to a millionth of itself, and where that of the day was rounded, what was
traded ever is left out. It says whether it has all: of two equal numbers that do, all three are
equal; of two that do not, any may come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LAST: Final = np.uint64(1 << 63)
_SIGN: Final = np.uint64(1 << 63)
_TOTAL_BITS: Final = 32
_DAY_BITS: Final = 31
_DAY_UNROUNDED: Final = np.uint64(1 << _TOTAL_BITS)
_UNROUNDED: Final = np.uint64(1 << _TOTAL_BITS | 1)


def ranks(
    is_last: NDArray[np.bool_],
    day: NDArray[np.float64],
    has_day: NDArray[np.bool_],
    total: NDArray[np.float64],
    has_total: NDArray[np.bool_],
) -> NDArray[np.uint64]:
    """A number for each row, which is not smaller than that of a row that comes before it.

    Args:
        is_last: closed or not listed.
        day: volume of a day, greatest first.
        has_day: where it is not, `day` is NULL, which comes last.
        total: volume ever, greatest first.
        has_total: the same for `total`.
    """
    found = _descending(day, has_day, _DAY_BITS) << np.uint64(_TOTAL_BITS)
    found |= np.where(is_last, _LAST, np.uint64(0))
    has_all = (found & _DAY_UNROUNDED) != 0
    return found | np.where(has_all, _descending(total, has_total, _TOTAL_BITS), np.uint64(0))


def unrounded(ranks: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which numbers say all of the volumes."""
    found: NDArray[np.bool_] = (ranks & _UNROUNDED) == _UNROUNDED
    return found


def _descending(
    values: NDArray[np.float64], is_there: NDArray[np.bool_], bits: int
) -> NDArray[np.uint64]:
    """So many bits that are smaller for a greater value; all set where there is none.

    The last bit is set where the others say all.
    """
    # NaN is one value here, the greatest, and zero has one sign, as in the database.
    whole = np.where(np.isnan(values), np.nan, values + 0.0).view(np.uint64)
    ascending = np.where(whole & _SIGN, ~whole, whole | _SIGN)
    dropped = np.uint64(64 - bits)
    rounded = ascending >> dropped
    rounded |= (rounded << dropped != ascending).astype(np.uint64)
    every = np.uint64((1 << bits) - 1)
    return np.where(is_there, every - rounded, every)
