view: out_of_range {
  sql_table_name: `@{DATASET}.out_of_range` ;;

  dimension: key {
    primary_key: yes
    hidden: yes
    type: string
    sql: CONCAT(CAST(${TABLE}.prediction_id AS STRING), '|', CAST(${TABLE}.feature AS STRING)) ;;
  }

  dimension_group: day {
    type: time
    datatype: date
    convert_tz: no
    timeframes: [date, week, month, quarter, year]
    description: "The day, in UTC"
    sql: ${TABLE}.day ;;
  }

  dimension_group: time {
    type: time
    timeframes: [raw, minute, hour]
    description: "When the request was answered, in UTC"
    sql: ${TABLE}.time ;;
  }

  dimension: prediction_id {
    type: string
    description: "The request and the place in it"
    sql: ${TABLE}.prediction_id ;;
  }

  dimension: version {
    type: string
    description: "Version of the model that answered"
    sql: ${TABLE}.version ;;
  }

  dimension: customer_id {
    type: string
    description: "Customer, as the request gave it"
    sql: ${TABLE}.customer_id ;;
  }

  dimension: feature {
    type: string
    description: "A feature of customers"
    sql: ${TABLE}.feature ;;
  }

  dimension: value {
    type: number
    description: "What was asked"
    value_format_name: decimal_2
    sql: ${TABLE}.value ;;
  }

  dimension: low {
    type: number
    description: "The least of all customers of the last run"
    value_format_name: decimal_2
    sql: ${TABLE}.low ;;
  }

  dimension: high {
    type: number
    description: "The most of all customers of the last run"
    value_format_name: decimal_2
    sql: ${TABLE}.high ;;
  }

  dimension: side {
    type: string
    description: "below or above"
    sql: ${TABLE}.side ;;
  }

  measure: count {
    type: count
    description: "Numbers out of range"
  }

  measure: predictions {
    type: count_distinct
    description: "Predictions with such a number"
    sql: ${prediction_id} ;;
  }
}
