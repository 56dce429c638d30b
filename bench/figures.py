"""One figure of the table: what was measured, beside what."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`ratio` is value / reference; `must` and `aim` bound the ratio, or the value where there is no reference.

    For times and memory (`lower_is_better`) the bound is the most it may be.
    """

    name: str
    value: float
    unit: str
    reference: str = ""
    reference_value: float | None = None
    ratio: float | None = None
    must: float | None = None
    aim: float | None = None
    lower_is_better: bool = False

    @property
    def judged(self) -> float:
        """What the bounds are on."""
        return self.value if self.ratio is None else self.ratio

    def meets(self, bound: float | None) -> bool:
        """Whether the figure keeps `bound`; no bound is kept by every figure."""
        if bound is None:
            return True
        return self.judged <= bound if self.lower_is_better else self.judged >= bound

    def as_json(self) -> dict[str, Any]:
        """The row of `var/bench/latest.json`."""
        return {**asdict(self), "met": self.meets(self.must), "aim_met": self.meets(self.aim)}


def in_turn(
    measure: Callable[[], float], reference: Callable[[], float], *, rounds: int = 3
) -> tuple[float, float, float]:
    """Measure and reference in turn, A B A B: the machines are shared, and an hour apart means nothing.

    Returns the medians of both and the median of the ratios of neighbours.
    """
    pairs = [(measure(), reference()) for _ in range(rounds)]
    return (
        median(value for value, _ in pairs),
        median(other for _, other in pairs),
        median(value / other for value, other in pairs),
    )


def spread(values: Sequence[float]) -> str:
    """Smallest and largest of several runs, for the log."""
    return f"{min(values):,.0f}–{max(values):,.0f}"
