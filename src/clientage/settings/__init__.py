"""The only configuration: one frozen model.

Precedence: command-line flags, then `CLIENTAGE_SECTION__KEY` in the environment, then `clientage.toml`, then the
defaults below. Secrets come from the environment only.
"""

import difflib
import json
import math
import os
import re
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as PydanticSettingsError

from clientage.errors import SettingsError, joined
from clientage.settings.google import Deploy, Google
from clientage.settings.section import Count, Section, Share

OptionalDay = Annotated[date | None, BeforeValidator(lambda given: None if given == "" else given)]

MOST_CANDIDATES = 10_000  # of a sweep


class Shop(Section):
    """The shop itself."""

    name: str = Field("", description="Shown in the report's title.")
    currency: str = Field("", description="Symbol or code put before money, such as £ or EUR.")
    home_country: str = Field("", description="The shop's own country; empty: the most frequent one.")


class Columns(Section):
    """Your names for the columns; empty: recognized from presets and common names."""

    customer_id: str = Field("", description="Who bought.")
    invoiced_at: str = Field("", description="When: date, or date and time.")
    time: str = Field("", description="Time of day, where it stands in a column of its own.")
    invoice: str = Field("", description="Order number; without one, an invoice is a customer's day.")
    product: str = Field("", description="Stock code.")
    description: str = Field("", description="Product name.")
    quantity: str = Field("", description="Units.")
    unit_price: str = Field("", description="Price of one unit.")
    total: str = Field("", description="Line total, where there is no unit price.")
    country: str = Field("", description="Country.")


class Source(Section):
    """How order lines are read."""

    columns: Columns = Field(Columns(), description="Your column names, see below.")
    date_format: str = Field("", description="strptime format of the time, such as %d/%m/%Y %H:%M; empty: found.")
    decimal: Literal["", ".", ","] = Field("", description="Decimal sign of numbers in text; empty: found.")
    delimiter: str = Field("", max_length=1, description="Delimiter of CSV files; empty: found.")
    max_gigabytes: float = Field(20, gt=0, description="Refuse an archive or download larger than this, unpacked.")
    max_unreadable: Share = Field(0.05, description="Stop when more than this share of lines cannot be read.")
    until: OptionalDay = Field(None, description="Leave out lines of this day and later, as if they were yet to come.")
    settle_seconds: float = Field(
        0, ge=0, description="Stop when a file was changed less than this ago: it may still be written."
    )


class Clean(Section):
    """Which cleaning rules are on, and their lists."""

    unreadable: bool = Field(True, description="Set aside lines with a value that could not be read.")
    incomplete: bool = Field(True, description="Set aside lines without a date, a quantity or a price.")
    impossible_value: bool = Field(True, description="Set aside infinite or absurd numbers and dates.")
    no_customer: bool = Field(True, description="Set aside lines without a customer.")
    no_description: bool = Field(True, description="Set aside lines without a product name.")
    duplicate: bool = Field(True, description="Of lines equal but for price, keep the cheapest that has a price.")
    service_code: bool = Field(True, description="Set aside stock codes with fewer than two digits, such as POST.")
    service_description: bool = Field(True, description="Set aside the product names listed below.")
    no_price: bool = Field(True, description="Set aside lines with a unit price that is not above zero.")
    service_descriptions: tuple[str, ...] = Field(
        ("Next Day Carriage", "High Resolution Image"), description="Product names that are services, not goods."
    )


def _four_ascending(limits: tuple[float, ...]) -> tuple[float, ...]:
    if limits and (len(limits) != 4 or list(limits) != sorted(limits)):
        raise ValueError("give four ascending limits, or none")
    return limits


Limits = Annotated[tuple[float, ...], AfterValidator(_four_ascending)]


class Quintiles(Section):
    """Cut points of the classic RFM grid."""

    recency_days: Limits = Field((), description="Four ascending limits of recency; empty: quintiles.")
    frequency: Limits = Field((), description="Four ascending limits of completed orders; empty: quintiles.")
    monetary: Limits = Field((), description="Four ascending limits of spend; empty: quintiles.")


