view: requests_by_day {
  sql_table_name: `@{DATASET}.requests_by_day` ;;

  dimension: key {
    primary_key: yes
    hidden: yes
    type: string
    sql: CONCAT(CAST(${TABLE}.day AS STRING), '|', CAST(${TABLE}.version AS STRING)) ;;
  }

  dimension_group: day {
    type: time
    datatype: date
    convert_tz: no
    timeframes: [date, week, month, quarter, year]
    description: "The day, in UTC"
    sql: ${TABLE}.day ;;
  }

  dimension: version {
    type: string
    description: "Version of the model that answered"
    sql: ${TABLE}.version ;;
  }

  measure: requests {
    type: sum
    description: "Requests"
    value_format_name: decimal_0
    sql: ${TABLE}.requests ;;
  }

  measure: instances {
    type: sum
    description: "Customers asked for in them"
    value_format_name: decimal_0
    sql: ${TABLE}.instances ;;
  }

  measure: refused {
    type: sum
    description: "Those of them that were refused"
    value_format_name: decimal_0
    sql: ${TABLE}.refused ;;
  }

  measure: refused_share {
    type: number
    description: "Share of them that were refused"
    value_format_name: percent_1
    sql: SAFE_DIVIDE(${refused}, ${instances}) ;;
  }

  measure: latency_p50 {
    type: max
    description: "50 of 100 answers of a day took less, in seconds; over several days that of the slowest"
    value_format: "0.0000"
    sql: ${TABLE}.latency_p50 ;;
  }

  measure: latency_p95 {
    type: max
    description: "95 of 100 answers of a day took less, in seconds; over several days that of the slowest"
    value_format: "0.0000"
    sql: ${TABLE}.latency_p95 ;;
  }

  measure: latency_p99 {
    type: max
    description: "99 of 100 answers of a day took less, in seconds; over several days that of the slowest"
    value_format: "0.0000"
    sql: ${TABLE}.latency_p99 ;;
  }
}
