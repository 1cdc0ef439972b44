"""Small shops as the tables the report reads, each held against its promise."""

import math
from datetime import date, datetime, timedelta

import ibis
import plotly.graph_objects as go
import pyarrow as pa

from clientage.tables import TABLES, arrow_schema, check

AS_OF = date(2024, 6, 11)
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C6D31", "#5B5B5B", "#7B4FB5", "#B2A800",
)  # fmt: skip
FEATURES = [name for name, column in TABLES["customers"].columns.items() if column.kind in ("integer", "number")]

FACTS = {
    "as_of": AS_OF,
    "data": "d" * 64,
    "settings": "5" * 64,
    "source": {
        "files": ["orders.csv"],
        "first": "2024-01-03 09:00:00",
        "last": "2024-06-10 12:00:00",
        "currency": "£",
        "shop": "Corner shop",
        "missing_features": {},
    },
    "tables": {"transactions": 1234567},
    "reasons": {"no customer": 3, "duplicate": 1},
    "choice": {
        "recipe": "behaviour",
        "k": 3,
        "reason": "the most that stay stable (ARI 0.86)",
        "buyers": {"bulk": "at least 60 units a line", "reseller": "at least 60 units a line and £1,090 an order"},
    },
    "recommender": {"model": "ease", "reason": "the default"},
    "versions": {"python": "3.12.0"},
}


def drawn(chart):
    """A chart of the page as a figure that Plotly knows."""
    return held(chart.figure)


def held(figure):
    """A figure held against Plotly's schema: every part there is, with a value that it takes."""
    return go.Figure(figure)


def name(segment_id):
    return f"Segment {segment_id} spenders · cooling down · very frequent"


def arrow(table, rows):
    """Rows as a table that keeps its promise; optional columns that no row has are absent."""
    schema = arrow_schema(table)
    names = [field.name for field in schema if not rows or field.name in rows[0]]
    return pa.Table.from_pylist(rows, pa.schema([schema.field(each) for each in names]))


def shop(segments=3, last_size=1, currency="£", **text):
    """All tables of a small shop, as Arrow.

    Args:
        segments: How many.
        last_size: Customers in the last one.
        currency: In the summaries.
        text: `country`, `segment`, `product`, `reason`, `recipe`, `model`, `weights`: other names for
            the first of each.
    """
    sizes = [12] * (segments - 1) + [last_size]
    who = [(f"c{g:02}-{i:03}", g + 1, i) for g, size in enumerate(sizes) for i in range(size)]
    total = sum(sizes)
    names = {g + 1: name(g + 1) for g in range(segments)}
    names[1] = text.get("segment", names[1])
    return {
        "customers": arrow("customers", [_customer(*each) for each in who]),
        "segments": arrow("segments", [_member(*each, names) for each in who]),
        "lines": arrow("lines", [line for each in who for line in _lines(*each, text.get("country", "Ruritania"))]),
        "rejected": arrow("rejected", _rejected(text.get("reason", "duplicate"))),
        "profiles": arrow("profiles", [_profile(g + 1, size, total, names, currency) for g, size in enumerate(sizes)]),
        "traits": arrow(
            "traits", [_trait(g + 1, f, feature) for g in range(segments) for f, feature in enumerate(FEATURES)]
        ),
        "quality": arrow(
            "quality", [_quality(day, k) for day in (AS_OF, AS_OF - timedelta(days=90)) for k in range(2, 7)]
        ),
        "candidates": arrow("candidates", _candidates(text.get("weights", "monetary 2"))),
        "evaluation": arrow("evaluation", _evaluation(text.get("recipe", "behaviour"))),
        "regions": arrow("regions", _regions(names, text.get("country", "Ruritania"))),
        "recommendations": arrow("recommendations", [row for each in who for row in _recommendations(*each)]),
        "favourites": arrow("favourites", _favourites(names, text.get("product", "Blue lamp"))),
        "recommenders": arrow("recommenders", _recommenders(text.get("model", "ease"))),
        "values": arrow("values", _values()),
    }