class Segments(Section):
    """How customers are grouped."""

    recipe: Literal["behaviour", "rfm", "quintiles", "classic"] = Field("behaviour", description="Named recipe.")
    k: Annotated[int, Field(ge=2, le=50)] | Literal["auto"] = Field("auto", description="How many; auto: chosen.")
    k_min: Annotated[int, Field(ge=2, le=50)] = Field(3, description="Smallest number to try.")
    k_max: Annotated[int, Field(ge=2, le=50)] = Field(8, description="Largest number to try.")
    snapshots: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (152, 92, 0), description="Days before `as_of` at which each number is tried."
    )
    bootstraps: Annotated[int, Field(ge=2)] = Field(25, description="Refits to measure stability with.")
    min_stability: Share = Field(0.80, description="Mean stability (adjusted Rand index) a number must reach.")
    worst_stability: Share = Field(0.75, description="Stability it must reach at every snapshot.")
    min_share: Share = Field(0.05, description="Smallest share of customers a segment may have.")
    restarts: Count = Field(10, description="Starts of k-means; the best is kept.")
    seed: int = Field(7, ge=0, description="Seed of everything random.")
    sample: Annotated[int, Field(ge=1000)] = Field(
        50_000, description="Most customers to fit on, picked by hashed id; all are assigned."
    )
    wholesale_ratio: float = Field(
        6.0, gt=1, description="Flag customers whose units a line are this many times the usual customer's."
    )
    order_ratio: float = Field(
        4.0, gt=1, description="Call customers bulk buyers whose orders are worth this many times the usual."
    )
    quintiles: Quintiles = Field(Quintiles(), description="Cut points of the `quintiles` recipe.")


Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Sweep(Section):
    """What a sweep tries, each with each; what is given twice is tried once."""

    n_init: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(
        (1, 2, 5, 10, 20, 50), description="Starts of k-means; the best is kept."
    )
    max_iter: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = Field(
        (100, 250, 500, 1000), description="Most iterations of a start."
    )
    k: tuple[Annotated[int, Field(ge=2, le=50)], ...] = Field(
        (3, 4, 8), description="Numbers of segments; where `segments.k` is set, that one alone."
    )
    init: tuple[Literal["k-means++", "random"], ...] = Field(("k-means++", "random"), description="Ways to start.")
    recipes: tuple[Literal["behaviour", "rfm", "classic"], ...] = Field(
        (), description="Recipes; empty: that of `segments.recipe`."
    )
    log: tuple[bool, ...] = Field((), description="Whether to compare logarithms; empty: as the recipe does.")
    weights: tuple[dict[str, Weight], ...] = Field(
        (), description="Weights of features in place of the recipe's, 0 to leave one out; empty: the recipe's."
    )

    @property
    def size(self) -> int:
        """How many candidates there are, at most."""
        needed, others = (self.n_init, self.max_iter, self.k, self.init), (self.recipes, self.log, self.weights)
        return math.prod(map(len, needed)) * math.prod(len(values) or 1 for values in others)


class Recommendations(Section):
    """What is offered to whom."""

    model: Literal["auto", "ease", "cosine", "popular"] = Field(
        "auto", description="auto: the best of the last evaluation, else ease."
    )
    top: Annotated[int, Field(ge=1, le=100)] = Field(10, description="Products for each customer.")
    repeat: bool = Field(False, description="Whether what was bought before may be recommended again.")
    penalty: float = Field(500.0, gt=0, description="Ridge penalty of ease.")
    neighbours: Annotated[int, Field(ge=1)] = Field(50, description="Weights kept for each product.")
    offered_days: Count = Field(90, description="Leave out products not sold for so many days.")
    recent_days: Count = Field(28, description="How far back `popular lately` looks.")
    min_buyers: Count = Field(
        100, description="Buyers a segment needs for its own popular products; below, those of all customers."
    )
    most_products: Annotated[int, Field(ge=2)] = Field(
        10_000, description="Most products to relate to each other; the best selling ones are."
    )


_SECRET = re.compile(r"(?i)\b(password|passwd|pwd|token|secret|key)=")


def _without_secret(address: str) -> str:
    if address and "://" not in address and address != "databricks":
        raise ValueError("write the address with how it is spoken to, such as http://… or sqlite:///…")
    parts = urlsplit(address)
    secret = _SECRET.search(parts.query)
    if parts.password is not None or secret or (parts.username and parts.scheme.startswith("http")):
        raise ValueError(
            "an address with a secret in it ends up in logs: leave it out and give it to MLflow in "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or to the database in its own variables"
        )
    try:
        _ = parts.port
    except ValueError as error:
        raise ValueError("the port of the address is no number from 0 to 65535") from error
    return address


def _no_secret_in_address(place: str) -> str:
    return _without_secret(place) if "://" in place else place


class Tracking(Section):
    """Where experiments and models are kept."""

    uri: Annotated[str, AfterValidator(_without_secret)] = Field(
        "", description="Of an MLflow server or database; empty: a database file in the workspace."
    )
    artifacts: Annotated[str, AfterValidator(_no_secret_in_address)] = Field(
        "",
        description="Where files of models go, such as gs://bucket/models, unless a server decides; empty: beside the "
        "workspace's tables.",
    )
    experiment: str = Field("clientage", min_length=1, description="Name of the experiment that trainings go to.")
    model: str = Field("clientage-segments", min_length=1, description="Name of the registered model.")


