"""Tables that grow beside those of a run: what the service answered, and what monitoring found."""

from clientage.tables.run import RECEIVED, SEGMENT
from clientage.tables.spec import Column, TableSpec

PREDICTIONS = TableSpec(
    "instance of an answered request",
    ("prediction_id",),
    {
        "prediction_id": Column("text", "The request and the place in it, such as `7f3a-0`"),
        "request_id": Column("text", "The request"),
        "place": Column("integer", "Place of the customer in the request, from 0"),
        "time": Column("time", "When the request was answered, in UTC"),
        "version": Column("text", "Version of the model that answered"),
        "form": Column("text", "What the request gave: features, customer, purchases or components"),
        "customer_id": Column("text", "Customer, as the request gave it; null where it gave none"),
        "inputs": Column("text", "The numbers the model saw, as a JSON object; null where one was missing"),
        **SEGMENT,
        "distance": Column("number", "Distance to the centroid of the segment, in the model's space; null for a grid"),
        "runner_up": Column("integer", "Number of the next nearest segment; null for a grid"),
        "shadow_version": Column("text", "Version of the model that was asked beside it; null where there was none"),
        "shadow_segment_id": Column("integer", "Number of the segment by that one"),
        "latency": Column("number", "From the request to its answer", "s"),
        "error": Column(
            "text",
            "Kind of problem for which the instance was refused, such as missing feature: then there are no inputs, no "
            "customer and no segment; null where it was answered",
        ),
    },
)
"""A folder that grows as the model is asked, and no table of a run: see `clientage.serving`."""

WATCHED: dict[str, TableSpec] = {
    "drift": TableSpec(
        "window × area × measure × subject",
        ("window", "area", "measure", "subject"),
        {
            "window": Column("date", "Its first day"),
            "days": Column("integer", "Its length", "days"),
            "reference": Column("flag", "Whether the model was made in it: judged as if it had been left out"),
            "model": Column("text", "The model it was held against: the beginning of its checksum"),
            "area": Column(
                "text",
                "all, volume, items, orders, missing, customers, segments, outcomes, predictions or service: "
                "where it was looked at",
            ),
            "measure": Column("text", "What was measured"),
            "subject": Column("text", "Of which feature, column or segment; empty for all of it"),
            "value": Column("number", "What was found; null where it cannot be told"),
            "expected": Column("number", "The median over the windows of the reference; null where there is none"),
            "low": Column("number", "Drift below it; null where there is no such limit"),
            "high": Column("number", "Drift above it; null where there is no such limit"),
            "score": Column("number", "How far from what was expected, 1 at the limit; null where there is none"),
            "verdict": Column("text", "ok, watch or drift; unknown where it cannot be told"),
            "because": Column("text", "What moved most, in words; empty where nothing is to be said"),
            "rows": Column("integer", "Lines, customers or predictions behind it"),
        },
    ),
    "journeys": TableSpec(
        "customer × change of segment",
        ("customer_id", "since"),
        {
            "customer_id": RECEIVED["customer_id"],
            "since": Column("date", "The day that the customer was found in it: that after a window"),
            **SEGMENT,
        },
    ),
    "episodes": TableSpec(
        "time of drift",
        ("opened",),
        {
            "opened": Column("date", "First day of its first window with drift"),
            "last": Column("date", "First day of its last window with drift"),
            "resolved": Column("date", "First day of the window that was well again; null while it goes on"),
            "windows": Column("integer", "Windows with drift in it", "windows"),
            "because": Column("text", "What moved, in words"),
        },
    ),
    "story": TableSpec(
        "day that was played",
        ("day",),
        {
            "day": Column("date", "The day; what came before it was there"),
            "lines": Column("integer", "Order lines that had come by then"),
            "customers": Column("integer", "Customers by then"),
            "new_customers": Column("integer", "Those who came since the day before in this table; null for the first"),
            "windows": Column("integer", "Windows that had become whole since the day before in this table"),
            "drifting": Column("integer", "Those of them that drifted"),
            "window": Column("date", "First day of the worst of them; null where there is none"),
            "verdict": Column("text", "On that window: ok, watch, drift or unknown; null without one"),
            "score": Column(
                "number", "How far its worst measure was from the usual, 1 at the limit; null where it cannot be told"
            ),
            "because": Column("text", "What moved, in words"),
            "retrained": Column("flag", "Whether a model was trained on that day"),
            "promoted": Column("flag", "Whether it became the champion"),
            "gate": Column("text", "What the gate said of it; empty where none was trained"),
            "champion": Column("integer", "Version of the champion after that day"),
            "r2_before": Column("number", "R² of spend of the champion it was to replace; null where none was trained"),
            "r2_after": Column("number", "The same of the new model, on the same customers and days"),
            "auc_before": Column("number", "AUC of buying again of the champion it was to replace"),
            "auc_after": Column("number", "The same of the new model"),
        },
    ),
}
"""Made by `clientage monitor` and kept from run to run; `story` is made by `clientage replay`, anew each time."""