def expressions(tables, engine):
    """The tables as checked expressions on an engine."""
    return {
        each: check(each, engine.create_table(ibis.util.gen_name(each), table, temp=True))
        for each, table in tables.items()
    }


def _customer(customer, segment_id, i):
    row = {feature: round(1 + abs(math.sin(3 * i + segment_id + f)) * 10, 2) for f, feature in enumerate(FEATURES)}
    whole = {
        feature: int(value) for feature, value in row.items() if TABLES["customers"].columns[feature].kind == "integer"
    }
    rest = {"days_between_purchases": None if i % 3 else 4.5, "cancellation_rate": 0.1 * (i % 4), "spend": 90.0}
    return (
        row | whole | rest | {"customer_id": customer, "as_of": AS_OF, "country": "Ruritania", "is_home_country": True}
    )


def _member(customer, segment_id, i, names):
    place = {f"pc{axis}": math.sin(axis * i) + segment_id * (axis == 1) for axis in (1, 2, 3)}
    return {
        "customer_id": customer,
        "segment_id": segment_id,
        "segment": names[segment_id],
        "wholesale": i == 1,
        "buyer": ("personal", "bulk", "reseller")[i % 3],
    } | place


def _lines(customer, segment_id, i, country):
    for month in range(1, 7):
        if (i + month) % (segment_id + 1) == 0 or month == 1:
            yield {
                "invoice": f"{customer}-{month}",
                "product": f"P{i}",
                "description": "Lamp",
                "quantity": 2.0,
                "invoiced_at": datetime(2024, month, 3 + i % 6, 9),
                "unit_price": 50.0 * (5 - min(segment_id, 4)),
                "customer_id": customer,
                "country": country if i % 2 else f"Land {i}",
                "cancelled": False,
                "amount": 100.0 * (5 - min(segment_id, 4)),
            }


def _rejected(reason):
    base = {"invoiced_at": datetime(2024, 2, 3), "customer_id": None, "unreadable": None}
    return [base | {"reason": each} for each in ("no customer", "no customer", "no customer", reason)]


def _profile(segment_id, size, total, names, currency):
    return {
        "segment_id": segment_id,
        "segment": names[segment_id],
        "colour": PALETTE[segment_id - 1],
        "customers": size,
        "share": size / total,
        "revenue": 90.0 * size,
        "revenue_share": 1 / segment_id / sum(1 / g for g in names),
        "horizon_days": 90,
        "buys_again": 0.5 / segment_id,
        "next_spend": 1234.5,
        "expected_spend": 567.4 / segment_id,
        "wholesale_share": 0.08,
        "bulk_share": 0.06,
        "reseller_share": 0.02,
        "summary": f"{size} customers, {currency}90 each.",
        "action": "keep: early access",
        "rule": "more than 6 orders",
        "rule_precision": 0.9,
        "rule_recall": 0.8,
    }


def _trait(segment_id, f, feature):
    middle = 10.0 * segment_id + f
    if feature == "cancellation_rate":
        middle = 0.1
    ends = {"p05": 0.0, "p25": middle / 2, "median": middle, "p75": middle * 2, "p95": middle * 40}
    return {
        "segment_id": segment_id,
        "feature": feature,
        "mean": middle,
        "lift": 1.2,
        "z": math.sin(segment_id + f),
    } | ends


def _quality(day, k):
    figures = {"inertia": 9000 / k, "silhouette": 0.2, "davies_bouldin": 1.4, "calinski_harabasz": 1500.0}
    steady = {"stability": 0.95 - k / 50, "stability_se": 0.02, "smallest_share": 0.1, "chosen": k == 3}
    return {"as_of": day, "k": k} | figures | steady


def _candidates(weights):
    """Two recipes, two numbers of segments, three of starts; the number of segments decides, the starts nearly not."""
    tried = [(recipe, k, n) for recipe in ("behaviour", "rfm") for k in (3, 8) for n in (1, 10, 50)]
    return [
        {"candidate": i, "recipe": recipe, "log": True, "weights": "" if recipe == "rfm" else weights, "init": "random"}
        | {"k": k, "n_init": n, "max_iter": 300, "inertia": 9000 / k - n / 100 + (recipe == "rfm")}
        | {"silhouette": 0.3 - k / 50 + n / 1e4, "davies_bouldin": 1 + k / 10, "calinski_harabasz": 2000.0 - k}
        | {"stability": 1 - k / 25, "stability_se": 0.01, "smallest_share": 0.3 / k, "r2": 0.2 + k / 100, "auc": 0.7}
        | {"chosen": i == 3}
        for i, (recipe, k, n) in enumerate(tried, 1)
    ]


