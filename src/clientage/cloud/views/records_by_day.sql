-- Rows of predictions by day: how many came, how many are different, how many requests and customers are behind them.
SELECT
  DATE(time) AS day,
  COUNT(*) AS records,
  COUNT(DISTINCT prediction_id) AS predictions,
  COUNT(*) - COUNT(DISTINCT prediction_id) AS sent_twice,
  COUNT(DISTINCT request_id) AS requests,
  COUNT(DISTINCT customer_id) AS customers,
  COUNT(DISTINCT IF(error IS NULL, NULL, prediction_id)) AS refused
FROM `{dataset}.predictions`
GROUP BY day
