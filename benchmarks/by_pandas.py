"""The usual way with pandas: what an analyst writes who knows it well, to the same figures."""

import pandas as pd

SERVICES = ("Next Day Carriage", "High Resolution Image")
SAME = ["invoice", "product", "description", "customer_id", "quantity"]


def clean(received: pd.DataFrame) -> pd.DataFrame:
    """The order lines that count, each once, with their amount and whether they are returns."""
    needed = ["invoiced_at", "quantity", "unit_price", "customer_id", "description"]
    lines: pd.DataFrame = received[received["unreadable"].isna()].drop(columns="unreadable").dropna(subset=needed)
    possible = (lines[["quantity", "unit_price"]].abs() <= 1e8).all(axis=1)
    possible &= lines["invoiced_at"].dt.year.between(1970, 2099)
    goods = (lines["product"].str.count(r"\d") >= 2) & ~lines["description"].isin(SERVICES)
    lines = lines[possible & goods & (lines["unit_price"] > 0)]
    lines = lines.sort_values(["unit_price", "invoiced_at"]).drop_duplicates(SAME)
    amount = lines["quantity"] * lines["unit_price"]
    return lines.assign(amount=amount, cancelled=amount < 0)


def features(lines: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row per customer, as the table `customers` has it."""
    lines = lines[lines["invoiced_at"] < as_of]
    lines = lines.assign(day=lines["invoiced_at"].dt.normalize())
    customers = totals(lines, as_of).assign(
        days_between_purchases=_days_between(lines),
        favourite_weekday=_most_frequent(lines, lines["day"].dt.day_of_week),
        favourite_hour=_most_frequent(lines, lines["invoiced_at"].dt.hour),
        country=_most_frequent(lines, lines["country"]),
    )
    return ratios(customers, lines).join(_monthly(lines))


def totals(lines: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """What one pass over the lines gives, one row per customer."""
    every, done = lines.groupby("customer_id"), lines[~lines["cancelled"]].groupby("customer_id")
    customers = pd.DataFrame(
        {
            "recency_days": (as_of - every["day"].max()).dt.days,
            "tenure_days": (as_of - every["day"].min()).dt.days,
            "frequency": done["invoice"].nunique(),
            "invoices": every["invoice"].nunique(),
            "cancelled_invoices": lines[lines["cancelled"]].groupby("customer_id")["invoice"].nunique(),
            "units": every["quantity"].sum(),
            "spend": every["amount"].sum(),
            "products": every["product"].nunique(),
        }
    )
    customers = customers.fillna({"frequency": 0, "cancelled_invoices": 0})
    return customers.assign(
        as_of=as_of,
        lines_per_basket=(done.size() / customers["frequency"]).fillna(0),
        units_per_line=(done["quantity"].sum() / done.size()).reindex(customers.index).fillna(0),
    )


def ratios(customers: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """The columns that follow from others."""
    return customers.assign(
        monetary=customers["spend"].clip(lower=0),
        spend_per_invoice=customers["spend"] / customers["invoices"],
        cancellation_rate=customers["cancelled_invoices"] / customers["invoices"],
        is_home_country=customers["country"] == lines["country"].value_counts().idxmax(),
    )


def _days_between(lines: pd.DataFrame) -> "pd.Series[float]":
    """Mean days between distinct days with an order."""
    days = lines[["customer_id", "day"]].drop_duplicates().groupby("customer_id")["day"]
    gaps = days.size() - 1
    return (days.max() - days.min()).dt.days / gaps.where(gaps > 0)


def _most_frequent(lines: pd.DataFrame, values: "pd.Series[int] | pd.Series[str]") -> pd.Series:
    """The value of most of each customer's lines; ties go to the lowest."""
    counts = lines.groupby([lines["customer_id"], values.rename("value")]).size().reset_index(name="lines")
    counts = counts.sort_values(["lines", "value"], ascending=[False, True])
    return counts.drop_duplicates("customer_id").set_index("customer_id")["value"]


def _monthly(lines: pd.DataFrame) -> pd.DataFrame:
    """Mean, standard deviation and least-squares slope of the spend of the months with an order."""
    months = lines.groupby(["customer_id", lines["day"].dt.to_period("M")])["amount"].sum().reset_index()
    by = months.groupby("customer_id")
    count = by.size()
    middle = by.cumcount() - (by["amount"].transform("size") - 1) / 2
    slope = 12 * (middle * months["amount"]).groupby(months["customer_id"]).sum() / (count * (count**2 - 1))
    return pd.DataFrame(
        {
            "monthly_spend_mean": by["amount"].mean(),
            "monthly_spend_std": by["amount"].std().fillna(0),
            "monthly_spend_trend": slope.where(count > 1, 0),
        }
    )
