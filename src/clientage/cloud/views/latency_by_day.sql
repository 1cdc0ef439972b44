-- How long answers took, by day: percentiles over requests of all versions, in seconds.
WITH requests AS (
  SELECT
    request_id,
    DATE(MIN(time)) AS day,
    MAX(latency) AS latency
  FROM `{dataset}.predictions_once`
  GROUP BY request_id
)

SELECT
  day,
  COUNT(*) AS requests,
  APPROX_QUANTILES(latency, 100)[OFFSET(50)] AS p50,
  APPROX_QUANTILES(latency, 100)[OFFSET(90)] AS p90,
  APPROX_QUANTILES(latency, 100)[OFFSET(95)] AS p95,
  APPROX_QUANTILES(latency, 100)[OFFSET(99)] AS p99,
  MAX(latency) AS longest
FROM requests
GROUP BY day