class Gate(Section):
    """What a model must keep to become the champion, beside the limits of `segments`."""

    min_matched: Share = Field(
        0.5, description="Share of the customers who must stay in segments that the champion has too."
    )


class Evaluate(Section):
    """The temporal hold-out."""

    cutoffs: tuple[date, ...] = Field((), description="Dates to split at; empty: three, found from the data's span.")
    horizon_days: Count = Field(90, description="Days after the cutoff that count as the outcome.")
    folds: Annotated[int, Field(ge=2)] = Field(5, description="Folds of the out-of-fold score.")
    groups: Annotated[int, Field(ge=2, le=50)] = Field(5, description="Number of groups all recipes are compared at.")


class Serve(Section):
    """The service."""

    model: Annotated[str, AfterValidator(_no_secret_in_address)] = Field(
        "",
        description="What is served: a folder with a model, an address such as gs://…, or an alias or version in the "
        "registry; empty: $AIP_STORAGE_URI, else the champion where tracking.uri is set, else the workspace's model.",
    )
    shadow: Annotated[str, AfterValidator(_no_secret_in_address)] = Field(
        "", description="A model that is asked too, in the same words; its answers are only logged."
    )
    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on; others than this machine's need keys."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8080, description="Port; $AIP_HTTP_PORT where that is set.")
    workers: Annotated[int, Field(ge=1, le=256)] = Field(2, description="Processes that answer.")
    threads: Annotated[int, Field(ge=1, le=256)] = Field(4, description="Requests that each takes at a time.")
    requests_per_minute: Annotated[int, Field(ge=0)] = Field(
        6000, description="Allowed to each key, or to each address where there are no keys; 0: any number."
    )
    max_instances: Annotated[int, Field(ge=1, le=100_000)] = Field(2000, description="Most instances of a request.")
    max_megabytes: float = Field(1.5, gt=0, le=100, description="Largest request, and largest answer.")
    refresh_seconds: float = Field(10, ge=1, description="How often the registry is asked for another model.")
    log_requests: bool = Field(False, description="Tell of every request on standard error, not only of failed ones.")
    sink: Annotated[str, AfterValidator(_no_secret_in_address)] = Field(
        "",
        description="Where predictions are shipped: empty: the folder `predictions` of the workspace; or "
        "postgresql://user@host/database, or bigquery://project/dataset.",
    )
    ship_seconds: float = Field(10, gt=0, description="How long predictions may wait to be shipped.")
    sync: bool = Field(
        False, description="Wait for the disk before each answer: what is answered survives a power cut."
    )


class Monitor(Section):
    """When the segments stop being true."""

    days: Annotated[int, Field(ge=1, le=92)] = Field(7, description="Length of a window; counted from Mondays.")
    reference_windows: Annotated[int, Field(ge=8, le=520)] = Field(
        26, description="Windows before the model was made that tell what is usual."
    )
    reference_from: OptionalDay = Field(None, description="First day of those instead; unset: by their number.")
    reference_until: OptionalDay = Field(
        None, description="The day after the last of them; unset: the day the model was made for."
    )
    lookback_days: Count = Field(
        90, description="How far back the features of customers look that windows are compared by."
    )
    false_alarms: Share = Field(
        0.05,
        description="Share of the reference's own windows that may drift when they are left out; limits are "
        "widened until it is kept.",
    )
    retrain_days: Annotated[int, Field(ge=0)] = Field(
        28, description="Days that a model is left alone, in use or refused, before drift trains another."
    )
    limits: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        {}, description="Distances from the usual that count as drift, by area.measure, in place of those learned."
    )
    send: Annotated[str, AfterValidator(_no_secret_in_address)] = Field(
        "",
        description="Where what was found is sent each time, beside the workspace: bigquery://project/dataset; empty: "
        "nowhere.",
    )


def _page(address: str) -> str:
    if address and (not re.fullmatch(r"https?://[^\s@/][^\s@]*", address) or _SECRET.search(address)):
        raise ValueError("write the address of a page, such as https://…, without a user, password or token in it")
    return address


def _clock(clock: str) -> str:
    if clock and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", clock):
        raise ValueError("write a time of day as 22:00")
    return clock


Clock = Annotated[str, AfterValidator(_clock)]


