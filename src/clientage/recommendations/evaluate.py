"""What recommendations are worth: products that customers first bought after a day, against those offered before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from clientage.recommendations.cosine import cosine
from clientage.recommendations.ease import ease
from clientage.recommendations.offers import Fallback, Flags, Indices, offers
from clientage.recommendations.purchases import Bought
from clientage.recommendations.weights import Weights

TOP = 10
BEST_SELLERS, SHOWN = 10, 3  # of a cluster, as the usual rule of thumb has it
CHOICES = ("ease", "cosine", "popular")
"""Recommenders that a run may use."""


@dataclass(frozen=True)
class Trial:
    """What was known before a day, and what was bought after it.

    Attributes:
        units: Customers × products: units bought and kept before, (n, m).
        bought: The same, 1 where any.
        wanted: Customers × products: 1 where first bought in the horizon, (n, m).
        groups: Group of each customer, (n,).
        customers: Customers of each product, (m,).
        recent: Those of the last weeks, (m,).
        offered: Whether a product was sold recently enough to be recommended, (m,).
    """

    units: Bought
    bought: Bought
    wanted: Bought
    groups: Indices
    customers: Indices
    recent: Indices
    offered: Flags


def first_bought(lines: ir.Table, cutoff: date, horizon_days: int) -> ir.Table:
    """One row per customer and product bought in the days from `cutoff` on, and never before."""
    start, end = (ibis.timestamp(str(day)) for day in (cutoff, cutoff + timedelta(days=horizon_days)))
    sold = lines.filter(
        lines.customer_id.notnull(), lines["product"].notnull(), ~lines.cancelled, lines.invoiced_at < end
    )
    first = sold.group_by("customer_id", "product").agg(first=sold.invoiced_at.min())
    return first.filter(first["first"] >= start).select("customer_id", "product")


def recommenders(trial: Trial, *, penalty: float = 500.0, neighbours: int = 50) -> list[dict[str, object]]:
    """Rows of the table `recommenders`, but for the cutoff: every way on the same customers.

    Args:
        trial: Before and after.
        penalty: Of ease.
        neighbours: Weights that ease keeps for each product.
    """
    share = _shares(trial.customers, trial)
    ways = {
        "ease": _offered(trial, ease(trial.bought, penalty, neighbours), share),
        "cosine": _offered(trial, cosine(trial.bought), share),
        "popular": _offered(trial, None, share),
        "popular lately": _offered(trial, None, _shares(trial.recent, trial)),
        "cluster": _cluster(trial),
    }
    return [{"model": name, **scores(products, trial.wanted)} for name, products in ways.items()]


def scores(products: Indices, wanted: Bought) -> dict[str, float]:
    """How good ranked products are, over the customers who bought something new.

    Args:
        products: The products for each customer, the best first, (n, k); -1 where there is none.
        wanted: Customers × products, 1 where first bought afterwards, (n, m).

    Returns:
        customers, recall_10, precision_3, ndcg_10 and its standard error, mrr, coverage, served.
    """
    served, coverage = (products >= 0).any(axis=1).mean(), len(np.unique(products[products >= 0])) / wanted.shape[1]
    ready = np.flatnonzero(np.diff(wanted.indptr))
    hit, count = _hits(products[ready], wanted[ready]), np.diff(wanted.indptr)[ready]
    discount = 1 / np.log2(np.arange(2, hit.shape[1] + 2))
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, TOP + 2)))])[np.minimum(count, TOP)]
    gain = (hit * discount).sum(axis=1) / ideal
    first = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, np.inf)
    return {
        "customers": len(ready),
        "recall_10": _mean(hit.sum(axis=1) / count),
        "precision_3": _mean(hit[:, :SHOWN].sum(axis=1) / SHOWN),
        "ndcg_10": _mean(gain),
        "ndcg_10_se": float(gain.std() / np.sqrt(max(len(gain), 1))) if len(gain) else 0.0,
        "mrr": _mean(1 / first),
        "coverage": float(coverage),
        "served": float(served),
    }


def best(rows: Sequence[Mapping[str, object]]) -> str:
    """The recommender that a run should use: the one with the highest NDCG."""
    usable = [row for row in rows if row["model"] in CHOICES]
    return str(max(usable, key=lambda row: float(str(row["ndcg_10"])))["model"])


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _hits(products: Indices, wanted: Bought) -> Flags:
    """Which places hold a product that was wanted, (n, k)."""
    hit = np.zeros(products.shape, bool)
    for i in range(len(products)):
        hit[i] = np.isin(products[i], wanted.indices[wanted.indptr[i] : wanted.indptr[i + 1]])
    return hit


def _shares(customers: Indices, trial: Trial) -> Fallback:
    n = trial.bought.shape[0]
    return Fallback((customers[None] / n).astype(np.float32), np.zeros(n, np.int64), np.zeros(1, bool))


def _offered(trial: Trial, weights: Weights | None, fallback: Fallback) -> Indices:
    blocks = offers(trial.bought, weights, fallback, TOP, offered=trial.offered)
    return np.concatenate([block.product for block in blocks])


def _cluster(trial: Trial) -> Indices:
    """The best sellers of each customer's group by units, what they have left out, the first three shown."""
    n, groups = len(trial.groups), int(trial.groups.max()) + 1
    member = sparse.csr_array((np.ones(n, np.float32), (trial.groups, np.arange(n))), shape=(groups, n))
    sellers = np.argsort(-(member @ trial.units).toarray(), axis=1, kind="stable")[:, :BEST_SELLERS]
    shown = np.full((n, SHOWN), -1, np.int64)
    for i in range(n):
        had = trial.bought.indices[trial.bought.indptr[i] : trial.bought.indptr[i + 1]]
        new = sellers[trial.groups[i]][~np.isin(sellers[trial.groups[i]], had)][:SHOWN]
        shown[i, : len(new)] = new
    return shown
