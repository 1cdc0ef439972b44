output "settings" {
  description = "What belongs into clientage.toml."
  value       = <<-TOML
    [google]
    project = "${var.project}"
    region = "${var.region}"
    bucket = "gs://${google_storage_bucket.this["models"].name}"
    repository = "${google_artifact_registry_repository.images.repository_id}"
    service_account = "${google_service_account.this["serve"].email}"

    [serve]
    sink = "bigquery://${var.project}/${google_bigquery_dataset.this.dataset_id}"
  TOML
}

output "workspace" {
  description = "Address for --workspace, or CLIENTAGE_WORKSPACE."
  value       = local.workspace
}

output "inbox" {
  description = "Where order lines are put: a folder of the workspace's bucket."
  value       = local.inbox
}

output "accounts" {
  description = "Service accounts by what they are for."
  value       = { for name, account in google_service_account.this : name => account.email }
}

output "github_variables" {
  description = "Variables of the repository on GitHub; none of them is a secret."
  value = local.delivers ? {
    GOOGLE_PROJECT      = var.project
    GOOGLE_REGION       = var.region
    GOOGLE_BUCKET       = "gs://${google_storage_bucket.this["models"].name}"
    GOOGLE_REPOSITORY   = google_artifact_registry_repository.images.repository_id
    GOOGLE_PROVIDER     = google_iam_workload_identity_pool_provider.github[0].name
    GOOGLE_IMAGES       = google_service_account.this["images"].email
    GOOGLE_DEPLOY       = google_service_account.this["deploy"].email
    GOOGLE_TRAIN        = google_service_account.this["train"].email
    GOOGLE_SERVE        = google_service_account.this["serve"].email
    CLIENTAGE_INBOX     = local.inbox
    CLIENTAGE_SINK      = "bigquery://${var.project}/${google_bigquery_dataset.this.dataset_id}"
    CLIENTAGE_WORKSPACE = local.workspace
  } : {}
}
