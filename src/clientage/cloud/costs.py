"""What a month on Google Cloud costs: prices in one place, and plain sums over them.

A price says where it was published and when it was read. A figure says whether it was measured or is assumed. Nothing
here asks Google: `docs/costs.md` is made from it, and whoever decides about money looks the prices up again.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

REGION, CURRENCY = "us-central1", "US dollars"
HOURS, DAYS, WEEKS = 730, 365 / 12, 365 / 84  # of a month
GIB, TIB = 2**30, 2**40


@dataclass(frozen=True)
class Price:
    """What one unit costs in `REGION`, without tax and without discounts.

    Attributes:
        usd: US dollars for a unit.
        unit: What is counted.
        free: Units of each month that cost nothing.
        source: The page of Google that publishes it.
        read: Month in which that page said so.
    """

    usd: float
    unit: str
    source: str
    read: str
    free: float = 0

    def of(self, units: float) -> float:
        """US dollars for so many units of a month."""
        return max(0.0, units - self.free) * self.usd


@dataclass(frozen=True)
class Figure:
    """A number that the sums need beside prices.

    Attributes:
        value: The number.
        meaning: What it is, with its unit.
        basis: Where it was measured; or "assumed", and why.
    """

    value: float
    meaning: str
    basis: str


_VERTEX = "cloud.google.com/vertex-ai/pricing"
_RUN = "cloud.google.com/run/pricing"
_BIGQUERY = "cloud.google.com/bigquery/pricing"

PRICES: Mapping[str, Price] = {
    "endpoint, e2-standard-2": Price(0.0770564, "hour of a node", _VERTEX, "2026-09"),
    "endpoint, n1-standard-2": Price(0.1095, "hour of a node", _VERTEX, "2026-09"),
    "training, n1-standard-4": Price(0.21849885, "hour of a machine", _VERTEX, "2026-10"),
    "pipeline": Price(0.03, "run", _VERTEX, "2026-09"),
    "Cloud Run by request, processor": Price(0.000024, "second of a vCPU", _RUN, "2026-09", free=180_000),
    "Cloud Run by request, memory": Price(0.0000025, "second of a GiB", _RUN, "2026-09", free=360_000),
    "Cloud Run by request, requests": Price(0.0000004, "request", _RUN, "2026-09", free=2_000_000),
    "Cloud Run by instance, processor": Price(0.000018, "second of a vCPU", _RUN, "2026-09", free=240_000),
    "Cloud Run by instance, memory": Price(0.000002, "second of a GiB", _RUN, "2026-09", free=450_000),
    "BigQuery, reading": Price(6.25, "TiB", _BIGQUERY, "2026-09", free=1),
    "BigQuery, storage": Price(0.023, "GiB in a month", _BIGQUERY, "2026-09", free=10),
    "Cloud Storage, Standard": Price(0.02, "GiB in a month", "cloud.google.com/storage/pricing", "2026-09"),
    "Artifact Registry": Price(
        0.10, "GiB in a month", "cloud.google.com/artifact-registry/pricing", "2026-09", free=0.5
    ),
    "Composer 3, computing": Price(0.06, "hour of a DCU", "cloud.google.com/composer/pricing", "no date"),
    "Composer 3, its database": Price(0.000232877, "hour of a GiB", "cloud.google.com/composer/pricing", "no date"),
}
"""Published prices; `read` is when they stood there."""

FIGURES: Mapping[str, Figure] = {
    "rate": Figure(
        500,
        "requests of one customer that a vCPU answers in a second",
        "`make bench`: 1.14 ms of a processor each, so 880 a second; a vCPU is taken for a bit over half",
    ),
    "busy": Figure(
        0.6, "share of its time that a machine works when another is started", "assumed: Vertex AI's usual target"
    ),
    "peak": Figure(5, "requests in the busiest hour, over those of the mean hour", "assumed"),
    "billed": Figure(0.1, "seconds of an instance of Cloud Run that a request costs at least", "Cloud Run's rounding"),
    "lines": Figure(124, "order lines of a customer", "the public data set: 541,909 lines, 4,362 customers"),
    "run": Figure(31.4e-6, "seconds of a whole run for an order line", "README: 17.0 s for 541,909 lines"),
    "start": Figure(300, "seconds until a machine has the image, at the price of the machine", "assumed"),
    "line": Figure(91, "bytes of an order line in BigQuery", "the public data set, by BigQuery's sizes of types"),
    "reads": Figure(
        6, "times that a whole run in BigQuery reads the order lines", "assumed: once for each stage that reads them"
    ),
    "scored": Figure(
        52, "bytes of a customer that a scoring statement reads", "five numbers and an id, by BigQuery's sizes"
    ),
    "kept": Figure(17, "bytes of an order line in a workspace", "a run of the public data set: 9 MB of tables"),
    "report": Figure(5e6, "bytes of a workspace beside its tables", "a run of the public data set"),
    "copies": Figure(
        10,
        "copies of a workspace that the bucket is paid for",
        "`warehouse.publications`: 3; and of a run a day those of 7 days, as `deploy/terraform` keeps what was removed",
    ),
    "image": Figure(0.4, "GiB of an image, compressed", "assumed: it is below 900 MB before"),
    "images": Figure(10, "images that are kept", "`deploy/terraform`"),
}
"""What was measured, and what had to be assumed."""

THEIRS_TRAINED, THEIRS_SERVED_DAY = 5.33, 6.63
"""US dollars that the reference project says it paid to train and deploy, and for a day of serving."""

SMALLEST_READ = 10 * 2**20  # bytes that BigQuery bills for a table of a statement at least
VCPUS = 2  # of a node of the endpoint
INSTANCE_VCPUS, INSTANCE_GIB = 1, 2  # of an instance of Cloud Run


@dataclass(frozen=True)
class Shop:
    """Who asks, and how much of it there is.

    Attributes:
        customers: Customers in the tables.
        requests: Requests of a month, each about one customer.
    """

    customers: int
    requests: int

    @property
    def order_lines(self) -> float:
        """Order lines, as many for each customer as in the public data set."""
        return self.customers * FIGURES["lines"].value


SHOPS = (Shop(4_362, 10_000), Shop(50_000, 1_000_000), Shop(500_000, 10_000_000), Shop(5_000_000, 100_000_000))
"""From the public data set up to a large retailer."""


def nodes(requests: float, vcpus: int) -> int:
    """Machines that the busiest hour needs; one at least.

    Args:
        requests: Of a month.
        vcpus: Of a machine.
    """
    busiest = requests / (HOURS * 3600) * FIGURES["peak"].value
    return max(1, math.ceil(busiest / (FIGURES["rate"].value * FIGURES["busy"].value * vcpus)))


def machine_hour(kind: str) -> float | None:
    """What an hour of a machine costs that serves an endpoint of Vertex AI; None where its price was not read.

    Args:
        kind: Of machine, as Google calls it.
    """
    price = PRICES.get(f"endpoint, {kind}")
    return price.usd if price else None


def endpoint(shop: Shop, machine: str = "endpoint, n1-standard-2") -> float:
    """An endpoint of Vertex AI that is never switched off, with the nodes of its busiest hour."""
    return PRICES[machine].of(nodes(shop.requests, VCPUS) * HOURS)


def smallest_endpoint(shop: Shop) -> float:
    """The same on the smallest machine with as many vCPUs."""
    return endpoint(shop, "endpoint, e2-standard-2")


def run_by_request(shop: Shop) -> float:
    """Cloud Run that is paid while it answers: no more than each request alone, or all instances all the time."""
    seconds = min(shop.requests * FIGURES["billed"].value, nodes(shop.requests, INSTANCE_VCPUS) * HOURS * 3600)
    return (
        PRICES["Cloud Run by request, processor"].of(seconds * INSTANCE_VCPUS)
        + PRICES["Cloud Run by request, memory"].of(seconds * INSTANCE_GIB)
        + PRICES["Cloud Run by request, requests"].of(shop.requests)
    )


def run_by_instance(shop: Shop) -> float:
    """Cloud Run that is paid while an instance is up, with one that always is."""
    seconds = nodes(shop.requests, INSTANCE_VCPUS) * HOURS * 3600
    processor = PRICES["Cloud Run by instance, processor"].of(seconds * INSTANCE_VCPUS)
    return processor + PRICES["Cloud Run by instance, memory"].of(seconds * INSTANCE_GIB)


def scored_in_sql(shop: Shop, times: float = DAYS) -> float:
    """All customers scored by the exported statement, on each day."""
    return PRICES["BigQuery, reading"].of(_read(shop.customers * FIGURES["scored"].value) * times)


def batch(shop: Shop, times: float = DAYS) -> float:
    """All customers scored by a batch prediction of Vertex AI on one machine, on each day.

    Its machine is taken to cost what a node of an endpoint costs.
    """
    seconds = FIGURES["start"].value + shop.customers / (FIGURES["rate"].value * VCPUS)
    return PRICES["endpoint, n1-standard-2"].of(seconds / 3600 * times)


def runs_in_bigquery(shop: Shop, times: float = DAYS) -> float:
    """A whole run on each day with BigQuery as the engine."""
    lines = _read(shop.order_lines * FIGURES["line"].value) * FIGURES["reads"].value
    return PRICES["BigQuery, reading"].of(lines * times)


def runs_on_a_machine(shop: Shop, times: float = DAYS + WEEKS) -> float:
    """A whole run on each day and a training each week, as jobs of Vertex AI."""
    seconds = FIGURES["start"].value + shop.order_lines * FIGURES["run"].value
    return PRICES["training, n1-standard-4"].of(seconds / 3600 * times)


def storage(shop: Shop) -> float:
    """The copies of the workspace in its bucket, the order lines in BigQuery, and the images."""
    lines = shop.order_lines
    workspace = (lines * FIGURES["kept"].value + FIGURES["report"].value) * FIGURES["copies"].value / GIB
    return (
        PRICES["Cloud Storage, Standard"].of(workspace)
        + PRICES["BigQuery, storage"].of(lines * FIGURES["line"].value / GIB)
        + PRICES["Artifact Registry"].of(FIGURES["image"].value * FIGURES["images"].value)
    )


def composer(dcus: float, gib: float = 10) -> float:
    """An environment of Composer 3 by the units that it uses; its own page of the console shows them."""
    return PRICES["Composer 3, computing"].of(dcus * HOURS) + PRICES["Composer 3, its database"].of(gib * HOURS)


def theirs() -> float:
    """A month of the reference project: trained and deployed once, served all of it."""
    return THEIRS_TRAINED + THEIRS_SERVED_DAY * DAYS


def _read(size: float) -> float:
    """TiB that BigQuery bills for reading a table of so many bytes once."""
    return max(size, SMALLEST_READ) / TIB
