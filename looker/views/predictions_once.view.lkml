view: predictions_once {
  sql_table_name: `@{DATASET}.predictions_once` ;;

  dimension: prediction_id {
    type: string
    description: "The request and the place in it, such as 7f3a-0"
    primary_key: yes
    sql: ${TABLE}.prediction_id ;;
  }

  dimension: request_id {
    type: string
    description: "The request"
    sql: ${TABLE}.request_id ;;
  }

  dimension_group: time {
    type: time
    timeframes: [raw, minute, hour, date, week, month, year]
    description: "When the request was answered, in UTC"
    sql: ${TABLE}.time ;;
  }

  dimension: version {
    type: string
    description: "Version of the model that answered"
    sql: ${TABLE}.version ;;
  }

  dimension: form {
    type: string
    description: "What the request gave: features, customer, purchases or components"
    sql: ${TABLE}.form ;;
  }

  dimension: customer_id {
    type: string
    description: "Customer, as the request gave it; null where it gave none"
    sql: ${TABLE}.customer_id ;;
  }

  dimension: inputs {
    type: string
    description: "The numbers the model saw, as a JSON object; null where one was missing"
    sql: ${TABLE}.inputs ;;
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
    sql: ${TABLE}.segment ;;
  }

  dimension: distance {
    type: number
    description: "Distance to the middle of the segment, in the model's space; null for a grid"
    sql: ${TABLE}.distance ;;
  }

  dimension: runner_up {
    type: number
    description: "Number of the next nearest segment; null for a grid"
    sql: ${TABLE}.runner_up ;;
  }

  dimension: shadow_version {
    type: string
    description: "Version of the model that was asked beside it; null where there was none"
    sql: ${TABLE}.shadow_version ;;
  }

  dimension: shadow_segment_id {
    type: number
    description: "Number of the segment by the model asked beside it"
    sql: ${TABLE}.shadow_segment_id ;;
  }

  dimension: latency {
    type: number
    description: "Seconds from the request to its answer"
    sql: ${TABLE}.latency ;;
  }

  dimension: error {
    type: string
    description: "Kind of problem for which the instance was refused; empty where it was answered"
    sql: ${TABLE}.error ;;
  }

  measure: count {
    type: count
    description: "How many predictions, refused ones too"
  }

  measure: requests {
    type: count_distinct
    description: "How many requests"
    sql: ${request_id} ;;
  }

  measure: refused {
    type: count
    description: "Instances that were refused"
    filters: [error: "-NULL"]
  }

  measure: mean_distance {
    type: average
    description: "How far customers lie from the middle of their segment, on average"
    value_format_name: decimal_2
    sql: ${distance} ;;
  }
}
