-- Requests by day and version of the model: how many, how many instances, refusals, and how long answers took.
WITH requests AS (
  SELECT
    request_id,
    version,
    DATE(MIN(time)) AS day,
    MAX(latency) AS latency,
    COUNT(*) AS instances,
    COUNTIF(error IS NOT NULL) AS refused
  FROM `{dataset}.predictions_once`
  GROUP BY request_id, version
)

SELECT
  day,
  version,
  COUNT(*) AS requests,
  SUM(instances) AS instances,
  SUM(refused) AS refused,
  APPROX_QUANTILES(latency, 100)[OFFSET(50)] AS latency_p50,
  APPROX_QUANTILES(latency, 100)[OFFSET(95)] AS latency_p95,
  APPROX_QUANTILES(latency, 100)[OFFSET(99)] AS latency_p99
FROM requests
GROUP BY day, version
