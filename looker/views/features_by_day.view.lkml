view: features_by_day {
  sql_table_name: `@{DATASET}.features_by_day` ;;

  dimension: key {
    primary_key: yes
    hidden: yes
    type: string
    sql: CONCAT(CAST(${TABLE}.day AS STRING), '|', CAST(${TABLE}.feature AS STRING)) ;;
  }

  dimension_group: day {
    type: time
    datatype: date
    convert_tz: no
    timeframes: [date, week, month, quarter, year]
    description: "The day, in UTC"
    sql: ${TABLE}.day ;;
  }

  dimension: feature {
    type: string
    description: "A feature of customers"
    sql: ${TABLE}.feature ;;
  }

  dimension: day_mean {
    type: number
    description: "Mean of the day"
    hidden: yes
    sql: ${TABLE}.mean ;;
  }

  dimension: day_predictions {
    type: number
    description: "Predictions of the day"
    hidden: yes
    sql: ${TABLE}.predictions ;;
  }

  measure: predictions {
    type: sum
    description: "Predictions that gave it"
    value_format_name: decimal_0
    sql: ${day_predictions} ;;
  }

  measure: minimum {
    type: min
    description: "The least that was asked"
    value_format_name: decimal_2
    sql: ${TABLE}.minimum ;;
  }

  measure: maximum {
    type: max
    description: "The most that was asked"
    value_format_name: decimal_2
    sql: ${TABLE}.maximum ;;
  }

  measure: mean {
    type: number
    description: "The mean of what was asked"
    value_format_name: decimal_2
    sql: SAFE_DIVIDE(SUM(${day_mean} * ${day_predictions}), SUM(${day_predictions})) ;;
  }

  measure: median {
    type: average
    description: "Half of what was asked lies below; over several days the mean of their medians"
    value_format_name: decimal_2
    sql: ${TABLE}.median ;;
  }

  measure: customers_minimum {
    type: min
    description: "The least of all customers of the last run"
    value_format_name: decimal_2
    sql: ${TABLE}.customers_minimum ;;
  }

  measure: customers_maximum {
    type: max
    description: "The most of all customers of the last run"
    value_format_name: decimal_2
    sql: ${TABLE}.customers_maximum ;;
  }

  measure: customers_mean {
    type: average
    description: "The mean of all customers of the last run"
    value_format_name: decimal_2
    sql: ${TABLE}.customers_mean ;;
  }

  measure: customers_median {
    type: average
    description: "Half of all customers of the last run lie below"
    value_format_name: decimal_2
    sql: ${TABLE}.customers_median ;;
  }
}
