"""Raw purchases to features: the same cleaning rules and the same expressions as in a run, compiled once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clientage.customers.features import baskets, customer_features, missing_features, products_bought
from clientage.expressions import on_days
from clientage.segments.kmeans import Floats
from clientage.serving.contract import MOST_TOLD, Unreal, shown, valued
from clientage.serving.engine import Engine
from clientage.serving.features import LARGEST
from clientage.tables import RECEIVED, arrow_schema
from clientage.transactions.clean import applicable, clean

MOST_QUERIES = 10  # of one request: one for each day to look back from, and for each set of columns
FIELDS = tuple(name for name in RECEIVED if name != "unreadable")
TEXTS = ("invoice", "product", "description", "country", "customer_id")
NUMBERS = ("quantity", "unit_price", "total")
SCHEMA = arrow_schema("transactions")
SOME_DAY = date(1904, 2, 3)  # stands in the expressions where the day of a request comes later

Problems: TypeAlias = list[str]
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Purchases:
    """The order lines of one customer.

    Attributes:
        rows: Lines, as in the table `transactions` but for the customer.
        as_of: The day to look back from.
        columns: What the lines tell.
        customer: Whose they are, where they say so.
    """

    rows: list[Row]
    as_of: date
    columns: frozenset[str]
    customer: str | None = None

    @property
    def kept(self) -> list[str]:
        """Products bought and not taken back, as recommendations count them."""
        net: dict[str, float] = {}
        for row in self.rows:
            if product := row.get("product"):
                net[product] = net.get(product, 0.0) + float(row["quantity"] if "quantity" in row else row["total"])
        return [product for product, units in net.items() if units > 0]


def read_purchases(instance: Mapping[str, Any], at: str) -> Purchases | Problems:
    """The purchases of an instance, or everything that is wrong with them.

    Args:
        instance: As it came.
        at: Where it stands.
    """
    problems = [f"{at}.{shown(name)}: not known." for name in sorted(set(instance) - {"purchases", "as_of"})]
    as_of, given = _day(instance.get("as_of")), instance["purchases"]
    if as_of is None:
        problems.append(f"{at}.as_of: write the day to look back from, such as 2011-12-10.")
    if not isinstance(given, list) or not given:
        return [*problems, f"{at}.purchases: write a list with at least one order line."]
    rows: list[Row] = []
    for i, line in enumerate(given):
        if len(problems) > MOST_TOLD:
            break
        found = _line(line, f"{at}.purchases[{i}]", as_of)
        problems += found if isinstance(found, list) else []
        rows += [found] if isinstance(found, dict) else []
    if len(customers := {row.pop("customer_id", None) for row in rows}) > 1:
        problems.append(f"{at}.purchases: of more than one customer_id. Send each customer as an instance of its own.")
    return problems or Purchases(rows, as_of or date.min, frozenset().union(*rows), *customers)


def _line(line: Any, at: str, as_of: date | None) -> Row | Problems:
    """One order line, or everything that is wrong with it."""
    if not isinstance(line, dict):
        return [f"{at}: not an object. Write product, quantity, unit_price and invoiced_at by name."]
    given = {name: value for name, value in line.items() if value is not None}
    problems = [
        f"{at}.{shown(name)}: not known; a line has {', '.join(FIELDS)}."
        for name in islice((name for name in line if name not in FIELDS), MOST_TOLD)
    ]
    problems += [
        f"{at}.{name}: not a text: {shown(given[name])}." for name in TEXTS if not _is_text(given.get(name, ""))
    ]
    problems += [
        f"{at}.{name}: not a number that can be used: {valued(given[name])}."
        for name in NUMBERS
        if not _is_number(given.get(name, 0))
    ]
    if not {"quantity", "unit_price"} <= given.keys() and "total" not in given:
        problems.append(f"{at}: no amount. Give quantity and unit_price, or total.")
    time = _time(given.get("invoiced_at"))
    if time is None:
        problems.append(f"{at}.invoiced_at: write the shop's own time without a zone, such as 2011-12-09T12:50:00.")
    elif as_of and time.date() >= as_of:
        problems.append(f"{at}.invoiced_at: {time.date()} is not before as_of, {as_of}.")
    texts = {name: str(given[name]) for name in TEXTS if name in given}
    return problems or texts | {name: float(given[name]) for name in NUMBERS if name in given} | {"invoiced_at": time}


def _is_text(value: Any) -> bool:
    return (isinstance(value, str) and not isinstance(value, Unreal)) or type(value) is int


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < LARGEST


def _day(given: Any) -> date | None:
    try:
        return date.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        return None


def _time(given: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        return None
    return time if time and time.tzinfo is None else None


class Featurizer:
    """Computes the features that a model needs from purchases, many customers at once.

    Args:
        engine: Computes them.
        names: Features that the model needs, d of them.
        rules: Cleaning rules that are on.
        services: Product names that are services.
        home_country: The shop's own country; empty where it is not known.
    """

    def __init__(
        self, engine: Engine, names: Sequence[str], rules: Collection[str], services: Collection[str], home_country: str
    ) -> None:
        self._engine, self._names, self._home = engine, tuple(names), home_country
        self._rules, self._services = tuple(rules), tuple(services)
        self._compiled = lru_cache(maxsize=64)(self._compile)

    def features(self, purchases: Sequence[Purchases]) -> list[Floats | str]:
        """For each customer the features (d,), or why there are none."""
        found: list[Floats | str] = ["" for _ in purchases]
        alike: dict[tuple[date, frozenset[str]], list[int]] = {}
        for i, each in enumerate(purchases):
            alike.setdefault((each.as_of, each.columns), []).append(i)
        for number, ((as_of, columns), places) in enumerate(alike.items()):
            if reason := self._lacking(columns):
                answers: Sequence[Floats | str] = [reason] * len(places)
            elif number >= MOST_QUERIES:
                answers = [
                    f"as_of: more than {MOST_QUERIES} days, or sets of columns. Send them in several requests."
                ] * len(places)
            else:
                answers = self._of_day([purchases[i] for i in places], as_of, columns)
            for i, answer in zip(places, answers, strict=True):
                found[i] = answer
        return found

    def _lacking(self, columns: frozenset[str]) -> str:
        """What must be told beside, in a sentence; empty where all is there."""
        lacking = {
            feature: column for feature, column in missing_features(tuple(columns)).items() if feature in self._names
        }
        if lacking:
            return "purchases: " + "; ".join(f"{feature} needs {column}" for feature, column in lacking.items()) + "."
        if "is_home_country" in self._names and not self._home:
            return "the shop's own country is not known here. Set shop.home_country."
        return ""

    def _of_day(self, purchases: Sequence[Purchases], as_of: date, columns: frozenset[str]) -> list[Floats | str]:
        """The same for customers whose lines tell the same, looked back at from the same day."""
        names = [name for name in SCHEMA.names if name in columns or name in ("customer_id", "unreadable")]
        rows = [row | {"customer_id": str(i)} for i, each in enumerate(purchases) for row in each.rows]
        lines = pa.Table.from_pylist(rows, pa.schema([SCHEMA.field(name) for name in names]))
        features, reasons = self._compiled(columns)
        table = self._engine.query(features, {"as_of": as_of}, transactions=lines)
        numbers = (pc.cast(table[name], pa.float64()).to_numpy(zero_copy_only=False) for name in self._names)
        values, found = np.column_stack(list(numbers)), table["customer_id"].to_pylist()
        answers: list[Floats | str] = [""] * len(purchases)
        for customer, row in zip(found, values, strict=True):
            answers[int(customer)] = row
        if len(found) < len(purchases):
            for reason in self._engine.query(reasons, transactions=lines).to_pylist():
                i = int(reason["customer_id"])
                if isinstance(answers[i], str):
                    answers[i] = f"purchases: cleaning set all of them aside: {reason['reason']}."
        return answers

    def _compile(self, columns: frozenset[str]) -> tuple[str, str]:
        """Statements over `transactions`: features by customer as of `$as_of`, and why lines were set aside."""
        schema = ibis.schema(
            pa.schema([field for field in SCHEMA if field.name in columns | {"customer_id", "unreadable"}])
        )
        parts = clean(ibis.table(schema, name="transactions"), applicable(self._rules, schema.names), self._services)
        lines = parts["lines"]
        bought = products_bought(lines, SOME_DAY) if "products" in self._names else None
        features = customer_features(baskets(lines), SOME_DAY, self._home or "·", products=bought)
        features = features.select("customer_id", *self._names)
        reasons = parts["rejected"].group_by("customer_id").agg(reason=parts["rejected"].reason.min())
        statement = on_days(ibis.to_sql(features, dialect="duckdb"), {SOME_DAY: "$as_of"})
        return statement, ibis.to_sql(reasons, dialect="duckdb")
