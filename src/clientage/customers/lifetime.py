"""What a customer may be expected to order and spend next: BG/NBD with Gamma-Gamma, as a ranking.

How often: Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way; how much: the same authors' note on the
Gamma-Gamma model of monetary value (2005). Parameters are the most probable ones under a normal prior with standard
deviation 1 on their logarithms (of q − 1 for q), which keeps small shops from extremes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln, hyp2f1, psi
from threadpoolctl import threadpool_limits

from clientage.expressions import total

Floats = NDArray[np.float64]

WEEK = 7.0  # days in the unit of time; the prior is on parameters in this unit
FEWEST = 30  # customers who came again, below which nothing is fitted


@dataclass(frozen=True)
class History:
    """What customers did so far, (n,) each.

    Attributes:
        repeats: Days with an order after the first one.
        last: Days from the first to the last of those.
        age: Days from the first order to the day of the forecast.
        worth: Spend less returns on a day with an order, in currency.
    """

    repeats: Floats
    last: Floats
    age: Floats
    worth: Floats


@dataclass(frozen=True)
class Lifetime:
    """Parameters of both models.

    Attributes:
        orders: r, α (weeks), a and b of BG/NBD.
        spend: p, q and v of Gamma-Gamma; v in `typical`. q is above 1, where the mean exists.
        typical: The median worth of a day with an order, in currency: the unit of money.
    """

    orders: tuple[float, float, float, float]
    spend: tuple[float, float, float]
    typical: float

    def expected_orders(self, history: History, horizon_days: int) -> Floats:
        """Days with an order to expect within the horizon, (n,)."""
        r, alpha, a, b = self.orders
        x, last, age = history.repeats, history.last / WEEK, history.age / WEEK
        odds = (r + x) * (np.log(alpha + age) - np.log(alpha + last)) + np.log(a) - np.log(b + np.maximum(x, 1) - 1)
        gone = np.where(x > 0, np.exp(np.minimum(odds, 700.0)), 0.0)
        return np.asarray(self.growth(x, history.age, horizon_days) / (1 + gone))

    def growth(self, repeats: Floats, age: Floats, horizon_days: int) -> Floats:
        """Days with an order to expect of customers who are still there, (n,): the one part that no engine has.

        Args:
            repeats: Days with an order after the first one, (n,).
            age: Days from the first order to the day of the forecast, (n,).
            horizon_days: How far to look.
        """
        r, alpha, a, b = self.orders
        t = horizon_days / WEEK
        z = t / (alpha + age / WEEK + t)
        # the paper's 2F1 after Euler's transformation, which does not overflow for frequent customers
        left = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + repeats - 1, z)
        return np.asarray((a + b + repeats - 1) / (a - 1) * (1 - left))

    def forecast(self, bought: ir.Table, growth: ir.Table) -> ir.Table:
        """What `expected_orders` and `expected_spend` say, computed by the engine: customer_id and those two.

        Args:
            bought: The columns of `History`, see `purchases`.
            growth: repeats, age and growth (see there), one row for each pair that occurs.
        """
        (r, alpha, a, b), (p, q, v) = self.orders, self.spend
        bought = bought.join(growth, ["repeats", "age"])
        x = bought.repeats
        since = (bought.age / WEEK + alpha).ln() - (bought["last"] / WEEK + alpha).ln()
        odds = (x + r) * since + float(np.log(a)) - (ibis.greatest(x, 1.0) + (b - 1)).ln()
        gone = ibis.ifelse(x > 0, ibis.least(odds, 700.0).exp(), 0.0)
        orders = bought.growth / (gone + 1)
        worth = ibis.greatest(bought.worth / self.typical, 0.0)
        mean = ((x + 1) * worth + v) * p / ((x + 1) * p + (q - 1))
        return bought.select("customer_id", expected_orders=orders, expected_spend=orders * mean * self.typical)

    def expected_spend(self, history: History, horizon_days: int) -> Floats:
        """Spend to expect within the horizon, in currency, (n,)."""
        p, q, v = self.spend
        days = history.repeats + 1
        worth = np.maximum(history.worth / self.typical, 0.0)
        mean = p * (v + days * worth) / (p * days + q - 1)
        return np.asarray(self.expected_orders(history, horizon_days) * mean * self.typical)


def purchases(baskets: ir.Table, as_of: date) -> ir.Table:
    """One row per customer with a completed order before a day, in order of their id: the columns of `History`."""
    before = baskets.filter(baskets.hour_at < ibis.timestamp(str(as_of)))
    day = before.hour_at.date()
    bought = ~before.cancelled
    found = before.group_by("customer_id").agg(
        days=day.nunique(where=bought),
        first=day.min(where=bought),
        last=day.max(where=bought),
        spend=total(before.amount),
    )
    found = found.filter(found.days > 0)
    return found.select(
        "customer_id",
        repeats=(found.days - 1).cast("float64"),
        last=found["last"].delta(found["first"], unit="day").cast("float64"),
        age=ibis.date(as_of).delta(found["first"], unit="day").cast("float64"),
        worth=found.spend / found.days,
    ).order_by("customer_id")


def fit_lifetime(history: History) -> tuple[Lifetime | None, str]:
    """Fit both models.

    Args:
        history: Of the customers to learn from, (n,) each.

    Returns:
        The parameters, or None and why there are none.
    """
    again = int((history.repeats > 0).sum())
    if again < FEWEST:
        return None, f"only {again:,} customers came on another day, and {FEWEST} are needed"
    paid = history.worth > 0
    typical = float(np.median(history.worth[paid])) if paid.any() else 1.0
    days, worth = history.repeats[paid] + 1, history.worth[paid] / typical
    with threadpool_limits(1):  # four numbers at a time: more threads would only wait for one another
        orders = _most_probable(_orders_likelihood(history), np.zeros(4))
        spend = _most_probable(_spend_likelihood(days, worth), np.array([0.0, 0.7, 0.0]))
    if orders is None or spend is None:
        return None, "the fit did not converge"
    model = Lifetime((orders[0], orders[1], orders[2], orders[3]), (spend[0], 1 + spend[1], spend[2]), typical)
    if not np.isfinite(model.expected_spend(history, 90)).all():
        return None, "the fit gave no finite figure for some customers"
    return model, ""


def _most_probable(likelihood: Callable[[Floats], tuple[float, Floats]], start: Floats) -> tuple[float, ...] | None:
    """Parameters at the maximum of likelihood and prior; None where it was not found.

    Args:
        likelihood: Logarithm of the likelihood and its gradient, both by the logarithms of the parameters.
        start: Those to begin with.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - half a second to import, for a fit alone

    def improbable(p: Floats) -> tuple[float, Floats]:
        value, gradient = likelihood(p)
        return float(p @ p) / 2 - value, p - gradient

    found = minimize(improbable, start, jac=True, method="L-BFGS-B", bounds=[(-12, 12)] * len(start))
    if not found.success or not np.isfinite(found.fun):
        return None
    return tuple(float(value) for value in np.exp(found.x))


