view: records_by_day {
  sql_table_name: `@{DATASET}.records_by_day` ;;

  dimension_group: day {
    type: time
    datatype: date
    convert_tz: no
    timeframes: [date, week, month, quarter, year]
    description: "The day, in UTC"
    sql: ${TABLE}.day ;;
  }

  dimension: key {
    primary_key: yes
    hidden: yes
    type: string
    sql: CONCAT(CAST(${TABLE}.day AS STRING)) ;;
  }

  measure: records {
    type: sum
    description: "Rows that came"
    value_format_name: decimal_0
    sql: ${TABLE}.records ;;
  }

  measure: predictions {
    type: sum
    description: "Different predictions among them"
    value_format_name: decimal_0
    sql: ${TABLE}.predictions ;;
  }

  measure: sent_twice {
    type: sum
    description: "Rows that were sent once more; the other tables count them once"
    value_format_name: decimal_0
    sql: ${TABLE}.sent_twice ;;
  }

  measure: requests {
    type: sum
    description: "Requests behind them; one that goes over midnight counts on both days"
    value_format_name: decimal_0
    sql: ${TABLE}.requests ;;
  }

  measure: customers {
    type: max
    description: "Different customers, on the day with the most"
    value_format_name: decimal_0
    sql: ${TABLE}.customers ;;
  }

  measure: refused {
    type: sum
    description: "Instances that were refused"
    value_format_name: decimal_0
    sql: ${TABLE}.refused ;;
  }
}
