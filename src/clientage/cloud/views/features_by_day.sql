-- What the service was asked, feature by feature and day by day, beside all customers of the last run.
WITH customers AS (
  SELECT
    feature,
    MIN(value) AS minimum,
    MAX(value) AS maximum,
    AVG(value) AS mean,
    APPROX_QUANTILES(value, 100)[OFFSET(50)] AS median
  FROM `{dataset}.customer_features`
  GROUP BY feature
),

asked AS (
  SELECT
    day,
    feature,
    COUNT(*) AS predictions,
    MIN(value) AS minimum,
    MAX(value) AS maximum,
    AVG(value) AS mean,
    APPROX_QUANTILES(value, 100)[OFFSET(50)] AS median
  FROM `{dataset}.prediction_features`
  GROUP BY day, feature
)

SELECT
  asked.day,
  asked.feature,
  asked.predictions,
  asked.minimum,
  asked.maximum,
  asked.mean,
  asked.median,
  customers.minimum AS customers_minimum,
  customers.maximum AS customers_maximum,
  customers.mean AS customers_mean,
  customers.median AS customers_median
FROM asked
LEFT JOIN customers ON asked.feature = customers.feature
