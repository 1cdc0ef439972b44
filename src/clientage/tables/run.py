"""The tables of a run."""

from collections.abc import Mapping

from clientage.tables.spec import Column, TableSpec

RECEIVED = {
    "invoice": Column("text", "Order number, as it came", optional=True),
    "product": Column("text", "Stock code, as it came", optional=True),
    "description": Column("text", "Product name, as it came", optional=True),
    "quantity": Column("number", "Units; negative when returned", "units", optional=True),
    "invoiced_at": Column("time", "When the order was placed, the shop's own time"),
    "unit_price": Column("number", "Price of one unit", "currency", optional=True),
    "total": Column("number", "Line total, where the shop gives it instead of a price", "currency", optional=True),
    "customer_id": Column("text", "Customer, as it came"),
    "country": Column("text", "Country, as it came", optional=True),
    "unreadable": Column("text", "What could not be read in this line, as it stood there; null when all was read"),
}

_BOUGHT = {name: column for name, column in RECEIVED.items() if name != "unreadable"}

SEGMENT = {
    "segment_id": Column("integer", "Number of the segment, in order of revenue when the model was made"),
    "segment": Column("text", "Name of the segment, in plain words"),
}

TABLES: Mapping[str, TableSpec] = {
    "transactions": TableSpec("order line as received", (), RECEIVED),
    "lines": TableSpec(
        "clean order line",
        (),
        {
            **_BOUGHT,
            "invoice": Column("text", "Order number; the customer's day where the shop has none"),
            "cancelled": Column("flag", "Whether the line takes goods back"),
            "amount": Column("number", "quantity × unit_price, or the line total; negative when returned", "currency"),
        },
    ),
    "rejected": TableSpec(
        "line not used", (), {**RECEIVED, "reason": Column("text", "The first cleaning rule that set the line aside")}
    ),
    "baskets": TableSpec(
        "customer, order and hour",
        (),
        {
            "customer_id": RECEIVED["customer_id"],
            "invoice": Column("text", "Order number; the customer's day where the shop has none"),
            "cancelled": Column("flag", "Whether its lines take goods back"),
            "country": Column("text", "Country, as it came", optional=True),
            "hour_at": Column("time", "The hour of its lines"),
            "lines": Column("integer", "Lines in it", "lines"),
            "units": Column("integer", "Units; negative when returned", "millionths", optional=True),
            "amount": Column("integer", "Amount of its lines; negative when returned", "millionths of the currency"),
        },
    ),
    "customers": TableSpec(
        "customer at `as_of`",
        ("customer_id",),
        {
            "customer_id": RECEIVED["customer_id"],
            "as_of": Column("date", "The day the features look back from; lines before it count"),
            "country": Column("text", "Country of most of the customer's lines", optional=True),
            "recency_days": Column("integer", "Days from the last line of any kind to `as_of`", "days"),
            "tenure_days": Column("integer", "Days from the first line to `as_of`", "days"),
            "frequency": Column("integer", "Orders that were completed", "orders"),
            "monetary": Column("number", "Spend less returns, not below zero", "currency"),
            "lines_per_basket": Column("number", "Lines in a completed order, on average", "lines"),
            "units_per_line": Column("number", "Units in a completed line, on average", "units", optional=True),
            "invoices": Column("integer", "Orders of any kind, cancellations included", "orders"),
            "units": Column("number", "Units bought less units returned", "units", optional=True),
            "spend": Column("number", "Spend less returns", "currency"),
            "spend_per_invoice": Column("number", "Spend less returns per order of any kind", "currency"),
            "products": Column("integer", "Different products", "products", optional=True),
            "days_between_purchases": Column(
                "number", "Mean days between distinct days with an order; null where there is one day", "days"
            ),
            "favourite_weekday": Column("integer", "Weekday of most lines; 0 is Monday, ties go to the lowest"),
            "favourite_hour": Column("integer", "Hour of most lines; ties go to the lowest"),
            "is_home_country": Column("flag", "Whether most lines went to the shop's own country", optional=True),
            "cancelled_invoices": Column("integer", "Orders with a return", "orders"),
            "cancellation_rate": Column("number", "Orders with a return per order, in [0, 1]"),
            "monthly_spend_mean": Column("number", "Mean spend of the months with an order", "currency"),
            "monthly_spend_std": Column("number", "Standard deviation of the same (sample); 0 for one", "currency"),
            "monthly_spend_trend": Column("number", "Slope over those months, in order; 0 for one", "currency"),
            "expected_orders": Column(
                "number", "Days with an order to expect within the horizon; a ranking", "days", optional=True
            ),
            "expected_spend": Column(
                "number", "Spend to expect within the horizon; a ranking", "currency", optional=True
            ),
        },
    ),
    "segments": TableSpec(
        "customer",
        ("customer_id",),
        {
            "customer_id": RECEIVED["customer_id"],
            **SEGMENT,
            "distance": Column(
                "number", "Distance to the centroid of the segment, in the model's space", optional=True
            ),
            "runner_up": Column("integer", "Number of the next nearest segment", optional=True),
            "runner_up_distance": Column("number", "Distance to the centroid of that one", optional=True),
            "move_segment": Column("integer", "Number of the segment that the smallest change leads to", optional=True),
            "move_feature": Column("text", "The one feature that has to change for it", optional=True),
            "move_to": Column("number", "The value it would have to pass, in its own unit", optional=True),
            "wholesale": Column("flag", "Buys like a trader: many more units a line than the shop's usual customer"),
            "buyer": Column("text", "Kind of buyer: personal, bulk or reseller"),
            "outlier": Column("flag", "Marked by the isolation forest (recipe `classic`)", optional=True),
            "pc1": Column("number", "First principal component, for the map of customers", optional=True),
            "pc2": Column("number", "Second principal component", optional=True),
            "pc3": Column("number", "Third principal component", optional=True),
        },
    ),
    "migrations": TableSpec(
        "segment before × segment now",
        ("from_segment_id", "segment_id"),
        {
            "from_segment_id": Column("integer", "Number of the segment by the model before"),
            "from_segment": Column("text", "Its name"),
            **SEGMENT,
            "customers": Column("integer", "Customers who went from the one to the other", "customers"),
            "share": Column("number", "Share of the customers of the segment before, in [0, 1]"),
        },
    ),
    "profiles": TableSpec(
        "segment",
        ("segment_id",),
        {
            **SEGMENT,
            "colour": Column("text", "Its colour everywhere, as #rrggbb"),
            "customers": Column("integer", "Customers in it", "customers"),
            "share": Column("number", "Share of all customers, in [0, 1]"),
            "revenue": Column("number", "Spend less returns of its customers", "currency"),
            "revenue_share": Column("number", "Share of all revenue, in [0, 1]"),
            "horizon_days": Column("integer", "How far the next two columns look ahead", "days"),
            "buys_again": Column(
                "number", "Share that bought within the horizon, in [0, 1]; at the last day it is known for"
            ),
            "next_spend": Column("number", "Mean spend in that horizon, less returns", "currency"),
            "expected_spend": Column(
                "number", "Mean spend to expect within the horizon from now on", "currency", optional=True
            ),
            "wholesale_share": Column("number", "Share flagged as wholesale, in [0, 1]"),
            "bulk_share": Column("number", "Share of bulk buyers, in [0, 1]"),
            "reseller_share": Column("number", "Share of resellers, in [0, 1]"),
            "summary": Column("text", "Who they are, in a sentence"),
            "action": Column("text", "What to do with them"),
            "rule": Column("text", "The segment as two or three conditions in the shop's units"),
            "rule_precision": Column("number", "Share of customers the rule picks that are in the segment"),
            "rule_recall": Column("number", "Share of the segment's customers that the rule picks"),
        },
    ),
    "traits": TableSpec(
        "segment × feature",
        ("segment_id", "feature"),
        {
            "segment_id": SEGMENT["segment_id"],
            "feature": Column("text", "A feature of `customers`"),
            "mean": Column("number", "Mean, in the feature's unit"),
            "p05": Column("number", "5% of the segment lie below"),
            "p25": Column("number", "25% lie below"),
            "median": Column("number", "Half lie below"),
            "p75": Column("number", "75% lie below"),
            "p95": Column("number", "95% lie below"),
            "lift": Column("number", "Mean of the segment over the mean of all customers"),
            "z": Column("number", "Mean of the segment in standard deviations of all customers, after log1p"),
        },
    ),
    "regions": TableSpec(
        "country × segment",
        ("country", "segment_id"),
        {
            "country": Column("text", "Country of most of the customer's lines"),
            "segment_id": SEGMENT["segment_id"],
            "customers": Column("integer", "Customers in it", "customers"),
            "active": Column("integer", "Those of them with an order in the last horizon", "customers"),
            "revenue": Column("number", "Spend less returns of its customers", "currency"),
            "recent": Column("number", "Of it, in the last horizon", "currency"),
            "earlier": Column("number", "Of it, in the horizon before that", "currency"),
        },
    ),
    "products": TableSpec(
        "product",
        ("product",),
        {
            "product": RECEIVED["product"],
            "description": Column("text", "Its most frequent name", optional=True),
            "customers": Column("integer", "Customers who bought and kept it", "customers"),
            "recent_customers": Column("integer", "Those of them who bought it in the last weeks", "customers"),
            "last_sold": Column("date", "Day of its last completed line"),
            "offered": Column("flag", "Whether it may be recommended: sold recently enough"),
        },
    ),
    "affinities": TableSpec(
        "product × product bought before",
        ("product", "bought"),
        {
            "product": Column("text", "The product to recommend"),
            "bought": Column("text", "A product that speaks for it"),
            "weight": Column("number", "By how much"),
        },
    ),
    "popularity": TableSpec(
        "segment × product",
        ("segment_id", "product"),
        {
            "segment_id": Column("integer", "Number of the segment; 0 for all customers"),
            "product": RECEIVED["product"],
            "share": Column("number", "Share of its buyers who bought and kept it, in [0, 1]"),
        },
    ),
    "recommendations": TableSpec(
        "customer × rank",
        ("customer_id", "rank"),
        {
            "customer_id": RECEIVED["customer_id"],
            "rank": Column("integer", "From 1, the best"),
            "product": Column("text", "What to offer"),
            "description": Column("text", "Its name", optional=True),
            "score": Column("number", "The sum of the weights; for popular products the share of customers"),
            "because": Column("text", "The bought product that spoke most for it; null where it is popular only"),
            "model": Column("text", "What recommends it: ease, cosine, popular or segment"),
        },
    ),
    "favourites": TableSpec(
        "segment × rank",
        ("segment_id", "rank"),
        {
            "segment_id": SEGMENT["segment_id"],
            "rank": Column("integer", "From 1, what sets the segment apart most"),
            "product": Column("text", "The product"),
            "description": Column("text", "Its name", optional=True),
            "customers": Column("integer", "Customers of the segment who bought it", "customers"),
            "share": Column("number", "Share of the segment who bought it, in [0, 1]"),
            "lift": Column("number", "That share over the share of all other customers; null where none of them did"),
        },
    ),
    "quality": TableSpec(
        "snapshot × number of segments",
        ("as_of", "k"),
        {
            "as_of": Column("date", "The snapshot"),
            "k": Column("integer", "Number of segments"),
            "inertia": Column("number", "Sum of squared distances to the centroids"),
            "silhouette": Column("number", "Mean silhouette (Rousseeuw 1987)"),
            "davies_bouldin": Column("number", "Davies-Bouldin index (1979)"),
            "calinski_harabasz": Column("number", "Calinski-Harabasz index (1974)"),
            "stability": Column(
                "number", "Mean adjusted Rand index over bootstrap refits; null where it was not needed"
            ),
            "stability_se": Column("number", "Its standard error"),
            "smallest_share": Column("number", "Share of customers in the smallest segment"),
            "chosen": Column("flag", "Whether this is the number in use"),
        },
    ),
    "candidates": TableSpec(
        "candidate of the last sweep",
        ("candidate",),
        {
            "candidate": Column("integer", "Its number, from 1, in the order of the grid"),
            "recipe": Column("text", "How customers were grouped"),
            "log": Column("flag", "Whether values were compared as signed logarithms"),
            "weights": Column("text", "Features with other weights than the recipe's; empty: the recipe's own"),
            "init": Column("text", "How k-means started: k-means++ or random"),
            "k": Column("integer", "Number of segments"),
            "n_init": Column("integer", "Starts of k-means; the best was kept"),
            "max_iter": Column("integer", "Most iterations of a start"),
            "inertia": Column("number", "Sum of squared distances to the centroids; only within a space to compare"),
            "silhouette": Column("number", "Mean silhouette (Rousseeuw 1987), on 5,000 customers at most"),
            "davies_bouldin": Column("number", "Davies-Bouldin index (1979)"),
            "calinski_harabasz": Column("number", "Calinski-Harabasz index (1974)"),
            "stability": Column("number", "Mean adjusted Rand index over bootstrap refits, whatever the starts"),
            "stability_se": Column("number", "Its standard error"),
            "smallest_share": Column("number", "Share of customers in the smallest segment"),
            "r2": Column("number", "R² of log1p(spend in the horizon) at the last cutoff; null where there is none"),
            "auc": Column("number", "AUC of buying again in that horizon; null where it is not known"),
            "chosen": Column("flag", "Whether this is the candidate in use"),
        },
    ),
    "evaluation": TableSpec(
        "recipe × number of groups × cutoff",
        ("recipe", "groups", "cutoff"),
        {
            "recipe": Column("text", "How customers were grouped"),
            "groups": Column("integer", "Number of groups"),
            "cutoff": Column("date", "Features from before, outcomes from after"),
            "customers": Column("integer", "Customers with a completed order before the cutoff", "customers"),
            "r2": Column("number", "R² of log1p(spend in the horizon), out of fold"),
            "r2_se": Column("number", "Its standard error (bootstrap over customers)"),
            "auc": Column("number", "AUC of buying again in the horizon, out of fold"),
            "auc_se": Column("number", "Its standard error"),
            "stability": Column("number", "Mean adjusted Rand index over bootstrap refits"),
            "smallest_share": Column("number", "Share of customers in the smallest group"),
        },
    ),
    "recommenders": TableSpec(
        "recommender × cutoff",
        ("model", "cutoff"),
        {
            "model": Column("text", "ease, cosine, popular, popular lately, or cluster"),
            "cutoff": Column("date", "Trained on what was bought before, judged by what was first bought after"),
            "customers": Column("integer", "Customers who bought something new in the horizon", "customers"),
            "recall_10": Column("number", "Share of what they bought among the 10 recommended"),
            "precision_3": Column("number", "Share of the 3 recommended that they bought"),
            "ndcg_10": Column("number", "Normalized discounted cumulative gain of 10 (Järvelin and Kekäläinen 2002)"),
            "ndcg_10_se": Column("number", "Its standard error"),
            "mrr": Column("number", "Mean reciprocal rank of the first hit among 10"),
            "coverage": Column("number", "Share of the catalogue that was recommended to anybody"),
            "served": Column("number", "Share of all customers who get a recommendation"),
        },
    ),
    "values": TableSpec(
        "forecast × cutoff × tenth",
        ("forecast", "cutoff", "tenth"),
        {
            "forecast": Column("text", "expected, last horizon or all so far"),
            "cutoff": Column("date", "Forecast from before, spend from after"),
            "tenth": Column("integer", "Tenth of the customers, by the forecast; 1 the highest, 0 all of them"),
            "customers": Column("integer", "Customers in it", "customers"),
            "spearman": Column("number", "Rank correlation with spend in the horizon; null but for all of them"),
            "forecast_spend": Column("number", "Mean spend forecast", "currency"),
            "spend": Column("number", "Mean spend in the horizon", "currency"),
        },
    ),
}
