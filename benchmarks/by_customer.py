"""The plainest way: pandas with a function for each customer, as notebooks and the reference project have it."""

import numpy as np
import pandas as pd
from scipy.stats import linregress

from benchmarks import by_pandas


def features(lines: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row per customer, as `by_pandas.features` gives it."""
    lines = lines[lines["invoiced_at"] < as_of]
    lines = lines.assign(day=lines["invoiced_at"].dt.normalize(), hour=lines["invoiced_at"].dt.hour)
    every = lines.groupby("customer_id")
    customers = by_pandas.totals(lines, as_of)
    customers["days_between_purchases"] = every["day"].apply(_days_between)
    customers["favourite_weekday"] = every["day"].apply(lambda days: days.dt.day_of_week.mode().iloc[0])
    customers["favourite_hour"] = every["hour"].apply(lambda hours: hours.mode().iloc[0])
    customers["country"] = every["country"].apply(lambda countries: countries.mode().iloc[0])
    months = lines.groupby(["customer_id", lines["day"].dt.to_period("M")])["amount"].sum()
    by = months.groupby("customer_id")
    customers["monthly_spend_mean"] = by.mean()
    customers["monthly_spend_std"] = by.std().fillna(0)
    customers["monthly_spend_trend"] = by.apply(_trend)
    return by_pandas.ratios(customers, lines)


def _days_between(days: "pd.Series[pd.Timestamp]") -> float:
    return float(pd.Series(days.sort_values().unique()).diff().dt.days.mean())


def _trend(amounts: "pd.Series[float]") -> float:
    return float(linregress(np.arange(len(amounts)), amounts).slope) if len(amounts) > 1 else 0.0
