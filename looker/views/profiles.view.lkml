view: profiles {
  sql_table_name: `@{DATASET}.profiles` ;;

  dimension: segment_id {
    type: number
    primary_key: yes
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

  dimension: summary {
    type: string
    description: "Who they are, in a sentence"
    sql: ${TABLE}.summary ;;
  }

  dimension: action {
    type: string
    description: "What to do with them"
    sql: ${TABLE}.action ;;
  }

  dimension: rule {
    type: string
    description: "The segment as two or three conditions in the shop's units"
    sql: ${TABLE}.rule ;;
  }

  dimension: horizon_days {
    type: number
    description: "How far the next two columns look ahead"
    sql: ${TABLE}.horizon_days ;;
  }

  measure: customers {
    type: sum
    description: "Customers in it"
    value_format_name: decimal_0
    sql: ${TABLE}.customers ;;
  }

  measure: share {
    type: sum
    description: "Share of all customers, in [0, 1]"
    value_format_name: percent_1
    sql: ${TABLE}.share ;;
  }

  measure: revenue {
    type: sum
    description: "Spend less returns of its customers"
    value_format_name: decimal_2
    sql: ${TABLE}.revenue ;;
  }

  measure: revenue_share {
    type: sum
    description: "Share of all revenue, in [0, 1]"
    value_format_name: percent_1
    sql: ${TABLE}.revenue_share ;;
  }

  measure: buys_again {
    type: average
    description: "Share that bought within the horizon, in [0, 1]; at the last day it is known for; of one segment"
    value_format_name: percent_1
    sql: ${TABLE}.buys_again ;;
  }

  measure: next_spend {
    type: average
    description: "Mean spend in that horizon, less returns; of one segment"
    value_format_name: decimal_2
    sql: ${TABLE}.next_spend ;;
  }

  measure: expected_spend {
    type: average
    description: "Mean spend to expect within the horizon from now on; of one segment"
    value_format_name: decimal_2
    sql: ${TABLE}.expected_spend ;;
  }

  measure: wholesale_share {
    type: average
    description: "Share flagged as wholesale, in [0, 1]; of one segment"
    value_format_name: percent_1
    sql: ${TABLE}.wholesale_share ;;
  }

  measure: bulk_share {
    type: average
    description: "Share of bulk buyers, in [0, 1]; of one segment"
    value_format_name: percent_1
    sql: ${TABLE}.bulk_share ;;
  }

  measure: reseller_share {
    type: average
    description: "Share of resellers, in [0, 1]; of one segment"
    value_format_name: percent_1
    sql: ${TABLE}.reseller_share ;;
  }
}