class Alerts(Section):
    """Who is told of drift, and when; the addresses stand in CLIENTAGE_ALERTS."""

    settle: Count = Field(2, description="Windows in a row without drift that end an episode.")
    quiet_from: Clock = Field("", description="Send nothing from this time of day on, such as 22:00; empty: always.")
    quiet_until: Clock = Field("", description="Until this time of day, by the clock of this machine.")
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        3, description="How often a target that is away is tried again at once; after that, at the next run."
    )
    pause_seconds: float = Field(
        2, ge=0, le=60, description="Wait before the first of these; each next one is twice as long."
    )
    dashboard_url: Annotated[str, AfterValidator(_page)] = Field(
        "", description="Address of the dashboard, put into every notice; empty: none."
    )


class Dashboard(Section):
    """The pages for people."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on; others than this machine's need keys."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8050, description="Port.")
    https: bool = Field(
        False, description="Whether it is reached by https alone, by way of a proxy: then cookies travel no other way."
    )
    hours: float = Field(12, gt=0, le=720, description="How long a login lasts.")


class Warehouse(Section):
    """Where tables live and what they may use."""

    url: Annotated[str, AfterValidator(_no_secret_in_address)] = Field(
        "", description="Where tables live: empty: in the workspace, with DuckDB; or bigquery://project/dataset."
    )
    max_gigabytes: float = Field(100, gt=0, description="What one statement of BigQuery may read, and be billed for.")
    price: float = Field(
        6.25, ge=0, description="US dollars for a tebibyte read by BigQuery, to tell what a run costs."
    )
    views: bool = Field(True, description="Show the tables of the last run as views of their names in the dataset.")
    memory: str = Field("", description="Memory limit of the engine, such as 4GB; empty: the engine's own.")
    threads: int = Field(0, ge=0, description="Threads; 0: all cores.")
    wait_seconds: float = Field(0, ge=0, description="Wait this long for another run that uses the workspace.")
    copies: str = Field(
        "", description="Folder for copies of workspaces on gs://; empty: `clientage/workspaces` of the user's cache."
    )
    publications: Annotated[int, Field(ge=2, le=100)] = Field(
        3, description="Publications of a workspace on gs:// that are kept, the latest among them."
    )

    @property
    def most_bytes(self) -> int:
        """What one statement may be billed for."""
        return int(self.max_gigabytes * 1e9)


class _Variables(EnvSettingsSource):
    """The environment but for `CLIENTAGE_ALERTS`, which bears the name of a section and is a secret, no setting."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        self.env_vars = {name: value for name, value in self.env_vars.items() if name != "clientage_alerts"}


class Settings(BaseSettings):
    """Everything that can be set, checked when it is read."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="CLIENTAGE_", env_nested_delimiter="__", validate_default=True
    )

    workspace: Path = Field(
        Path("workspace"), description="Folder of tables, model and report; or gs://bucket/folder (docs/storage.md)."
    )
    as_of: OptionalDay = Field(None, description="Features look back from this day; unset: after the last line.")
    shop: Shop = Field(Shop(), description="The shop itself.")
    source: Source = Field(Source(), description="See the section below.")
    clean: Clean = Field(Clean(), description="See the section below.")
    segments: Segments = Field(Segments(), description="See the section below.")
    sweep: Sweep = Field(Sweep(), description="See the section below.")
    recommendations: Recommendations = Field(Recommendations(), description="See the section below.")
    tracking: Tracking = Field(Tracking(), description="See the section below.")
    gate: Gate = Field(Gate(), description="See the section below.")
    evaluate: Evaluate = Field(Evaluate(), description="See the section below.")
    monitor: Monitor = Field(Monitor(), description="See the section below.")
    serve: Serve = Field(Serve(), description="See the section below.")
    alerts: Alerts = Field(Alerts(), description="See the section below.")
    dashboard: Dashboard = Field(Dashboard(), description="See the section below.")
    warehouse: Warehouse = Field(Warehouse(), description="See the section below.")
    google: Google = Field(Google(), description="See the section below.")
    deploy: Deploy = Field(Deploy(), description="See the section below.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags before the environment."""
        return init_settings, _Variables(settings_cls)

    @model_validator(mode="after")
    def _together(self) -> Self:
        """Settings that must fit each other."""
        if self.segments.k_min > self.segments.k_max:
            raise ValueError("segments.k_min is above segments.k_max: give k_min ≤ k_max")
        if self.segments.recipe == "quintiles" and self.segments.k != "auto":
            raise ValueError("the recipe quintiles has its own number of segments: leave out --k")
        if not self.sweep.size:
            raise ValueError("the sweep has nothing to try: give sweep.n_init, max_iter, k and init a value each")
        if self.sweep.size > MOST_CANDIDATES:
            raise ValueError(
                f"the sweep would try {self.sweep.size:,} candidates, above {MOST_CANDIDATES:,}: give shorter lists"
            )
        if bool(self.alerts.quiet_from) != bool(self.alerts.quiet_until):
            raise ValueError("quiet hours have one end: give alerts.quiet_from and alerts.quiet_until, or neither")
        if self.alerts.quiet_from and self.alerts.quiet_from == self.alerts.quiet_until:
            raise ValueError("quiet hours end when they begin: give alerts.quiet_until another time of day")
        if self.deploy.min_replicas > self.deploy.max_replicas:
            raise ValueError("deploy.min_replicas is above deploy.max_replicas: give min_replicas ≤ max_replicas")
        return self


