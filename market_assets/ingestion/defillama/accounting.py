"""What a run did and for which subjects it failed, and when that makes it a failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.storage.common.changes import Written


@dataclass(frozen=True)
class Done:
    """What came of a run; what it could write is written.

    Attributes:
        written: what the store did.
        subjects: how many subjects the run was about.
        failed: subjects that could not be read, whole or in part, with the reason.
        left_out: values and rows that made no sense, with the reason.
        figures: numbers for the asset's metadata.
    """

    written: tuple[Written, ...]
    subjects: int
    failed: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float | str | None] = field(default_factory=dict)

    def is_failure(self, tolerated_share: float) -> bool:
        """More than this share of the subjects failed, or all of them."""
        failed = len(self.failed)
        return failed > 0 and (failed > tolerated_share * self.subjects or failed >= self.subjects)

    @property
    def verdict(self) -> str:
        """How many failed, and why the first of them did, in a line."""
        if not self.failed:
            return f"none of {self.subjects} subjects failed"
        name, reason = next(iter(self.failed.items()))
        return f"{len(self.failed)} of {self.subjects} subjects failed, the first {name}: {reason}"


class NoSubjects(Exception):  # noqa: N818 - named for the state of the store
    """No subject is tracked: `defillama_subjects` was never materialized, or everything is off."""
