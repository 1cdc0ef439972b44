view: segments {
  sql_table_name: `@{DATASET}.segments` ;;

  dimension: customer_id {
    type: string
    description: "Customer, as it came"
    primary_key: yes
    sql: ${TABLE}.customer_id ;;
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
    description: "Distance to the middle of the segment, in the model's space"
    sql: ${TABLE}.distance ;;
  }

  dimension: runner_up {
    type: number
    description: "Number of the next nearest segment"
    sql: ${TABLE}.runner_up ;;
  }

  dimension: runner_up_distance {
    type: number
    description: "Distance to the middle of the next nearest segment"
    sql: ${TABLE}.runner_up_distance ;;
  }

  dimension: move_segment {
    type: number
    description: "Number of the segment that the smallest change leads to"
    sql: ${TABLE}.move_segment ;;
  }

  dimension: move_feature {
    type: string
    description: "The one feature that has to change for the smallest change of segment"
    sql: ${TABLE}.move_feature ;;
  }

  dimension: move_to {
    type: number
    description: "The value that this feature would have to pass, in its own unit"
    sql: ${TABLE}.move_to ;;
  }

  dimension: wholesale {
    type: yesno
    description: "Buys like a trader: many more units a line than the shop's usual customer"
    sql: ${TABLE}.wholesale ;;
  }

  dimension: buyer {
    type: string
    description: "Kind of buyer: personal, bulk or reseller"
    sql: ${TABLE}.buyer ;;
  }

  measure: count {
    type: count
    description: "How many customers"
  }
}
