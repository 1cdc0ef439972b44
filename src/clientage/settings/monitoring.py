"""Settings of monitoring: when the segments stop being true, and who is told."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from clientage.settings.addresses import Page, Place
from clientage.settings.section import Count, OptionalDay, Section, Share


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
    send: Place = Field(
        "",
        description="Where what was found is sent each time, beside the workspace: bigquery://project/dataset; empty: "
        "nowhere.",
    )


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
    dashboard_url: Page = Field("", description="Address of the dashboard, put into every notice; empty: none.")