# what a value should be, by the kind of the validator's complaint
PLAIN = {
    "date_": "write a date as 2024-12-31",
    "int_": "give a whole number",
    "float_": "give a number",
    "bool_": "give true or false",
    "tuple_": 'write a list as ["a", "b"]',
}


def load(config: Path | None = None, overrides: Iterable[str] = ()) -> Settings:
    """Read the settings from flags, environment and file.

    Args:
        config: The settings file; `clientage.toml` here, where it exists, when not given.
        overrides: Flags of the form `section.key=value`; lists and tables as JSON.

    Raises:
        SettingsError: All that does not fit, one sentence each.
    """
    if config and not config.is_file():
        raise SettingsError(f"{config}: no such settings file. Write one, or leave out --config.")
    path = config or Path("clientage.toml")
    known = {name.partition(".")[0] for name in names()}
    variables = [name.partition("__")[0] for name in os.environ if name.startswith("CLIENTAGE_") and "__" in name]
    if unknown := sorted({name for name in variables if name.removeprefix("CLIENTAGE_").lower() not in known}):
        raise SettingsError(f"environment: there is no section for {', '.join(unknown)}__…. See docs/settings.md.")

    class Configured(Settings):
        """The settings with this file among their sources."""

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            others = super().settings_customise_sources(settings_cls, *sources, **named)
            return *others, TomlConfigSettingsSource(settings_cls, path)

    try:
        return Configured(**_nested(overrides))
    except ValidationError as error:
        sentences: dict[str, str] = {}
        for problem in error.errors():
            # a setting that may be a number or a word has two complaints of the same value: one will do
            sentences.setdefault(_name(problem), _sentence(problem))
        raise SettingsError(joined(sentences.values())) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML in UTF-8: {error}. Mend that place.") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}). Give another --config.") from error
    except PydanticSettingsError as error:
        raise SettingsError(f"environment: {error}. Lists and tables are given as JSON.") from error


def _nested(overrides: Iterable[str]) -> dict[str, Any]:
    """`a.b=1` as `{"a": {"b": "1"}}`."""
    tree: dict[str, Any] = {}
    for override in overrides:
        name, equals, value = override.partition("=")
        if not equals:
            raise SettingsError(f"--set {override}: no value. Write --set {name}=VALUE.")
        *sections, key = name.strip().split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
            if not isinstance(branch, dict):
                raise SettingsError(f"--set {override}: {section} is a value, not a section. See docs/settings.md.")
        branch[key] = _value(name, value)
    return tree


def _value(name: str, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f'--set {name}: not valid JSON ({error}). Write lists as ["a", "b"].') from error


def _name(problem: Any) -> str:
    return ".".join(str(part) for part in problem["loc"] if not re.search(r"[^a-z_0-9]|^int$", str(part)))


def _sentence(problem: Any) -> str:
    """One validation problem as a sentence."""
    name = _name(problem)
    if problem["type"] != "extra_forbidden":
        plain = next((text for kind, text in PLAIN.items() if problem["type"].startswith(kind)), problem["msg"])
        given = (
            "" if name.startswith(("tracking", "serve.", "alerts.dashboard")) else f" (given: {problem['input']!r})"
        )  # it may have a password in it
        return (
            f"setting {name}: {plain.removeprefix('Value error, ')}{given}."
            if name
            else f"{problem['msg'].removeprefix('Value error, ')}."
        )
    sections = {known.partition(".")[0] for known in names()}
    near = difflib.get_close_matches(name, sections if name.count(".") == 0 else names(), 1)
    return f"there is no setting {name}{f'; did you mean {near[0]}' if near else ', see docs/settings.md'}?"


def names(model: type[BaseModel] = Settings, prefix: str = "") -> dict[str, FieldInfo]:
    """Every setting by its full name, such as `segments.k`."""
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found |= names(field.annotation, f"{prefix}{name}.")
        else:
            found[prefix + name] = field
    return found
