"""The only configuration: one frozen model.

Precedence: command-line flags, then `CLIENTAGE_SECTION__KEY` in the environment, then `clientage.toml`, then the
defaults of its sections. Secrets come from the environment only.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator
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
from clientage.settings.monitoring import Alerts, Monitor
from clientage.settings.recommendations import Recommendations
from clientage.settings.section import OptionalDay, Section
from clientage.settings.segments import Evaluate, Gate, Segments, Sweep
from clientage.settings.serving import Dashboard, Serve
from clientage.settings.source import Clean, Shop, Source
from clientage.settings.stores import Tracking, Warehouse

MOST_CANDIDATES = 10_000  # of a sweep


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

    def within(self, folder: Path) -> Self:
        """The same for a workspace within the workspace, whose tables no view shows."""
        return self.model_copy(
            update={"workspace": folder, "warehouse": self.warehouse.model_copy(update={"views": False})}
        )

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
        if self.segments.full_fit and not self.warehouse.is_spark:
            raise ValueError(
                "segments.full_fit: only Spark fits on all customers. Give --warehouse 'local[*]' or "
                "spark://host:port, or fit on a larger sample, such as --set segments.sample=200000"
            )
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
        if self.deploy.min_containers > self.deploy.max_replicas:
            raise ValueError("deploy.min_containers is above deploy.max_replicas: give min_containers ≤ max_replicas")
        return self


# what a value should be, by the kind of the validator's complaint
PLAIN = {
    "date_": "write a date as 2024-12-31",
    "int_": "give a whole number",
    "float_": "give a number",
    "bool_": "give true or false",
    "tuple_": 'write a list as ["a", "b"]',
    "string_too_short": "it cannot be empty",
    "greater_than_equal": "give {ge} or more",
    "greater_than": "give more than {gt}",
    "less_than_equal": "give {le} or less",
    "less_than": "give less than {lt}",
    "finite_": "give a number",
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
        for limit, value in problem.get("ctx", {}).items():
            plain = plain.replace(f"{{{limit}}}", str(value).removesuffix(".0"))
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
