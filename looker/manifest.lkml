project_name: "clientage"

constant: CONNECTION {
  value: "clientage" # the connection to BigQuery, as an admin of Looker called it
  export: override_required
}

constant: DATASET {
  value: "project.dataset" # where `clientage export bigquery bigquery://project/dataset` sends to
  export: override_required
}
