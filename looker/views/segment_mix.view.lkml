view: segment_mix {
  sql_table_name: `@{DATASET}.segment_mix` ;;

  dimension: key {
    primary_key: yes
    hidden: yes
    type: string
    sql: CONCAT(CAST(${TABLE}.day AS STRING), '|', CAST(${TABLE}.segment_id AS STRING)) ;;
  }

  dimension_group: day {
    type: time
    datatype: date
    convert_tz: no
    timeframes: [date, week, month, quarter, year]
    description: "The day, in UTC"
    sql: ${TABLE}.day ;;
  }

  dimension: segment_id {
    type: number
    description: "Number of the segment; it stays with it when the model is made anew"
    value_format_name: id
    sql: ${TABLE}.segment_id ;;
  }

  dimension: segment {
    type: string
    description: "Name of the segment, in plain words"
    order_by_field: segment_id
    html: <span style="color: {{ colour._value }}">&#9679;</span> {{ rendered_value }} ;;
    sql: ${TABLE}.segment ;;
  }

  dimension: colour {
    type: string
    description: "Its colour everywhere, as #rrggbb"
    sql: ${TABLE}.colour ;;
  }

  measure: predictions {
    type: sum
    description: "Predictions of the segment"
    value_format_name: decimal_0
    sql: ${TABLE}.predictions ;;
  }

  measure: answered_share {
    type: average
    description: "Share of the segment among a day's predictions; over several days the mean"
    value_format_name: percent_1
    sql: ${TABLE}.answered_share ;;
  }

  measure: customers_share {
    type: average
    description: "Share of the segment among all customers of the last run"
    value_format_name: percent_1
    sql: ${TABLE}.customers_share ;;
  }
}
