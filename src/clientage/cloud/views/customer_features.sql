-- The features of all customers of the last run, a row for each customer and feature that the shop's data give.
WITH customers AS (
  SELECT
    of_shop.customer_id,
    TO_JSON_STRING(of_shop) AS features
  FROM `{dataset}.customers` AS of_shop
)

SELECT
  customers.customer_id,
  known.feature,
  known.value
FROM customers
CROSS JOIN
  UNNEST(ARRAY<STRUCT<feature STRING, value FLOAT64>>[
    ('recency_days', SAFE_CAST(JSON_VALUE(customers.features, '$.recency_days') AS FLOAT64)),
    ('tenure_days', SAFE_CAST(JSON_VALUE(customers.features, '$.tenure_days') AS FLOAT64)),
    ('frequency', SAFE_CAST(JSON_VALUE(customers.features, '$.frequency') AS FLOAT64)),
    ('monetary', SAFE_CAST(JSON_VALUE(customers.features, '$.monetary') AS FLOAT64)),
    ('lines_per_basket', SAFE_CAST(JSON_VALUE(customers.features, '$.lines_per_basket') AS FLOAT64)),
    ('units_per_line', SAFE_CAST(JSON_VALUE(customers.features, '$.units_per_line') AS FLOAT64)),
    ('invoices', SAFE_CAST(JSON_VALUE(customers.features, '$.invoices') AS FLOAT64)),
    ('units', SAFE_CAST(JSON_VALUE(customers.features, '$.units') AS FLOAT64)),
    ('spend', SAFE_CAST(JSON_VALUE(customers.features, '$.spend') AS FLOAT64)),
    ('spend_per_invoice', SAFE_CAST(JSON_VALUE(customers.features, '$.spend_per_invoice') AS FLOAT64)),
    ('products', SAFE_CAST(JSON_VALUE(customers.features, '$.products') AS FLOAT64)),
    ('days_between_purchases', SAFE_CAST(JSON_VALUE(customers.features, '$.days_between_purchases') AS FLOAT64)),
    ('favourite_weekday', SAFE_CAST(JSON_VALUE(customers.features, '$.favourite_weekday') AS FLOAT64)),
    ('favourite_hour', SAFE_CAST(JSON_VALUE(customers.features, '$.favourite_hour') AS FLOAT64)),
    ('cancelled_invoices', SAFE_CAST(JSON_VALUE(customers.features, '$.cancelled_invoices') AS FLOAT64)),
    ('cancellation_rate', SAFE_CAST(JSON_VALUE(customers.features, '$.cancellation_rate') AS FLOAT64)),
    ('monthly_spend_mean', SAFE_CAST(JSON_VALUE(customers.features, '$.monthly_spend_mean') AS FLOAT64)),
    ('monthly_spend_std', SAFE_CAST(JSON_VALUE(customers.features, '$.monthly_spend_std') AS FLOAT64)),
    ('monthly_spend_trend', SAFE_CAST(JSON_VALUE(customers.features, '$.monthly_spend_trend') AS FLOAT64)),
    ('expected_orders', SAFE_CAST(JSON_VALUE(customers.features, '$.expected_orders') AS FLOAT64)),
    ('expected_spend', SAFE_CAST(JSON_VALUE(customers.features, '$.expected_spend') AS FLOAT64))
  ]) AS known
WHERE known.value IS NOT NULL
