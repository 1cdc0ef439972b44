"""Who the segments are: size, worth, typical values, and what was bought again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from clientage.segments.document import SegmentModel
from clientage.segments.kmeans import Floats, Integers
from clientage.segments.model import Segment
from clientage.segments.rules import Flags
from clientage.segments.space import signed_log
from clientage.tables import TABLES, arrow_schema

FEATURES = tuple(name for name, column in TABLES["customers"].columns.items() if column.kind in ("integer", "number"))


ENOUGH = 30  # customers from which a share is worth telling


@dataclass(frozen=True)
class After:
    """What customers did in the horizon after a day.

    Attributes:
        labels: Segment number of each at that day, (n,).
        bought: Whether they bought in it, (n,).
        spend: What they spent in it less what they took back, in currency, (n,).
    """

    labels: Integers
    bought: Flags
    spend: Floats


@dataclass(frozen=True)
class Known:
    """What is known of the customers.

    Attributes:
        totals: For each segment number, exact and over all customers: `customers`, `revenue`, and how many of them are
            `wholesale`, `bulk` and `reseller`; and `expected` spend where that is known.
        customers: Columns of the table `customers`, (n,) each, of a sample where there are very many.
        labels: Segment number of each of those, (n,).
        after: What they did next, at the last day that it is known for; None where it is not.
        horizon_days: Length of that horizon.
    """

    totals: Mapping[int, Mapping[str, float]]
    customers: Mapping[str, Floats]
    labels: Integers
    after: After | None = None
    horizon_days: int = 90


def profiles(model: SegmentModel, known: Known, currency: str = "") -> pa.Table:
    """The table `profiles`: one row per segment, in order of revenue.

    Args:
        model: Gives names, actions and rules.
        known: What is known of the customers.
        currency: Put before money in the summary.
    """
    here = {segment.segment_id: segment for segment in model.segments if segment.segment_id in known.totals}
    order = sorted(here, key=lambda id_: (-known.totals[id_]["revenue"], id_))
    rows = [_profile(here[id_], known, currency) for id_ in order]
    known_columns = [field for field in arrow_schema("profiles") if field.name in rows[0]] if rows else None
    return pa.Table.from_pylist(rows, pa.schema(known_columns) if known_columns else arrow_schema("profiles"))


def _profile(segment: Segment, known: Known, currency: str) -> dict[str, object]:
    own = known.totals[segment.segment_id]
    customers, revenue = own["customers"], own["revenue"]
    everyone = sum(total["customers"] for total in known.totals.values())
    earned = sum(total["revenue"] for total in known.totals.values())
    again, spend = _next(known.after, segment.segment_id)
    row = {
        **asdict(segment),
        "segment": segment.name,
        "customers": customers,
        "share": customers / everyone,
        "revenue": revenue,
        "revenue_share": revenue / earned if earned else 0.0,
        "horizon_days": known.horizon_days,
        "buys_again": again,
        "next_spend": spend,
        **({"expected_spend": own["expected"] / customers} if "expected" in own else {}),
        **{f"{kind}_share": own[kind] / customers for kind in ("wholesale", "bulk", "reseller")},
    }
    inside = known.labels == segment.segment_id
    typical = {
        name: float(np.median(known.customers[name][inside])) if inside.any() else 0.0
        for name in ("frequency", "recency_days", "monetary")
    }
    return row | {"summary": _summary(row, typical, currency)}


def traits(customers: Mapping[str, Floats], labels: Integers) -> pa.Table:
    """The table `traits`: how each feature is spread in each segment, and how that compares with all customers."""
    present = [name for name in FEATURES if name in customers and not np.isnan(customers[name]).all()]
    rows = [
        {"segment_id": int(segment_id), "feature": name, **_trait(customers[name], labels == segment_id)}
        for segment_id in np.unique(labels)
        for name in present
    ]
    return pa.Table.from_pylist(rows, arrow_schema("traits"))


def _trait(values: Floats, inside: Flags) -> dict[str, float | None]:
    known = ~np.isnan(values)
    own, everyone = values[known & inside], values[known]
    if not len(own):
        return dict.fromkeys(("mean", "p05", "p25", "median", "p75", "p95", "lift", "z"))
    quantiles = np.quantile(own, (0.05, 0.25, 0.5, 0.75, 0.95))
    compared = signed_log(everyone)
    return {
        "mean": float(own.mean()),
        **dict(zip(("p05", "p25", "median", "p75", "p95"), map(float, quantiles), strict=True)),
        "lift": float(own.mean() / everyone.mean()) if everyone.mean() else None,
        "z": float((signed_log(own).mean() - compared.mean()) / (compared.std() or 1.0)),
    }


def _next(after: After | None, segment_id: int) -> tuple[float | None, float | None]:
    """Share that bought in the horizon, and mean spend in it."""
    if after is None or (inside := after.labels == segment_id).sum() < ENOUGH:
        return None, None
    return float(after.bought[inside].mean()), float(after.spend[inside].mean())


def _summary(row: Mapping[str, object], medians: Mapping[str, float], currency: str) -> str:
    again = row["buys_again"]
    orders, days = medians["frequency"], medians["recency_days"]
    return (
        f"{row['customers']:,} customers ({row['share']:.0%}) bring {row['revenue_share']:.0%} of revenue: typically "
        f"{orders:,.0f} order{'s' * (orders != 1)}, the last {days:,.0f} day{'s' * (days != 1)} ago, "
        f"{currency}{medians['monetary']:,.0f} each"
        + (f"; {again:.0%} buy again within {row['horizon_days']} days." if again is not None else ".")
    )
