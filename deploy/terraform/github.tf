# GitHub comes in without a key: a job of the one repository, in the environment that stands beside its account. A job in no
# environment brings no such claim and is refused. Which branches and whose approval an environment wants is set on GitHub.
locals {
  delivers = var.github_repository != ""

  environments = local.delivers ? {
    images     = "images"
    production = "deploy"
    retraining = "train"
  } : {}
}

resource "google_iam_workload_identity_pool" "github" {
  count = local.delivers ? 1 : 0

  workload_identity_pool_id = "${var.name}-github"
  display_name              = "Clientage on GitHub"
  description               = "Jobs of ${var.github_repository}."

  depends_on = [google_project_service.needed]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count = local.delivers ? 1 : 0

  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"        = "assertion.sub"
    "attribute.repository"  = "assertion.repository"
    "attribute.environment" = "assertion.environment"
  }

  attribute_condition = join(" && ", [
    "assertion.repository == '${var.github_repository}'",
    "assertion.repository_id == '${var.github_repository_id}'",
  ])

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github" {
  for_each = local.environments

  service_account_id = google_service_account.this[each.value].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.environment/${each.key}"
}
