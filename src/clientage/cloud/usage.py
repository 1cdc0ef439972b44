"""How often endpoints of Vertex AI were asked, by Google Cloud's own counting."""

from datetime import UTC, datetime, timedelta

from clientage.cloud import refusals
from clientage.cloud.clients import ATTEMPT, Google
from clientage.cloud.refusals import Service

API = "monitoring.googleapis.com"
COUNT = "aiplatform.googleapis.com/prediction/online/prediction_count"


def predictions(google: Google, days: int) -> dict[str, int]:
    """Predictions by number of the endpoint, in the last days; endpoints that nobody asked are not there.

    Raises:
        CloudError: It cannot be asked for.
    """
    from google.api_core.exceptions import from_http_response  # noqa: PLC0415

    now = datetime.now(UTC)
    asked = {
        "filter": f'metric.type="{COUNT}" AND resource.type="aiplatform.googleapis.com/Endpoint"',
        "interval.startTime": (now - timedelta(days=days)).isoformat(),
        "interval.endTime": now.isoformat(),
        "aggregation.alignmentPeriod": f"{days * 86_400}s",
        "aggregation.perSeriesAligner": "ALIGN_SUM",
        "aggregation.crossSeriesReducer": "REDUCE_SUM",
        "aggregation.groupByFields": "resource.labels.endpoint_id",
    }
    service = Service(
        "Cloud Monitoring",
        API,
        google.project,
        permission="this account may not read how often endpoints are asked. Grant it roles/monitoring.viewer.",
        missing="there is no such project. Check google.project.",
    )
    with refusals.explained(google.place, service):
        url = f"{google.address(API)}/v3/projects/{google.project}/timeSeries"
        answer = google.session().get(url, params=asked, timeout=ATTEMPT)
        if answer.status_code != 200:
            raise from_http_response(answer)  # type: ignore[no-untyped-call]
        found: dict[str, int] = {}
        for series in answer.json().get("timeSeries", ()):
            name = series["resource"]["labels"]["endpoint_id"]
            counted = sum(int(float(next(iter(point["value"].values())))) for point in series["points"])
            found[name] = found.get(name, 0) + counted
        return found
