-- What monitoring found: the verdict on every window since the model was made, and on each measure in it.
SELECT
  `window` AS first_day,
  days,
  model,
  area,
  measure,
  subject,
  value,
  expected,
  low,
  high,
  score,
  verdict,
  because,
  `rows` AS based_on,
  `window` = MAX(`window`) OVER () AS is_latest
FROM `{dataset}.drift`
WHERE NOT reference
