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
    description: "How many days ahead buying again and next spend look"
    sql: ${TABLE}.horizon_days ;;
  }

  measure: customers {
    type: sum
    description: "Customers in the segment"
    value_format_name: decimal_0
    sql: ${TABLE}.customers ;;
  }

  measure: share {
    type: sum
    description: "Share of all customers"
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
    description: "Share of all revenue"
    value_format_name: percent_1
    sql: ${TABLE}.revenue_share ;;
  }

  measure: buys_again {
    type: average
    description: "Share that bought within the horizon, at the last day for which that is known; choose a segment"
    value_format_name: percent_1
    sql: ${TABLE}.buys_again ;;
  }

  measure: next_spend {
    type: average
    description: "Mean spend in the horizon, less returns; choose a segment"
    value_format_name: decimal_2
    sql: ${TABLE}.next_spend ;;
  }

  measure: expected_spend {
    type: average
    description: "Mean spend to expect within the horizon from now on; choose a segment"
    value_format_name: decimal_2
    sql: ${TABLE}.expected_spend ;;
  }

  measure: wholesale_share {
    type: average
    description: "Share flagged as wholesale; choose a segment"
    value_format_name: percent_1
    sql: ${TABLE}.wholesale_share ;;
  }

  measure: bulk_share {
    type: average
    description: "Share of bulk buyers; choose a segment"
    value_format_name: percent_1
    sql: ${TABLE}.bulk_share ;;
  }

  measure: reseller_share {
    type: average
    description: "Share of resellers; choose a segment"
    value_format_name: percent_1
    sql: ${TABLE}.reseller_share ;;
  }
}
