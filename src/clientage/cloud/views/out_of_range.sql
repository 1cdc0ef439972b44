-- What the service was asked that lies outside the range of all customers of the last run: a row for each such number.
WITH customers AS (
  SELECT
    feature,
    MIN(value) AS low,
    MAX(value) AS high
  FROM `{dataset}.customer_features`
  GROUP BY feature
)

SELECT
  asked.day,
  asked.time,
  asked.prediction_id,
  asked.version,
  asked.customer_id,
  asked.feature,
  asked.value,
  customers.low,
  customers.high,
  IF(asked.value < customers.low, 'below', 'above') AS side
FROM `{dataset}.prediction_features` AS asked
INNER JOIN customers ON asked.feature = customers.feature
WHERE asked.value < customers.low OR asked.value > customers.high
