view: latency_by_day {
  sql_table_name: `@{DATASET}.latency_by_day` ;;

  dimension: key {
    primary_key: yes
    hidden: yes
    type: string
    sql: CONCAT(CAST(${TABLE}.day AS STRING)) ;;
  }

  dimension_group: day {
    type: time
    datatype: date
    convert_tz: no
    timeframes: [date, week, month, quarter, year]
    description: "The day, in UTC"
    sql: ${TABLE}.day ;;
  }

  measure: requests {
    type: sum
    description: "Requests"
    value_format_name: decimal_0
    sql: ${TABLE}.requests ;;
  }

  measure: p50 {
    type: max
    description: "50 of 100 answers of a day took less, in seconds; over several days that of the slowest"
    value_format: "0.0000"
    sql: ${TABLE}.p50 ;;
  }

  measure: p90 {
    type: max
    description: "90 of 100 answers of a day took less, in seconds; over several days that of the slowest"
    value_format: "0.0000"
    sql: ${TABLE}.p90 ;;
  }

  measure: p95 {
    type: max
    description: "95 of 100 answers of a day took less, in seconds; over several days that of the slowest"
    value_format: "0.0000"
    sql: ${TABLE}.p95 ;;
  }

  measure: p99 {
    type: max
    description: "99 of 100 answers of a day took less, in seconds; over several days that of the slowest"
    value_format: "0.0000"
    sql: ${TABLE}.p99 ;;
  }

  measure: longest {
    type: max
    description: "The slowest answer, in seconds"
    value_format: "0.0000"
    sql: ${TABLE}.longest ;;
  }
}
