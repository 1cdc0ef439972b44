"""Settings of segments: how customers are grouped, what a sweep tries, and how models are judged."""

import math
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from clientage.settings.section import Count, Section, Share


def _four_ascending(limits: tuple[float, ...]) -> tuple[float, ...]:
    if limits and (len(limits) != 4 or list(limits) != sorted(limits)):
        raise ValueError("give four ascending limits, or none")
    return limits


Limits = Annotated[tuple[float, ...], AfterValidator(_four_ascending)]


class Quintiles(Section):
    """Cut points of the classic RFM grid."""

    recency_days: Limits = Field((), description="Four ascending limits of recency; empty: quintiles.")
    frequency: Limits = Field((), description="Four ascending limits of completed orders; empty: quintiles.")
    monetary: Limits = Field((), description="Four ascending limits of spend; empty: quintiles.")


class Segments(Section):
    """How customers are grouped."""

    recipe: Literal["behaviour", "rfm", "quintiles", "classic"] = Field("behaviour", description="Named recipe.")
    k: Annotated[int, Field(ge=2, le=50)] | Literal["auto"] = Field("auto", description="How many; auto: chosen.")
    k_min: Annotated[int, Field(ge=2, le=50)] = Field(3, description="Smallest number to try.")
    k_max: Annotated[int, Field(ge=2, le=50)] = Field(8, description="Largest number to try.")
    snapshots: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (152, 92, 0), description="Days before `as_of` at which each number is tried."
    )
    bootstraps: Annotated[int, Field(ge=2)] = Field(25, description="Refits to measure stability with.")
    min_stability: Share = Field(0.80, description="Mean stability (adjusted Rand index) a number must reach.")
    worst_stability: Share = Field(0.75, description="Stability it must reach at every snapshot.")
    min_share: Share = Field(0.05, description="Smallest share of customers a segment may have.")
    restarts: Count = Field(10, description="Starts of k-means; the best is kept.")
    seed: int = Field(7, ge=0, description="Seed of everything random.")
    sample: Annotated[int, Field(ge=1000)] = Field(
        50_000, description="Most customers to fit on, picked by hashed id; all are assigned."
    )
    full_fit: bool = Field(
        False, description="Fit on all customers, by Spark's own k-means; how many segments is chosen on the sample."
    )
    wholesale_ratio: float = Field(
        6.0, gt=1, description="Flag customers whose units a line are this many times the usual customer's."
    )
    order_ratio: float = Field(
        4.0, gt=1, description="Call customers bulk buyers whose orders are worth this many times the usual."
    )
    quintiles: Quintiles = Field(Quintiles(), description="Cut points of the `quintiles` recipe.")


Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Sweep(Section):
    """What a sweep tries, each with each; what is given twice is tried once."""

    n_init: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(
        (1, 2, 5, 10, 20, 50), description="Starts of k-means; the best is kept."
    )
    max_iter: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = Field(
        (100, 250, 500, 1000), description="Most iterations of a start."
    )
    k: tuple[Annotated[int, Field(ge=2, le=50)], ...] = Field(
        (3, 4, 8), description="Numbers of segments; where `segments.k` is set, that one alone."
    )
    init: tuple[Literal["k-means++", "random"], ...] = Field(("k-means++", "random"), description="Ways to start.")
    recipes: tuple[Literal["behaviour", "rfm", "classic"], ...] = Field(
        (), description="Recipes; empty: that of `segments.recipe`."
    )
    log: tuple[bool, ...] = Field((), description="Whether to compare logarithms; empty: as the recipe does.")
    weights: tuple[dict[str, Weight], ...] = Field(
        (), description="Weights of features in place of the recipe's, 0 to leave one out; empty: the recipe's."
    )

    @property
    def size(self) -> int:
        """How many candidates there are, at most."""
        needed, others = (self.n_init, self.max_iter, self.k, self.init), (self.recipes, self.log, self.weights)
        return math.prod(map(len, needed)) * math.prod(len(values) or 1 for values in others)


class Gate(Section):
    """What a model must keep to become the champion, beside the limits of `segments`."""

    min_matched: Share = Field(
        0.5, description="Share of the customers who must stay in segments that the champion has too."
    )


class Evaluate(Section):
    """The temporal hold-out."""

    cutoffs: tuple[date, ...] = Field((), description="Dates to split at; empty: three, found from the data's span.")
    horizon_days: Count = Field(90, description="Days after the cutoff that count as the outcome.")
    folds: Annotated[int, Field(ge=2)] = Field(5, description="Folds of the out-of-fold score.")
    groups: Annotated[int, Field(ge=2, le=50)] = Field(5, description="Number of groups all recipes are compared at.")
