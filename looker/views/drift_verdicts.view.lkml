view: drift_verdicts {
  sql_table_name: `@{DATASET}.drift_verdicts` ;;

  dimension: key {
    primary_key: yes
    hidden: yes
    type: string
    sql: CONCAT(CAST(${TABLE}.first_day AS STRING), '|', CAST(${TABLE}.area AS STRING), '|', CAST(${TABLE}.measure AS STRING), '|', CAST(${TABLE}.subject AS STRING)) ;;
  }

  dimension_group: first_day {
    type: time
    datatype: date
    convert_tz: no
    timeframes: [date, week, month, quarter, year]
    description: "First day of the window"
    sql: ${TABLE}.first_day ;;
  }

  dimension: days {
    type: number
    description: "Length of the window, in days"
    sql: ${TABLE}.days ;;
  }

  dimension: model {
    type: string
    description: "The model it was held against: the beginning of its checksum"
    sql: ${TABLE}.model ;;
  }

  dimension: area {
    type: string
    description: "all, volume, items, orders, missing, customers, segments, outcomes, predictions or service: where it was looked at"
    sql: ${TABLE}.area ;;
  }

  dimension: measure {
    type: string
    description: "What was measured"
    sql: ${TABLE}.measure ;;
  }

  dimension: subject {
    type: string
    description: "Of which feature, column or segment; empty for all of it"
    sql: ${TABLE}.subject ;;
  }

  dimension: value {
    type: number
    description: "What was found; null where it cannot be told"
    value_format_name: decimal_2
    sql: ${TABLE}.value ;;
  }

  dimension: expected {
    type: number
    description: "The median over the windows of the reference; null where there is none"
    value_format_name: decimal_2
    sql: ${TABLE}.expected ;;
  }

  dimension: low {
    type: number
    description: "Drift below it; null where there is no such limit"
    value_format_name: decimal_2
    sql: ${TABLE}.low ;;
  }

  dimension: high {
    type: number
    description: "Drift above it; null where there is no such limit"
    value_format_name: decimal_2
    sql: ${TABLE}.high ;;
  }

  dimension: verdict {
    type: string
    description: "ok, watch or drift; unknown where it cannot be told"
    sql: ${TABLE}.verdict ;;
  }

  dimension: because {
    type: string
    description: "What moved most, in words; empty where nothing is to be said"
    sql: ${TABLE}.because ;;
  }

  dimension: based_on {
    type: number
    description: "Lines, customers or predictions behind it"
    sql: ${TABLE}.based_on ;;
  }

  dimension: is_latest {
    type: yesno
    description: "Whether it is the last window that was judged"
    sql: ${TABLE}.is_latest ;;
  }

  measure: count {
    type: count
    description: "Verdicts"
  }

  measure: drifts {
    type: count
    description: "Those that say drift"
    filters: [verdict: "drift"]
  }

  measure: score {
    type: max
    description: "How far the worst of them is from what was expected, 1 at the limit"
    value_format_name: decimal_2
    sql: ${TABLE}.score ;;
  }
}
