view: customers {
  sql_table_name: `@{DATASET}.customers` ;;

  dimension: customer_id {
    type: string
    description: "Customer, as it came"
    primary_key: yes
    sql: ${TABLE}.customer_id ;;
  }

  dimension_group: as_of {
    type: time
    datatype: date
    convert_tz: no
    timeframes: [date, week, month, quarter, year]
    description: "The day the features look back from; lines before it count"
    sql: ${TABLE}.as_of ;;
  }

  dimension: country {
    type: string
    description: "Country of most of the customer's lines"
    sql: ${TABLE}.country ;;
  }

  dimension: recency_days {
    type: number
    description: "Days from the last line of any kind to the day the features look back from"
    sql: ${TABLE}.recency_days ;;
  }

  dimension: tenure_days {
    type: number
    description: "Days from the first line to the day the features look back from"
    sql: ${TABLE}.tenure_days ;;
  }

  dimension: frequency {
    type: number
    description: "Orders that were completed"
    sql: ${TABLE}.frequency ;;
  }

  dimension: monetary {
    type: number
    description: "Spend less returns, not below zero, in the shop's currency"
    sql: ${TABLE}.monetary ;;
  }

  dimension: lines_per_basket {
    type: number
    description: "Lines in a completed order, on average"
    sql: ${TABLE}.lines_per_basket ;;
  }

  dimension: units_per_line {
    type: number
    description: "Units in a completed line, on average"
    sql: ${TABLE}.units_per_line ;;
  }

  dimension: invoices {
    type: number
    description: "Orders of any kind, cancellations included"
    sql: ${TABLE}.invoices ;;
  }

  dimension: units {
    type: number
    description: "Units bought less units returned"
    sql: ${TABLE}.units ;;
  }

  dimension: spend {
    type: number
    description: "Spend less returns, in the shop's currency"
    sql: ${TABLE}.spend ;;
  }

  dimension: spend_per_invoice {
    type: number
    description: "Spend less returns per order of any kind, in the shop's currency"
    sql: ${TABLE}.spend_per_invoice ;;
  }

  dimension: products {
    type: number
    description: "Different products"
    sql: ${TABLE}.products ;;
  }

  dimension: days_between_purchases {
    type: number
    description: "Mean days between distinct days with an order; null where there is one day"
    sql: ${TABLE}.days_between_purchases ;;
  }

  dimension: favourite_weekday {
    type: number
    description: "Weekday of most lines; 0 is Monday, ties go to the lowest"
    sql: ${TABLE}.favourite_weekday ;;
  }

  dimension: favourite_hour {
    type: number
    description: "Hour of most lines; ties go to the lowest"
    sql: ${TABLE}.favourite_hour ;;
  }

  dimension: is_home_country {
    type: yesno
    description: "Whether most lines went to the shop's own country"
    sql: ${TABLE}.is_home_country ;;
  }

  dimension: cancelled_invoices {
    type: number
    description: "Orders with a return"
    sql: ${TABLE}.cancelled_invoices ;;
  }

  dimension: cancellation_rate {
    type: number
    description: "Orders with a return per order"
    sql: ${TABLE}.cancellation_rate ;;
  }

  dimension: monthly_spend_mean {
    type: number
    description: "Mean spend of the months with an order, in the shop's currency"
    sql: ${TABLE}.monthly_spend_mean ;;
  }

  dimension: monthly_spend_std {
    type: number
    description: "How much the spend of the months with an order varies (standard deviation); 0 for a single month, in the shop's currency"
    sql: ${TABLE}.monthly_spend_std ;;
  }

  dimension: monthly_spend_trend {
    type: number
    description: "How the spend of the months with an order grows from month to month (slope); 0 for a single month, in the shop's currency"
    sql: ${TABLE}.monthly_spend_trend ;;
  }

  dimension: expected_orders {
    type: number
    description: "Days with an order to expect within the horizon; a ranking"
    sql: ${TABLE}.expected_orders ;;
  }

  dimension: expected_spend {
    type: number
    description: "Spend to expect within the horizon; a ranking, in the shop's currency"
    sql: ${TABLE}.expected_spend ;;
  }

  measure: count {
    type: count
    description: "How many customers"
  }

  measure: revenue {
    type: sum
    description: "Spend less returns of all of them"
    value_format_name: decimal_2
    sql: ${spend} ;;
  }

  measure: mean_recency_days {
    type: average
    description: "Days from the last line of any kind to the day the features look back from; the mean over customers"
    value_format_name: decimal_0
    sql: ${recency_days} ;;
  }

  measure: mean_frequency {
    type: average
    description: "Orders that were completed; the mean over customers"
    value_format_name: decimal_2
    sql: ${frequency} ;;
  }

  measure: mean_monetary {
    type: average
    description: "Spend less returns, not below zero; the mean over customers"
    value_format_name: decimal_2
    sql: ${monetary} ;;
  }

  measure: mean_lines_per_basket {
    type: average
    description: "Lines in a completed order, on average; the mean over customers"
    value_format_name: decimal_2
    sql: ${lines_per_basket} ;;
  }

  measure: mean_units_per_line {
    type: average
    description: "Units in a completed line, on average; the mean over customers"
    value_format_name: decimal_2
    sql: ${units_per_line} ;;
  }

  measure: mean_cancellation_rate {
    type: average
    description: "Orders with a return per order; the mean over customers"
    value_format_name: percent_1
    sql: ${cancellation_rate} ;;
  }
}
