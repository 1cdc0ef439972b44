"""Polars, as those write it who know it well: expressions alone, lazy, by the streaming engine.

Of what was tried, this took the least: duplicates by a group and its cheapest line, then features from the lines left,
which are held, at once. Sorting all lines first took half as much again; aggregating to orders first gained nothing.
"""

from datetime import date

import polars as pl

SERVICES = ["Next Day Carriage", "High Resolution Image"]
SAME = ["invoice", "product", "description", "customer_id", "quantity"]
TWO_DIGITS = "[0-9][^0-9]*[0-9]"


def features(raw: str, as_of: date) -> pl.DataFrame:
    """One row per customer, as `by_pandas.features` gives it."""
    lines = clean(pl.scan_parquet(raw)).collect(engine="streaming").lazy()
    lines = lines.filter(pl.col("invoiced_at") < as_of)
    home = lines.group_by("country").len().sort("len", descending=True).select(home=pl.col("country").first())
    customers = totals(lines, as_of).join(monthly(lines), on="customer_id").join(home, how="cross")
    return ratios(customers).sort("customer_id").collect(engine="streaming")


def clean(received: pl.LazyFrame) -> pl.LazyFrame:
    """The order lines that count, each once, with their day and amount."""
    counting = received.filter(
        pl.col("unreadable").is_null(),
        pl.col("customer_id", "description").is_not_null(),
        pl.col("quantity", "unit_price").abs() <= 1e8,
        pl.col("invoiced_at").dt.year().is_between(1970, 2099),
        pl.col("product").str.contains(TWO_DIGITS),
        ~pl.col("description").is_in(SERVICES),
        pl.col("unit_price") > 0,
    )
    cheapest = pl.col("unit_price", "invoiced_at", "country").min_by(pl.struct("unit_price", "invoiced_at"))
    return (
        counting.group_by(SAME)
        .agg(cheapest)
        .with_columns(day=pl.col("invoiced_at").dt.date(), amount=pl.col("quantity") * pl.col("unit_price"))
        .drop("description", "unit_price")
    )


def totals(lines: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """What one pass over the lines gives, one row per customer; ties of what is most frequent go to the lowest."""
    cancelled = pl.col("amount") < 0
    gaps = pl.col("day").n_unique() - 1
    span = (pl.col("day").max() - pl.col("day").min()).dt.total_days()
    return lines.group_by("customer_id").agg(
        recency_days=(as_of - pl.col("day").max()).dt.total_days(),
        tenure_days=(as_of - pl.col("day").min()).dt.total_days(),
        frequency=pl.col("invoice").filter(~cancelled).n_unique(),
        invoices=pl.col("invoice").n_unique(),
        cancelled_invoices=pl.col("invoice").filter(cancelled).n_unique(),
        products=pl.col("product").n_unique(),
        units=pl.col("quantity").sum(),
        spend=pl.col("amount").sum(),
        lines_bought=(~cancelled).sum(),
        units_bought=pl.col("quantity").filter(~cancelled).sum(),
        days_between_purchases=pl.when(gaps > 0).then(span / gaps),
        favourite_weekday=(pl.col("day").dt.weekday() - 1).mode().min(),
        favourite_hour=pl.col("invoiced_at").dt.hour().mode().min(),
        country=pl.col("country").mode().min(),
    )


def monthly(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Mean, standard deviation and least-squares slope of the spend of the months with an order."""
    months = lines.group_by("customer_id", month=pl.col("day").dt.truncate("1mo")).agg(pl.col("amount").sum())
    count = pl.len().cast(pl.Float64)
    middle = pl.int_range(pl.len()) - (count - 1) / 2
    slope = 12 * (middle * pl.col("amount").sort_by("month")).sum() / (count * (count**2 - 1))
    return months.group_by("customer_id").agg(
        monthly_spend_mean=pl.col("amount").mean(),
        monthly_spend_std=pl.col("amount").std().fill_null(0),
        monthly_spend_trend=pl.when(count > 1).then(slope).otherwise(0),
    )


def ratios(customers: pl.LazyFrame) -> pl.LazyFrame:
    """The columns that follow from others."""
    frequency, bought = pl.col("frequency"), pl.col("lines_bought")
    return customers.with_columns(
        monetary=pl.col("spend").clip(lower_bound=0),
        spend_per_invoice=pl.col("spend") / pl.col("invoices"),
        cancellation_rate=pl.col("cancelled_invoices") / pl.col("invoices"),
        lines_per_basket=pl.when(frequency > 0).then(bought / frequency).otherwise(0),
        units_per_line=pl.when(bought > 0).then(pl.col("units_bought") / bought).otherwise(0),
        is_home_country=pl.col("country") == pl.col("home"),
    ).drop("home", "lines_bought", "units_bought")
