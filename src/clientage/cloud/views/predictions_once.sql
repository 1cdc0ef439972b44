-- Every prediction once, also where its row was sent twice. The other views read this one.
SELECT
  prediction_id,
  request_id,
  place,
  time,
  version,
  form,
  customer_id,
  inputs,
  segment_id,
  segment,
  distance,
  runner_up,
  shadow_version,
  shadow_segment_id,
  latency,
  error
FROM `{dataset}.predictions`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY prediction_id ORDER BY time) = 1