def _evaluation(recipe):
    return [
        {"recipe": each, "groups": groups, "cutoff": cutoff, "customers": 100, "r2": 0.1 + i / 50, "r2_se": 0.01}
        | {"auc": 0.6 + i / 50, "auc_se": 0.01, "stability": 0.8, "smallest_share": 0.1}
        for cutoff in (date(2024, 1, 1), date(2024, 2, 1))
        for groups in (3, 8)
        for i, each in enumerate((recipe, "rfm", "quintiles"))
    ]


def _regions(segments, country):
    """Countries of which one has no place, one grows, one shrinks, and one sold nothing before."""
    found = {country: (40.0, 30.0, 20.0), "EIRE": (900.0, 100.0, 200.0), "France": (300.0, 80.0, 0.0)}
    found["United Kingdom"] = (2000.0, 600.0, 400.0)
    return [
        {"country": each, "segment_id": segment, "customers": 10 * segment, "active": 3 * segment}
        | {"revenue": revenue, "recent": recent, "earlier": earlier}
        for each, (revenue, recent, earlier) in found.items()
        for segment in segments
    ]


def _recommendations(customer, segment_id, i):
    """Ten for each, one in four customers only what is popular."""
    return [
        {"customer_id": customer, "rank": rank, "product": f"P{rank + i % 2}", "description": f"Lamp {rank + i % 2}"}
        | {"score": 1 / rank, "because": "P9" if i % 4 else None, "model": "ease" if i % 4 else "popular"}
        for rank in range(1, 11)
    ]


def _favourites(segments, product):
    return [
        {"segment_id": segment, "rank": rank, "product": f"F{rank}", "description": product if rank == 1 else None}
        | {"customers": 4, "share": 0.4 / rank, "lift": 3.24 / rank}
        for segment in segments
        for rank in range(1, 8)
    ]


def _recommenders(model):
    return [
        {"model": each, "cutoff": cutoff, "customers": 100, "recall_10": 0.12 / i, "precision_3": 0.09 / i}
        | {"ndcg_10": 0.13 / i, "ndcg_10_se": 0.004, "mrr": 0.24 / i, "coverage": 0.4 / i, "served": 1.0}
        for cutoff in (date(2024, 1, 1), date(2024, 2, 1))
        for i, each in enumerate((model, "cosine", "popular lately", "popular"), 1)
    ]


def _values():
    found = (("expected", 0.52, 1.1), ("last horizon", 0.40, 0.7), ("all so far", 0.45, 1.5))
    return [
        {
            "forecast": each,
            "cutoff": cutoff,
            "tenth": tenth,
            "customers": 10,
            "spearman": None if tenth else rank + late,
        }
        | {"forecast_spend": times * 2000 / max(tenth, 1), "spend": 2000 / max(tenth, 1)}
        for each, rank, times in found
        for cutoff, late in ((date(2024, 1, 1), 0.02), (date(2024, 2, 1), 0.0))
        for tenth in range(11)
    ]


def played(number, verdict="ok", score=0.5, **more):
    """A row of the table `story`."""
    day = date(2011, 6, 30) + timedelta(days=7 * number)
    known = {"r2_before": None, "r2_after": None, "auc_before": None, "auc_after": None}
    window = None if verdict is None else day - timedelta(days=10)
    return {
        "day": day, "lines": 1000 + number, "customers": 100 + number, "new_customers": 1 if number else None,
        "windows": int(window is not None), "drifting": int(verdict == "drift"), "window": window, "verdict": verdict,
        "score": score, "because": "", "retrained": False, "promoted": False, "gate": "", "champion": 1,
    } | known | more  # fmt: skip
