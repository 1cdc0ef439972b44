connection: "@{CONNECTION}"
label: "Clientage"

include: "/views/*.view.lkml"
include: "/dashboards/*.dashboard.lookml"

datagroup: by_hour {
  max_cache_age: "1 hour"
  description: "Tables are sent after a run; predictions come all the time."
}

persist_with: by_hour

explore: customers {
  label: "Customers"
  description: "Who the customers are, in which segment, and what to do with them."
  join: segments {
    type: left_outer
    relationship: one_to_one
    sql_on: ${customers.customer_id} = ${segments.customer_id} ;;
  }
  join: profiles {
    type: left_outer
    relationship: many_to_one
    sql_on: ${segments.segment_id} = ${profiles.segment_id} ;;
  }
}

explore: profiles {
  label: "Segments"
  description: "How large the segments are, what they bring, and what to do."
}

explore: predictions_once {
  label: "Predictions"
  description: "What the service answered, each prediction once."
  join: profiles {
    type: left_outer
    relationship: many_to_one
    sql_on: ${predictions_once.segment_id} = ${profiles.segment_id} ;;
  }
}

explore: records_by_day {
  label: "Records by day"
  description: "How many rows of predictions came each day."
}

explore: requests_by_day {
  label: "Requests by day and version"
  description: "Requests, refusals and times by day and version of the model."
}

explore: latency_by_day {
  label: "Latency by day"
  description: "How long answers took each day."
}

explore: segment_mix {
  label: "Segment mix"
  description: "Which segments were answered, beside those of all customers."
}

explore: features_by_day {
  label: "Features by day"
  description: "What the service was asked, feature by feature, beside all customers."
}

explore: out_of_range {
  label: "Out of range"
  description: "What the service was asked that no customer of the last run is like."
}

explore: drift_verdicts {
  label: "Drift"
  description: "What monitoring found in each window since the model was made."
}
