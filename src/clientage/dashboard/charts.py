"""Charts that only the dashboard has: flows between segments, measures over time, one customer's history.

As in `clientage.report.charts`: small tables in, the question as title, text from data through `words.label`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from clientage.report import words
from clientage.report.panels import ALERT, NEUTRAL, QUIET, Chart, Row, chart, money_axis
from clientage.report.words import label

SHADES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C6D31", "#56B4E9", "#5B5B5B", "#7B4FB5")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
MOST_LINES = 12
FAR = 30  # times the median: where the largest is further away, all else would lie on the axis
_TIME: Mapping[str, Any] = {"type": "date", "showgrid": False}
NAMES: Mapping[str, str] = {
    "psi": "population stability index", "ks": "Kolmogorov-Smirnov distance", "wasserstein": "Wasserstein distance",
    "outside": "share outside the range of the model", "mix": "change of the segment mix",
    "moved": "customers who changed segment", "refit": "disagreement with segments made anew",
    "p50": "half the answers took less (s)", "p95": "95 of 100 answers took less (s)",
    "p99": "99 of 100 answers took less (s)", "auc": "AUC of buying again", "empty": "share of lines without a value",
    "set aside": "share of lines set aside", "latency": "latency (s)",
}  # fmt: skip


def measure_name(measure: str) -> str:
    """A measure in plain words."""
    return NAMES.get(measure, measure.replace("_", " "))


def subject_name(subject: str, segments: Mapping[int, str]) -> str:
    """What was measured, in plain words: a feature, a segment by its number, or as it stands."""
    if subject.isdigit() and int(subject) in segments:
        return segments[int(subject)]
    return words.FEATURES.get(subject, subject.replace("_", " ")) or "all"


def flows(found: Sequence[Row], names: Mapping[int, str], colours: Mapping[int, str], told: str) -> Chart:
    """Who went from which segment to which.

    Args:
        found: from_segment_id (0 for who is new: left out where there are others), segment_id, customers.
        names: Of segments.
        colours: Of segments.
        told: What is to be seen.
    """
    found = [row for row in found if row["from_segment_id"]] or found
    left = sorted({row["from_segment_id"] for row in found})
    right = sorted({row["segment_id"] for row in found})
    places = {("then", own): i for i, own in enumerate(left)}
    places |= {("now", own): len(left) + i for i, own in enumerate(right)}
    shades = {own: words.colour(colours.get(own)) for own in {*left, *right}}
    node = {
        "label": [label(names.get(own, f"segment {own}"), 40, 1) for _, own in places],
        "color": [shades[own] for _, own in places], "pad": 22, "thickness": 16, "line": {"width": 0},
        "hovertemplate": "%{label}: %{value:,.0f} customers<extra></extra>",
    }  # fmt: skip
    link = {
        "source": [places["then", row["from_segment_id"]] for row in found],
        "target": [places["now", row["segment_id"]] for row in found],
        "value": [row["customers"] for row in found],
        "color": [f"{shades[row['from_segment_id']]}66" for row in found],
        "hovertemplate": "%{source.label} → %{target.label}<br>%{value:,.0f} customers<extra></extra>",
    }
    trace = {"type": "sankey", "node": node, "link": link, "textfont": {"size": 12, "shadow": "none"}}
    return chart("flows", "Who went where?", [trace], 120 + 55 * max(len(left), len(right)), told, margin={"b": 16})


def mix(found: Sequence[Row], names: Mapping[int, str], colours: Mapping[int, str]) -> Chart:
    """Share of each segment over time.

    Args:
        found: since, segment_id, customers.
        names: Of segments.
        colours: Of segments.
    """
    total: dict[Any, int] = {}
    for row in found:
        total[row["since"]] = total.get(row["since"], 0) + row["customers"]
    traces = []
    for own in sorted({row["segment_id"] for row in found}):
        mine = [row for row in found if row["segment_id"] == own]
        trace = {
            "type": "scatter", "mode": "lines", "stackgroup": "all", "name": label(names.get(own, f"segment {own}")),
            "x": [row["since"].isoformat() for row in mine],
            "y": [row["customers"] / max(total[row["since"]], 1) for row in mine],
            "line": {"width": 0.5, "color": words.colour(colours.get(own))},
            "hovertemplate": "%{x|%d %B %Y}<br>%{fullData.name}: %{y:.1%}<extra></extra>",
        }  # fmt: skip
        traces.append(trace)
    return chart(
        "mix", "How large is each segment?", traces, 320, _largest(found, names), xaxis=_TIME,
        yaxis={"title": {"text": "Share of customers (%)"}, "tickformat": ".0%", "range": [0, 1]},
    )  # fmt: skip


def _largest(found: Sequence[Row], names: Mapping[int, str]) -> str:
    last = max(row["since"] for row in found)
    now = [row for row in found if row["since"] == last]
    best = max(now, key=lambda row: row["customers"])
    total = sum(row["customers"] for row in now) or 1
    name = names.get(best["segment_id"], f"segment {best['segment_id']}")
    return f"On {words.day(last)} “{name}” is the largest, with {words.share(best['customers'] / total)} of customers."


def feature(name: str, figures: Mapping[str, Sequence[Row]], currency: str = "") -> Chart:
    """A feature over time: its range, mean and median, with the range that the model was made from.

    Args:
        name: The feature.
        figures: Rows of `drift` for min, max, mean and median.
        currency: Put before money.
    """
    shown = {what: [row for row in rows if row["value"] is not None] for what, rows in figures.items()}
    styles = {
        "max": {"color": QUIET, "width": 1.5}, "min": {"color": QUIET, "width": 1.5},
        "mean": {"color": NEUTRAL, "width": 2, "dash": "dash"}, "median": {"color": NEUTRAL, "width": 2.5},
    }  # fmt: skip
    traces = [_line(shown.get(what, ()), what, style) for what, style in styles.items()]
    traces += [
        limit for what, side in (("min", "low"), ("max", "high")) for limit in _bounds(shown.get(what, ()), side)
    ]
    out = [row for what in ("min", "max") for row in shown.get(what, ()) if beyond(row)]
    traces.append(_marked(out, "outside the training range"))
    title = f"How does {words.feature_name(name).lower()} develop?"
    axis = money_axis(words.feature_name(name), currency) if words.is_money(name) else _axis(name)
    if _is_far(shown):
        axis = {**axis, "type": "log", "dtick": 1}
    return chart(
        "feature", title, traces, 360, _feature_reading(name, out, shown, currency), xaxis=_TIME, yaxis=axis,
        showlegend=True, margin={"t": 16},
    )  # fmt: skip


def _is_far(shown: Mapping[str, Sequence[Row]]) -> bool:
    """Whether only a logarithmic axis shows the median and the largest together, and nothing is lost on it."""
    values = [row[of] for rows in shown.values() for row in rows for of in ("value", "low", "high")]
    known = [value for value in values if value is not None]
    medians = [row["value"] for row in shown.get("median") or ()]
    return bool(medians) and min(known) > 0 and max(known) > FAR * max(medians)


def _axis(name: str) -> dict[str, Any]:
    unit = words.feature_unit(name)
    plain = words.feature_name(name)
    return {"title": {"text": f"{plain} ({unit})" if unit and unit not in plain.lower() else plain}}


def _feature_reading(name: str, out: Sequence[Row], shown: Mapping[str, Sequence[Row]], currency: str) -> str:
    windows = {row["window"] for rows in shown.values() for row in rows}
    if not windows:
        return "Not known for these windows."
    medians = shown.get("median") or ()
    now = f"The last median is {words.amount(name, medians[-1]['value'], currency)}. " if medians else ""
    outside = len({row["window"] for row in out})
    told = f"in {outside} of {len(windows)} windows a customer" if outside else "in no window any customer"
    return f"{now}The dashed limits are the range that the model was made from: {told} lay outside."


def over_time(measure: str, found: Sequence[Row], segments: Mapping[int, str], place: str = "measure") -> Chart:
    """A measure over the windows, a line for each of its subjects, with its limits; what is drift is marked.

    Of many subjects those furthest from the usual are drawn; the reading is of all.

    Args:
        measure: Which.
        found: Rows of `drift`.
        segments: Names of segments by number.
        place: Id of the chart.
    """
    known = [row for row in found if row["value"] is not None]
    worst = sorted({row["subject"] for row in known}, key=lambda own: _distance(known, own))[:MOST_LINES]
    traces: list[dict[str, Any]] = []
    for turn, own in enumerate(sorted(worst)):
        mine = [row for row in known if row["subject"] == own]
        style = {"color": SHADES[turn % 8], "width": 2, "dash": DASHES[turn // 8 % 5]}
        traces.append(_line(mine, label(subject_name(own, segments)), style))
    if len(worst) == 1:
        traces += [limit for side in ("low", "high") for limit in _bounds(known, side)]
    else:
        traces += _bounds(sorted(known, key=lambda row: row["window"]), "high", widest=True)
    out = [row for row in known if row["verdict"] == "drift"]
    traces.append(_marked([row for row in out if row["subject"] in worst], "drift"))
    name = measure_name(measure)
    return chart(
        place, f"{name[0].upper()}{name[1:]}: is it as usual?", traces, 340, _reading(known, out, segments),
        xaxis=_TIME, yaxis={"title": {"text": name}, "rangemode": "tozero"}, showlegend=True, margin={"t": 16},
    )  # fmt: skip


def _distance(rows: Sequence[Row], subject: str) -> tuple[bool, float, str]:
    """What to sort by, so that those which drift come first, then those furthest from the usual."""
    mine = [row for row in rows if row["subject"] == subject]
    furthest = max((row["score"] for row in mine if row["score"] is not None), default=0.0)
    return all(row["verdict"] != "drift" for row in mine), -furthest, subject


def _reading(known: Sequence[Row], out: Sequence[Row], segments: Mapping[int, str]) -> str:
    if not known:
        return "It could not be told in any window."
    windows = len({row["window"] for row in known})
    if not out:
        return f"Within its limits in all {windows} windows."
    last = max(out, key=lambda row: (row["window"], row["value"]))
    of = f" of {subject_name(last['subject'], segments).lower()}" if last["subject"] else ""
    drifted = len({row["window"] for row in out})
    return f"Beyond its limit in {drifted} of {windows} windows, lately{of} in that of {words.day(last['window'])}."


def beyond(row: Row) -> bool:
    """Whether a value lies outside its limits."""
    low, high = row["low"], row["high"]
    return bool((low is not None and row["value"] < low) or (high is not None and row["value"] > high))


def _line(rows: Sequence[Row], name: str, style: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "line": dict(style), "marker": {"size": 4},
        "x": [row["window"].isoformat() for row in rows], "y": [row["value"] for row in rows],
        "hovertemplate": "%{x|%d %B %Y}<br>%{fullData.name}: %{y:,.4~g}<extra></extra>",
    }  # fmt: skip


def _bounds(rows: Sequence[Row], side: str, *, widest: bool = False) -> list[dict[str, Any]]:
    """The limit on one side as a line, where there is one; of many the furthest."""
    limits: dict[str, float] = {}
    for row in rows:
        if row[side] is not None:
            at = row["window"].isoformat()
            limits[at] = max(row[side], limits.get(at, row[side])) if widest else row[side]
    if not limits:
        return []
    style = {"color": ALERT, "width": 1.5, "dash": "dash"}
    return [
        {"type": "scatter", "mode": "lines", "name": {"low": "lower limit", "high": "upper limit"}[side]}
        | {"x": list(limits), "y": list(limits.values()), "line": style, "hoverinfo": "skip"}
    ]


def _marked(rows: Sequence[Row], name: str) -> dict[str, Any]:
    ring = {"size": 13, "symbol": "circle-open", "color": ALERT, "line": {"width": 2.5}}
    return {
        "type": "scatter", "mode": "markers", "name": name, "marker": ring, "hoverinfo": "skip",
        "x": [row["window"].isoformat() for row in rows], "y": [row["value"] for row in rows],
    }  # fmt: skip


def records(found: Sequence[Row]) -> Chart:
    """How many rows each window rested on, a line for each area.

    Args:
        found: area, window, rows.
    """
    areas = sorted({row["area"] for row in found} - {"all"})
    traces = [
        _line(
            [{**row, "value": row["rows"]} for row in found if row["area"] == area and row["rows"] is not None], area,
            {"color": SHADES[i % 8], "width": 2, "dash": DASHES[i // 8 % 5]},
        )
        for i, area in enumerate(areas)
    ]  # fmt: skip
    axis = {"title": {"text": "Lines, customers or predictions"}, "rangemode": "tozero"}
    told = f"{len({row['window'] for row in found})} windows were compared."
    return chart(
        "records", "On how much does it rest?", traces, 320, told, xaxis=_TIME, yaxis=axis, showlegend=True,
        margin={"t": 16},
    )  # fmt: skip


def history(months: Sequence[Row], currency: str = "") -> Chart:
    """What one customer spent, less returns, by month.

    Args:
        months: month, amount.
        currency: Put before money.
    """
    told = [f"{row['month']:%B %Y}: {label(words.money(row['amount'], currency))}" for row in months]
    bars = {
        "type": "bar", "x": [row["month"].isoformat() for row in months], "y": [row["amount"] for row in months],
        "marker": {"color": [NEUTRAL if row["amount"] >= 0 else ALERT for row in months]},
        "hovertext": told, "hoverinfo": "text",
    }  # fmt: skip
    best = max(months, key=lambda row: row["amount"])
    reading = f"Most in {best['month']:%B %Y}: {words.money(best['amount'], currency)}."
    return chart(
        "history", "What did this customer spend?", [bars], 280, reading, bargap=0.3,
        xaxis={**_TIME, "tickformat": "%b\n%Y"}, yaxis=money_axis("Spend less returns", currency),
    )  # fmt: skip