def _orders_likelihood(history: History) -> Callable[[Floats], tuple[float, Floats]]:
    """Log likelihood of BG/NBD (equation 6 of the paper), and its gradient.

    What hangs on the number of repeats alone is computed once for each number that occurs.
    """
    repeats, of, each = np.unique(history.repeats, return_inverse=True, return_counts=True)
    x, last, age, came = history.repeats, history.last / WEEK, history.age / WEEK, history.repeats > 0

    def likelihood(logs: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(logs)
        common = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha) + betaln(a, b + repeats) - betaln(a, b)
        later = b + np.maximum(repeats, 1) - 1
        alive = -(r + x) * np.log(alpha + age)
        gone = np.where(came, (np.log(a) - np.log(later))[of] - (r + x) * np.log(alpha + last), -np.inf)
        both = np.logaddexp(alive, gone)
        away = np.exp(gone - both)  # how probable it is that the customer has left
        left = np.bincount(of, away)  # by number of repeats
        whole = psi(a + b) - psi(a + b + repeats)
        gradient = (
            each @ (psi(r + repeats) - psi(r) + np.log(alpha))
            - (1 - away) @ np.log(alpha + age)
            - away @ np.log(alpha + last),
            each.sum() * r / alpha - ((r + x) * ((1 - away) / (alpha + age) + away / (alpha + last))).sum(),
            each @ whole + left.sum() / a,
            each @ (whole + psi(b + repeats) - psi(b)) - left @ (1 / later),
        )
        return float(each @ common + both.sum()), np.array(gradient) * np.exp(logs)

    return likelihood


def _spend_likelihood(days: Floats, worth: Floats) -> Callable[[Floats], tuple[float, Floats]]:
    """Log likelihood of Gamma-Gamma (equation 1a of the note), and its gradient.

    Args:
        days: Days with an order, (n,).
        worth: Mean worth of such a day, above zero, (n,).
    """
    total, log_total, log_worth = days * worth, np.log(days * worth), float(np.log(worth).sum())
    numbers, of, each = np.unique(days, return_inverse=True, return_counts=True)

    def likelihood(logs: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(logs) + np.array([0.0, 1.0, 0.0])
        pn, log_all = p * numbers, np.log(total + v)
        parts = gammaln(pn + q) - gammaln(pn) - gammaln(q) + q * np.log(v)
        value = each @ parts - log_worth + pn[of] @ log_total - (pn[of] + q) @ log_all
        gradient = (
            each @ (numbers * (psi(pn + q) - psi(pn))) + days @ (log_total - log_all),
            each @ (psi(pn + q) - psi(q) + np.log(v)) - log_all.sum(),
            len(days) * q / v - ((pn[of] + q) / (total + v)).sum(),
        )
        return float(value), np.array(gradient) * np.exp(logs)

    return likelihood
