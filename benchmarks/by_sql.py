"""Plain SQL, as an analyst writes it straight down for DuckDB: what each feature is, from all clean lines."""

FEATURES = r"""
WITH lines AS (
    SELECT
        customer_id, invoice, product, country, quantity, quantity * unit_price AS amount,
        invoiced_at, invoiced_at::DATE AS day
    FROM read_parquet($raw)
    WHERE unreadable IS NULL
      AND customer_id IS NOT NULL AND description IS NOT NULL
      AND abs(quantity) <= 1e8 AND abs(unit_price) <= 1e8 AND year(invoiced_at) BETWEEN 1970 AND 2099
      AND unit_price > 0
      AND regexp_matches(product, '[0-9][^0-9]*[0-9]')
      AND description NOT IN ('Next Day Carriage', 'High Resolution Image')
      AND invoiced_at < $as_of::DATE
    QUALIFY row_number() OVER (PARTITION BY invoice, product, description, customer_id, quantity
                               ORDER BY unit_price, invoiced_at) = 1
),
totals AS (
    SELECT
        customer_id,
        $as_of::DATE - max(day) AS recency_days,
        $as_of::DATE - min(day) AS tenure_days,
        count(DISTINCT invoice) FILTER (WHERE amount >= 0) AS frequency,
        count(DISTINCT invoice) AS invoices,
        count(DISTINCT invoice) FILTER (WHERE amount < 0) AS cancelled_invoices,
        count(DISTINCT product) AS products,
        sum(quantity) AS units,
        sum(amount) AS spend,
        count(*) FILTER (WHERE amount >= 0) AS lines_bought,
        sum(quantity) FILTER (WHERE amount >= 0) AS units_bought
    FROM lines GROUP BY customer_id
),
weekdays AS (
    SELECT customer_id, isodow(day) - 1 AS favourite_weekday
    FROM lines GROUP BY customer_id, favourite_weekday
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, favourite_weekday) = 1
),
hours AS (
    SELECT customer_id, hour(invoiced_at) AS favourite_hour
    FROM lines GROUP BY customer_id, favourite_hour
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, favourite_hour) = 1
),
countries AS (
    SELECT customer_id, country
    FROM lines GROUP BY customer_id, country
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, country) = 1
),
gaps AS (
    SELECT customer_id, day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap
    FROM (SELECT DISTINCT customer_id, day FROM lines)
),
rhythm AS (SELECT customer_id, avg(gap) AS days_between_purchases FROM gaps GROUP BY customer_id),
months AS (
    SELECT
        customer_id,
        sum(amount) AS amount,
        row_number() OVER (PARTITION BY customer_id ORDER BY date_trunc('month', day)) AS number
    FROM lines GROUP BY customer_id, date_trunc('month', day)
),
monthly AS (
    SELECT
        customer_id,
        avg(amount) AS monthly_spend_mean,
        coalesce(stddev_samp(amount), 0) AS monthly_spend_std,
        CASE WHEN count(*) > 1 THEN regr_slope(amount, number) ELSE 0 END AS monthly_spend_trend
    FROM months GROUP BY customer_id
)
SELECT
    customer_id, recency_days, tenure_days, frequency, greatest(spend, 0) AS monetary, invoices, spend,
    spend / invoices AS spend_per_invoice, units, products,
    coalesce(lines_bought / nullif(frequency, 0), 0) AS lines_per_basket,
    coalesce(units_bought / lines_bought, 0) AS units_per_line,
    cancelled_invoices, cancelled_invoices / invoices AS cancellation_rate,
    days_between_purchases, favourite_weekday, favourite_hour,
    monthly_spend_mean, monthly_spend_std, monthly_spend_trend,
    country, country = (SELECT country FROM lines GROUP BY country ORDER BY count(*) DESC LIMIT 1) AS is_home_country
FROM totals
JOIN weekdays USING (customer_id)
JOIN hours USING (customer_id)
JOIN countries USING (customer_id)
JOIN rhythm USING (customer_id)
JOIN monthly USING (customer_id)
ORDER BY customer_id
"""
