"""The shop's words and numbers: names of features and reasons, counts, shares and money, labels that wrap."""

import html
import math
import re
import textwrap
from collections.abc import Mapping
from datetime import date, datetime

from clientage.tables import TABLES

FEATURES: Mapping[str, str] = {
    "recency_days": "Days since last order",
    "tenure_days": "Days as a customer",
    "frequency": "Orders",
    "monetary": "Spend",
    "lines_per_basket": "Lines per order",
    "units_per_line": "Units per line",
    "invoices": "Orders and returns",
    "units": "Units bought",
    "spend": "Spend less returns",
    "spend_per_invoice": "Spend per order",
    "products": "Different products",
    "days_between_purchases": "Days between orders",
    "favourite_weekday": "Favourite weekday",
    "favourite_hour": "Favourite hour",
    "is_home_country": "In the home country",
    "cancelled_invoices": "Orders with a return",
    "cancellation_rate": "Return rate",
    "monthly_spend_mean": "Spend per active month",
    "monthly_spend_std": "Swing of monthly spend",
    "monthly_spend_trend": "Trend of monthly spend",
    "expected_orders": "Expected days with an order",
    "expected_spend": "Expected spend",
}

REASONS: Mapping[str, str] = {
    "unreadable": "a value could not be read",
    "incomplete": "no date, quantity or price",
    "impossible value": "an impossible number or date",
    "no customer": "no customer",
    "no description": "no product name",
    "duplicate": "the same line again",
    "service code": "postage, fees (by stock code)",
    "service description": "services (by product name)",
    "no price": "no price above zero",
}

RECOMMENDERS: Mapping[str, str] = {
    "ease": "EASE",
    "cosine": "Cosine",
    "popular": "Most popular",
    "popular lately": "Most popular lately",
    "cluster": "Best sellers of a cluster",
}

BUYERS: Mapping[str, str] = {"personal": "for themselves", "bulk": "in bulk", "reseller": "to sell on"}

UNKNOWN = "not known"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def feature_name(feature: str) -> str:
    """A feature in plain words; its own name, spaced, where there are none."""
    return FEATURES.get(feature, feature.replace("_", " ").capitalize())


def feature_unit(feature: str, currency: str = "") -> str:
    """What the feature is counted in; empty where that is plain."""
    column = TABLES["customers"].columns.get(feature)
    return currency if is_money(feature) else column.unit if column else ""


def is_money(feature: str) -> bool:
    """Whether the feature is an amount of money."""
    column = TABLES["customers"].columns.get(feature)
    return column is not None and column.unit == "currency"


def reason(name: str) -> str:
    """A cleaning rule in plain words."""
    return REASONS.get(name, name)


def recommender(model: str) -> str:
    """A way to recommend in plain words."""
    return RECOMMENDERS.get(model, model)


def buyer(kind: str) -> str:
    """A kind of buyer in plain words."""
    return BUYERS.get(kind, kind)


def count(value: float | None) -> str:
    """A whole number with thousands separators."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def customers(value: int) -> str:
    """So many customers."""
    return f"{value:,} customer{'s' * (value != 1)}"


def number(value: float | None) -> str:
    """Three digits of a small number, whole thousands separated."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 100:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.1f}".removesuffix(".0").replace("-", "−")


def share(value: float | None) -> str:
    """A share as a percentage; one decimal below one percent."""
    if value is None:
        return UNKNOWN
    if 0 < abs(value) < 0.0005:
        return "under 0.1%"
    digits = 1 if abs(value) < 0.0095 and value else 0
    return f"{value:.{digits}%}".replace("-", "−")


def times(lift: float | None) -> str:
    """How much more often than elsewhere; what nobody else does has no such number."""
    if lift is None or not math.isfinite(lift):
        return "only here"
    return f"{lift:.1f} times as often" if lift < 10 else f"{lift:,.0f} times as often"


def growth(recent: float, earlier: float) -> float | None:
    """Change from one time to the next, as a share of the first; None where there is nothing to compare with."""
    return recent / earlier - 1 if earlier > 0 else None


def change(recent: float, earlier: float) -> str:
    """The same in words."""
    value = growth(recent, earlier)
    if value is None:
        return "from zero" if recent > 0 else "no sales"
    return f"{value:+,.0%}".replace("-", "−") if abs(value) >= 0.005 else "unchanged"


def measured(value: float | None, error: float | None = None) -> str:
    """A figure to three decimals, with its standard error where there is one."""
    if value is None:
        return UNKNOWN
    return f"{value:.3f} ± {error:.3f}" if error is not None else f"{value:.3f}"


def prefix(currency: str) -> str:
    """The currency as it stands before an amount: signs touch the number, letters keep a space that does not break."""
    return f"{currency}\u00a0" if currency[-1:].isalpha() else currency


def money(value: float | None, currency: str = "") -> str:
    """An amount in whole units of the currency."""
    if value is None:
        return UNKNOWN
    return f"{'−' if value <= -0.5 else ''}{prefix(currency)}{abs(value):,.0f}"


def fitting_money(value: float | None, currency: str = "") -> str:
    """An amount that fits a small place: whole below ten million, else in three digits."""
    return money(value, currency) if value is None or abs(value) < 1e7 else short_money(value, currency)


def short_money(value: float, currency: str = "") -> str:
    """An amount in three digits, such as £1.16M."""
    # what would round to a thousand is told in the next size
    sizes = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
    size, letter = next(((size, letter) for size, letter in sizes if abs(value) >= 0.9995 * size), (1.0, ""))
    scaled = abs(value) / size
    digits = f"{scaled:.3g}" if scaled < 999.5 else f"{scaled:,.0f}"
    return f"{'−' if value < 0 else ''}{prefix(currency)}{digits}{letter}"


def amount(feature: str, value: float | None, currency: str = "") -> str:
    """A value of a feature with its unit, in few digits."""
    if value is None:
        return UNKNOWN
    if is_money(feature):
        return money(value, currency)
    if feature == "cancellation_rate":
        return share(value)
    if feature == "favourite_weekday":
        return WEEKDAYS[round(value) % 7]
    return number(value)


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def day(value: date | datetime | str) -> str:
    """A day as people write it: 9 December 2011. What cannot be read as one stays as it is."""
    try:
        found = value if isinstance(value, date) else datetime.fromisoformat(value)
    except ValueError:
        return str(value)
    return f"{found.day} {found:%B %Y}"


def as_date(value: date | str | None) -> date | None:
    """A date from a date or its ISO text."""
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value


def label(text: str, width: int = 42, lines: int = 2) -> str:
    """Text from data for a chart: Plotly's markup made harmless, long text wrapped and at last cut short."""
    found = textwrap.wrap(str(text), width, max_lines=lines, placeholder=" …") or [""]
    return "<br>".join(html.escape(line, quote=False) for line in found)


def colour(value: str | None) -> str:
    """A segment's colour; grey for what is none, so that nothing else gets into a style."""
    return value if value and _COLOUR.fullmatch(value) else "#767676"
