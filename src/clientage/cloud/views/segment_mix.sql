-- Shares of the segments by day: among what was answered, beside those among all customers of the last run.
WITH answered AS (
  SELECT
    day,
    segment_id,
    ANY_VALUE(segment) AS segment,
    SUM(predictions) AS predictions
  FROM `{dataset}.segments_by_day`
  GROUP BY day, segment_id
),

days AS (
  SELECT
    day,
    SUM(predictions) AS predictions
  FROM answered
  GROUP BY day
),

usual AS (
  SELECT
    days.day,
    profiles.segment_id,
    profiles.segment,
    profiles.colour,
    profiles.share
  FROM days
  CROSS JOIN `{dataset}.profiles` AS profiles
)

SELECT
  days.day,
  COALESCE(usual.segment_id, answered.segment_id) AS segment_id,
  COALESCE(usual.segment, answered.segment) AS segment,
  usual.colour,
  COALESCE(answered.predictions, 0) AS predictions,
  COALESCE(answered.predictions, 0) / days.predictions AS answered_share,
  COALESCE(usual.share, 0) AS customers_share
FROM usual
FULL JOIN answered ON usual.day = answered.day AND usual.segment_id = answered.segment_id
INNER JOIN days ON COALESCE(usual.day, answered.day) = days.day
