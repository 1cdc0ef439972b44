"""Whether forecasts come true: rank correlation, and tenths of the customers beside what they spent."""

from collections.abc import Mapping

import numpy as np

from clientage.customers.lifetime import Floats

TENTHS = 10


def judged(forecasts: Mapping[str, Floats], spend: Floats) -> list[dict[str, object]]:
    """Rows of the table `values`, but for the cutoff.

    Args:
        forecasts: Spend forecast for each customer by the name of the forecast, (n,) each.
        spend: What each spent then, (n,).
    """
    rows: list[dict[str, object]] = []
    for name, forecast in forecasts.items():
        place = np.argsort(np.argsort(-forecast, kind="stable"), kind="stable")
        tenth = place * TENTHS // max(len(place), 1) + 1
        for number in range(TENTHS + 1):
            inside = np.ones(len(spend), bool) if number == 0 else tenth == number
            if inside.any():
                rows.append(
                    {
                        "forecast": name,
                        "tenth": number,
                        "customers": int(inside.sum()),
                        "spearman": spearman(forecast, spend) if number == 0 else None,
                        "forecast_spend": float(forecast[inside].mean()),
                        "spend": float(spend[inside].mean()),
                    }
                )
    return rows


def spearman(one: Floats, other: Floats) -> float | None:
    """Rank correlation (Spearman 1904), ties sharing their mean rank; None where one is the same for all."""
    ranks = [_ranks(values) for values in (one, other)]
    spread = ranks[0].std() * ranks[1].std()
    if not spread:
        return None
    return float(((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())).mean() / spread)


def _ranks(values: Floats) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    return np.asarray((ends - (count - 1) / 2)[place])
