"""Endpoints that cost money while nobody asks them."""

from typing import Any

from clientage.cloud import costs, usage, vertex_endpoints
from clientage.cloud.clients import Google
from clientage.cloud.vertex_endpoints import Endpoint
from clientage.errors import ClientageError
from clientage.settings import Settings


def examine(settings: Settings) -> dict[str, dict[str, Any]]:
    """What runs on Vertex AI and what a day of it costs; nothing where no project is set. Refusals are told.

    Args:
        settings: All of them.
    """
    wanted = settings.google
    if not wanted.project:
        return {}
    google = Google(wanted.project, wanted.region)
    try:
        running = [each for each in vertex_endpoints.every(google) if each.models]
    except ClientageError as error:
        return {"google cloud": {"endpoints": f"not known: {error}"}}
    if not running:
        return {"google cloud": {"endpoints": "none runs: nothing to pay"}}
    days = settings.deploy.idle_days
    try:
        asked: dict[str, int] | None = usage.predictions(google, days)
        unknown = {}
    except ClientageError as error:
        asked, unknown = None, {"predictions": f"not known: {error}"}
    return {"google cloud": {each.shown: _told(settings, each, asked) for each in running} | unknown}


def _told(settings: Settings, endpoint: Endpoint, asked: dict[str, int] | None) -> str:
    """What an endpoint costs, whether it is asked, and what ends it."""
    days, cost = settings.deploy.idle_days, _cost(endpoint, settings.google.region)
    named = "" if endpoint.shown == settings.deploy.endpoint else f" --set deploy.endpoint={endpoint.shown}"
    end = f"End the cost: clientage deploy vertex undeploy --all{named}"
    if asked is not None:
        count = asked.get(endpoint.name.rpartition("/")[2], 0)
        if not count:
            return f"idle: no prediction in {days:,} days, {cost}. {end}"
        cost = f"{count:,} predictions in {days:,} days, {cost}"
    without = [each for each in endpoint.models if not each.percent]
    spare = f" {len(without):,} without traffic: clientage deploy vertex undeploy{named}" if without else ""
    return f"{cost}.{spare}" if asked is not None else f"{cost}.{spare} {end}"


def _cost(endpoint: Endpoint, region: str) -> str:
    """What a day of its machines costs, as far as their prices are known."""
    machines = sum(each.machines for each in endpoint.models)
    told = f"{machines:,} machine{'s' * (machines != 1)}"
    hours = {each.kind: costs.machine_hour(each.kind) for each in endpoint.models}
    if unknown := sorted(kind for kind, hour in hours.items() if hour is None):
        return f"{told}, at the price of {', '.join(unknown)} in Google's list"
    day = 24 * sum(each.machines * (hours[each.kind] or 0) for each in endpoint.models)
    where = f" by the prices of {costs.REGION}" if region != costs.REGION else ""
    return f"{told}, about ${day:,.2f} a day{where}"
