"""The model being served: how instances become segments."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from clientage.errors import RequestError
from clientage.segments.document import SegmentModel
from clientage.segments.grid import GridModel
from clientage.segments.model import Places
from clientage.serving.contract import Wanted, told
from clientage.serving.features import KNOWN
from clientage.serving.reading import Group, Reader, Wrong
from clientage.serving.shop import Shop

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Scored:
    """Instances of one form with their segments, and what a second model says of them."""

    group: Group
    found: Places
    shadow: Places | None = None

    def logged(self, names: dict[int, str]) -> Row:
        """As the prediction log has it."""
        group, found = self.group, self.found
        return {
            "form": group.form,
            "place": list(group.places),
            "customer_id": group.customers,
            "names": group.names,
            "values": group.values,
            "segment_id": found.segment_id,
            "segment": [names[id_] for id_ in found.segment_id],
            "distance": found.distance,
            "runner_up": found.runner_up,
            "shadow_segment_id": self.shadow.segment_id if self.shadow else None,
        }


@dataclass(frozen=True, eq=False)
class Served:
    """A model with all that is needed to answer with it.

    Attributes:
        version: Its number in the registry, else the beginning of its checksum.
        reader: Reads instances for it.
    """

    version: str
    reader: Reader

    @property
    def model(self) -> SegmentModel:
        """The model."""
        return self.reader.model

    @property
    def shop(self) -> Shop | None:
        """The shop's tables; None where there are none."""
        return self.reader.shop

    @cached_property
    def names(self) -> dict[int, str]:
        """Names of the segments."""
        return {segment.segment_id: segment.name for segment in self.model.segments}

    def prepare(self) -> None:
        """Read and make what answers need, before the first of them waits for it."""
        self.segments()
        if self.shop and self.shop.shelf and self.shop.shelf.weights:
            _ = self.shop.shelf.weights.rows

    def find(self, group: Group) -> Places:
        """The segments of a group."""
        if group.form == "components" and not isinstance(self.model, GridModel):
            return self.model.find_at(np.asarray(group.values))
        return self.model.find(group.values)

    def score(self, request: Wanted, shadow: "Served | None" = None) -> tuple[list[Scored], Wrong]:
        """Segments of all instances, and by place what is wrong with the others.

        Raises:
            RequestError: None of them can be used, or one cannot and they are to be taken together.
        """
        groups, wrong = self.reader.read(request.instances)
        if wrong and (request.strict or not groups):
            raise RequestError(told(wrong[place] for place in sorted(wrong)), 422)
        return [Scored(group, self.find(group), _shadowed(shadow, group)) for group in groups], wrong

    def offers(self, scored: Scored, top: int) -> list[list[Row]]:
        """Products for each instance, the best first; none where the shop has none."""
        shop, group = self.shop, scored.group
        if shop is None:
            return [[] for _ in group.places]
        if group.form == "customer" and group.customers is not None:
            customers = [customer or "" for customer in group.customers]
            known = shop.recommendations(customers, top)
            return [[_offer(row) for row in known.get(customer, [])] for customer in customers]
        bought = group.bought or [()] * len(group.places)
        return shop.shelf.offers(bought, scored.found.segment_id, top) if shop.shelf else [[] for _ in bought]

    def about(self, customer: str) -> Row:
        """What the shop's tables know of a customer."""
        row = self.shop.customers([customer]).get(customer, {}) if self.shop else {}
        value = {name: row[name] for name in ("monetary", "expected_orders", "expected_spend") if name in row}
        features = {name: value for name, value in row.items() if name in KNOWN}
        return {"customer_id": customer, "as_of": row.get("as_of"), "value": value, "features": features}

    def segments(self) -> list[Row]:
        """The segments of the model, with their profiles where the shop's tables have them."""
        profiles = {row["segment_id"]: row for row in self.shop.profiles} if self.shop else {}
        known = [asdict(segment) for segment in self.model.segments]
        return [profiles.get(row["segment_id"], {}) | {"segment": row.pop("name")} | row for row in known]


def _offer(row: Row) -> Row:
    return {name: row[name] for name in ("product", "description", "score", "because") if name in row}


def _shadowed(shadow: Served | None, group: Group) -> Places | None:
    """What the second model says, where it needs the same of a customer."""
    if shadow is None or group.form == "components" or not set(shadow.model.needs) <= set(group.names):
        return None
    order = [list(group.names).index(name) for name in shadow.model.needs]
    try:
        return shadow.model.find(np.asarray(group.values)[:, order])
    except (ValueError, ArithmeticError, LookupError):  # it is only on trial: the answer goes on without it
        return None
