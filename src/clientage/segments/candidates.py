"""What a sweep tries: candidates, and the grid they come from."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clientage.segments.kmeans import Init
from clientage.segments.space import RECIPES, Recipe


@dataclass(frozen=True)
class Candidate:
    """One way to make segments.

    Attributes:
        recipe: Name of the recipe.
        log: Whether values are compared as signed logarithms.
        weights: Features whose weight is not the recipe's, by name; 0 leaves one out.
        init: How k-means starts.
        k: Number of segments.
        n_init: Starts; the best is kept.
        max_iter: Most iterations of a start.
    """

    recipe: str
    log: bool
    weights: tuple[tuple[str, float], ...]
    init: Init
    k: int
    n_init: int
    max_iter: int

    @property
    def space(self) -> Recipe:
        """What customers are compared by."""
        own = RECIPES[self.recipe]
        features = {**own.features, **dict(self.weights)}
        return replace(own, log=self.log, features={name: weight for name, weight in features.items() if weight})

    def told(self) -> dict[str, Any]:
        """Its columns of the table `candidates`."""
        weights = ", ".join(f"{name} {weight:.15g}" for name, weight in self.weights)
        return {
            "recipe": self.recipe, "log": self.log, "weights": weights, "init": self.init, "k": self.k,
            "n_init": self.n_init, "max_iter": self.max_iter,
        }  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """Values to try, each with each.

    Attributes:
        recipes: Names of recipes.
        n_init: Starts of k-means.
        max_iter: Most iterations of a start.
        k: Numbers of segments.
        init: Ways to start.
        log: Whether values are compared as signed logarithms; as the recipe has it where none is given.
        weights: Weights that take the place of the recipe's, feature by feature; the recipe's where none are given.
    """

    recipes: Sequence[str]
    n_init: Sequence[int]
    max_iter: Sequence[int]
    k: Sequence[int]
    init: Sequence[Init]
    log: Sequence[bool] = ()
    weights: Sequence[Mapping[str, float]] = ()

    def candidates(self) -> tuple[Candidate, ...]:
        """In order, each once: what is given twice, or says what the recipe says anyway, is not tried again."""
        found = (
            Candidate(recipe, log, _others(recipe, weights), *rest)
            for recipe in self.recipes
            for log in self.log or (RECIPES[recipe].log,)
            for weights in self.weights or ({},)
            for rest in itertools.product(self.init, self.k, self.n_init, self.max_iter)
        )
        return tuple(dict.fromkeys(found))


def _others(recipe: str, weights: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Weights that are not the recipe's own."""
    own = RECIPES[recipe].features
    return tuple(sorted((name, float(weight)) for name, weight in weights.items() if weight != own.get(name, 0)))
