"""Instances of any form as numbers: features by name, a customer's id, purchases, principal components."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from clientage.segments.document import SegmentModel
from clientage.segments.grid import GridModel
from clientage.segments.kmeans import Floats
from clientage.serving.contract import (
    MISSING,
    NO_COMPONENTS,
    NO_ID,
    NO_OBJECT,
    NO_PURCHASES,
    NOBODY,
    Problem,
    shown,
    told,
)
from clientage.serving.features import KNOWN, Named, Values
from clientage.serving.purchases import Featurizer, Purchases, read_purchases
from clientage.serving.shop import Shop

FORMS = ("features", "customer", "purchases", "components")

Row: TypeAlias = dict[str, Any]
Wrong: TypeAlias = dict[int, Problem]


@dataclass(frozen=True)
class Group:
    """Instances of one form, as numbers.

    Attributes:
        form: How they were given, one of `FORMS`.
        places: Their places in the request, n of them.
        names: What the values are, d names.
        values: (n, d).
        customers: Their ids, n of them; None where they are not known.
        bought: For each the products bought and kept, where they were given.
    """

    form: str
    places: Sequence[int]
    names: Sequence[str]
    values: Values
    customers: Sequence[str | None] | None = None
    bought: Sequence[Sequence[str]] | None = None


@dataclass(frozen=True)
class Reader:
    """Reads instances for a model.

    Attributes:
        model: The model.
        shop: The shop's tables; None where there are none.
        featurizer: Computes features from purchases.
    """

    model: SegmentModel
    shop: Shop | None
    featurizer: Featurizer

    @cached_property
    def features(self) -> Named:
        """Reads features by name."""
        return Named(self.model.needs, KNOWN)

    @cached_property
    def components(self) -> Named | None:
        """Reads principal components; None where the model has none."""
        if isinstance(self.model, GridModel) or self.model.recipe != "classic":
            return None
        return Named([f"PC{i + 1}" for i in range(self.model.centroids.shape[1])], what="component")

    def read(self, instances: Sequence[Any]) -> tuple[list[Group], Wrong]:
        """Instances as numbers, and for the others by place what is wrong with them."""
        if (values := self.features.quick(instances)) is not None:
            return [Group("features", range(len(instances)), self.model.needs, values)], {}
        return _OneByOne(self, instances).groups()


class _OneByOne:
    """Instances of any form, one by one."""

    def __init__(self, reader: Reader, instances: Sequence[Any]) -> None:
        self.reader = reader
        self.wrong: Wrong = {}
        self.numbers: dict[str, dict[int, list[float]]] = {"features": {}, "components": {}}
        self.customers: dict[int, str] = {}
        self.purchases: dict[int, Purchases] = {}
        for place, instance in enumerate(instances):
            if problems := self._take(place, instance, f"instances[{place}]"):
                self.wrong[place] = Problem(problems[0].kind, told(problems))

    def _take(self, place: int, instance: Any, at: str) -> list[Problem]:
        """Take an instance for what it is; what is wrong with it."""
        if not isinstance(instance, dict):
            return [Problem(NO_OBJECT, f"{at}: not an object. Give customer_id, purchases, or the features by name.")]
        if "purchases" in instance:
            found = read_purchases(instance, at)
            if isinstance(found, Purchases):
                self.purchases[place] = found
                return []
            return [Problem(NO_PURCHASES, sentence) for sentence in found]
        if "customer_id" in instance:
            return self._customer(place, instance, at)
        return self._named(place, instance, at)

    def _customer(self, place: int, instance: Row, at: str) -> list[Problem]:
        given = instance["customer_id"]
        problems = [
            f"{at}.{shown(name)}: cannot stand beside customer_id." for name in sorted(set(instance) - {"customer_id"})
        ]
        if type(given) not in (str, int):
            problems.append(f"{at}.customer_id: not a text: {shown(given)}.")
        self.customers |= {} if problems else {place: str(given)}
        return [Problem(NO_ID, sentence) for sentence in problems]

    def _named(self, place: int, instance: Row, at: str) -> list[Problem]:
        form, reader = "features", self.reader.features
        if "PC1" in instance:
            if self.reader.components is None:
                sentence = f"{at}.PC1: the model in use has no principal components. Give the features by name."
                return [Problem(NO_COMPONENTS, sentence)]
            form, reader = "components", self.reader.components
        found = reader.slow(instance, at)
        if problems := [each for each in found if isinstance(each, Problem)]:
            return problems
        self.numbers[form][place] = [each for each in found if not isinstance(each, Problem)]
        return []

    def groups(self) -> tuple[list[Group], Wrong]:
        """Instances by form, and what is wrong with the others."""
        names = {"features": self.reader.model.needs}
        if self.reader.components:
            names["components"] = self.reader.components.names
        groups = [
            Group(form, list(rows), names[form], np.array(list(rows.values()), float))
            for form, rows in self.numbers.items()
            if rows
        ]
        groups += [self._known()] if self.customers else []
        groups += [self._bought()] if self.purchases else []
        return [group for group in groups if len(group.places)], self.wrong

    def _known(self) -> Group:
        """Customers of the table `customers`."""
        needs, shop = self.reader.model.needs, self.reader.shop
        rows = shop.customers(list(dict.fromkeys(self.customers.values()))) if shop else {}
        found = {place: rows[customer] for place, customer in self.customers.items() if customer in rows}
        lacking = [name for name in needs if any(name not in row for row in found.values())]
        for place, customer in self.customers.items():
            if place not in found:
                sentence = f"instances[{place}].customer_id: there is no customer {shown(customer)}."
                self.wrong[place] = Problem(NOBODY, sentence)
            elif lacking:
                sentence = f"instances[{place}].customer_id: the tables here have no {', '.join(lacking)}."
                self.wrong[place] = Problem(MISSING, sentence)
        if lacking:
            found = {}
        values = np.array([[row[name] for name in needs] for row in found.values()], float).reshape(-1, len(needs))
        return Group("customer", list(found), needs, values, [self.customers[place] for place in found])

    def _bought(self) -> Group:
        """Customers by their purchases."""
        features = self.reader.featurizer.features(list(self.purchases.values()))
        found: dict[int, Floats] = {}
        for place, answer in zip(self.purchases, features, strict=True):
            if isinstance(answer, str):
                self.wrong[place] = Problem(NO_PURCHASES, f"instances[{place}].{answer}")
            else:
                found[place] = answer
        needs = self.reader.model.needs
        customers = [self.purchases[place].customer for place in found]
        bought = [self.purchases[place].kept for place in found]
        return Group(
            "purchases", list(found), needs, np.array(list(found.values())).reshape(-1, len(needs)), customers, bought
        )
