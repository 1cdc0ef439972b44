-- What the service was asked, a row for each prediction and feature; principal components are left out.
SELECT
  asked.prediction_id,
  asked.time,
  DATE(asked.time) AS day,
  asked.version,
  asked.customer_id,
  asked.segment_id,
  given.feature,
  given.value
FROM `{dataset}.predictions_once` AS asked
CROSS JOIN
  UNNEST(ARRAY<STRUCT<feature STRING, value FLOAT64>>[
    ('recency_days', SAFE_CAST(JSON_VALUE(asked.inputs, '$.recency_days') AS FLOAT64)),
    ('tenure_days', SAFE_CAST(JSON_VALUE(asked.inputs, '$.tenure_days') AS FLOAT64)),
    ('frequency', SAFE_CAST(JSON_VALUE(asked.inputs, '$.frequency') AS FLOAT64)),
    ('monetary', SAFE_CAST(JSON_VALUE(asked.inputs, '$.monetary') AS FLOAT64)),
    ('lines_per_basket', SAFE_CAST(JSON_VALUE(asked.inputs, '$.lines_per_basket') AS FLOAT64)),
    ('units_per_line', SAFE_CAST(JSON_VALUE(asked.inputs, '$.units_per_line') AS FLOAT64)),
    ('invoices', SAFE_CAST(JSON_VALUE(asked.inputs, '$.invoices') AS FLOAT64)),
    ('units', SAFE_CAST(JSON_VALUE(asked.inputs, '$.units') AS FLOAT64)),
    ('spend', SAFE_CAST(JSON_VALUE(asked.inputs, '$.spend') AS FLOAT64)),
    ('spend_per_invoice', SAFE_CAST(JSON_VALUE(asked.inputs, '$.spend_per_invoice') AS FLOAT64)),
    ('products', SAFE_CAST(JSON_VALUE(asked.inputs, '$.products') AS FLOAT64)),
    ('days_between_purchases', SAFE_CAST(JSON_VALUE(asked.inputs, '$.days_between_purchases') AS FLOAT64)),
    ('favourite_weekday', SAFE_CAST(JSON_VALUE(asked.inputs, '$.favourite_weekday') AS FLOAT64)),
    ('favourite_hour', SAFE_CAST(JSON_VALUE(asked.inputs, '$.favourite_hour') AS FLOAT64)),
    ('cancelled_invoices', SAFE_CAST(JSON_VALUE(asked.inputs, '$.cancelled_invoices') AS FLOAT64)),
    ('cancellation_rate', SAFE_CAST(JSON_VALUE(asked.inputs, '$.cancellation_rate') AS FLOAT64)),
    ('monthly_spend_mean', SAFE_CAST(JSON_VALUE(asked.inputs, '$.monthly_spend_mean') AS FLOAT64)),
    ('monthly_spend_std', SAFE_CAST(JSON_VALUE(asked.inputs, '$.monthly_spend_std') AS FLOAT64)),
    ('monthly_spend_trend', SAFE_CAST(JSON_VALUE(asked.inputs, '$.monthly_spend_trend') AS FLOAT64)),
    ('expected_orders', SAFE_CAST(JSON_VALUE(asked.inputs, '$.expected_orders') AS FLOAT64)),
    ('expected_spend', SAFE_CAST(JSON_VALUE(asked.inputs, '$.expected_spend') AS FLOAT64))
  ]) AS given
WHERE given.value IS NOT NULL
