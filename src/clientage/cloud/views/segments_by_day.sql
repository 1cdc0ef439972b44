-- Which segments were answered, by day and version of the model.
SELECT
  DATE(time) AS day,
  version,
  segment_id,
  segment,
  COUNT(*) AS predictions,
  AVG(distance) AS mean_distance
FROM `{dataset}.predictions_once`
WHERE error IS NULL
GROUP BY day, version, segment_id, segment
