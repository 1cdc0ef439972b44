# Who may do what. No account has a key: GitHub comes in by its own identity, everything else runs as its account.
locals {
  accounts = {
    train  = "Runs the flow, trains and promotes: reads and writes the workspace and the tables."
    serve  = "Answers: reads models and the workspace, writes predictions."
    deploy = "Uploads models with the tables they look up, and changes endpoints and services; writes no table."
    images = "Pushes images."
  }

  member = { for name, account in google_service_account.this : name => "serviceAccount:${account.email}" }

  on_buckets = {
    train_workspace  = { bucket = "workspace", account = "train", role = "roles/storage.objectUser" }
    train_models     = { bucket = "models", account = "train", role = "roles/storage.objectUser" }
    serve_workspace  = { bucket = "workspace", account = "serve", role = "roles/storage.objectViewer" }
    serve_models     = { bucket = "models", account = "serve", role = "roles/storage.objectViewer" }
    deploy_workspace = { bucket = "workspace", account = "deploy", role = "roles/storage.objectViewer" }
    deploy_models    = { bucket = "models", account = "deploy", role = "roles/storage.objectUser" }
  }

  on_images = {
    images = "roles/artifactregistry.writer"
    train  = "roles/artifactregistry.reader"
    deploy = "roles/artifactregistry.reader"
  }
}

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id   = "${var.name}-${each.key}"
  display_name = "Clientage ${each.key}"
  description  = each.value

  depends_on = [google_project_service.needed]
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local.on_buckets

  bucket = google_storage_bucket.this[each.value.bucket].name
  role   = each.value.role
  member = local.member[each.value.account]
}

resource "google_bigquery_dataset_iam_member" "writes" {
  for_each = toset(["train", "serve"])

  dataset_id = google_bigquery_dataset.this.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = local.member[each.value]
}

# where BigQuery is the engine, a model is uploaded with tables that live there
resource "google_bigquery_dataset_iam_member" "reads" {
  dataset_id = google_bigquery_dataset.this.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = local.member["deploy"]
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each = local.on_images

  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = each.value
  member     = local.member[each.key]
}

# BigQuery runs statements in a project, and Vertex AI and Cloud Run have no folder to grant on before there is an endpoint or
# a service: these are on the project.
resource "google_project_iam_member" "statements" {
  for_each = toset(["train", "serve", "deploy"])

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = local.member[each.value]
}

# large results of the engine, such as the tables that the service looks people up in, come by sessions, which are of a
# project too
resource "google_project_iam_member" "results" {
  for_each = toset(["train", "serve", "deploy"])

  project = var.project
  role    = "roles/bigquery.readSessionUser"
  member  = local.member[each.value]
}

resource "google_project_iam_custom_role" "deploy" {
  role_id     = "${replace(var.name, "-", "_")}_deploy"
  title       = "Clientage deploy"
  description = "Models, endpoints, jobs and services, without access of others to them."

  permissions = [
    "aiplatform.batchPredictionJobs.cancel",
    "aiplatform.batchPredictionJobs.create",
    "aiplatform.batchPredictionJobs.get",
    "aiplatform.batchPredictionJobs.list",
    "aiplatform.customJobs.cancel",
    "aiplatform.customJobs.create",
    "aiplatform.customJobs.get",
    "aiplatform.customJobs.list",
    "aiplatform.endpoints.create",
    "aiplatform.endpoints.delete",
    "aiplatform.endpoints.deploy",
    "aiplatform.endpoints.get",
    "aiplatform.endpoints.list",
    "aiplatform.endpoints.predict",
    "aiplatform.endpoints.undeploy",
    "aiplatform.endpoints.update",
    "aiplatform.locations.get",
    "aiplatform.locations.list",
    "aiplatform.models.delete",
    "aiplatform.models.get",
    "aiplatform.models.list",
    "aiplatform.models.update",
    "aiplatform.models.upload",
    "aiplatform.operations.list",
    "aiplatform.pipelineJobs.cancel",
    "aiplatform.pipelineJobs.create",
    "aiplatform.pipelineJobs.get",
    "aiplatform.pipelineJobs.list",
    "monitoring.timeSeries.list",
    "run.locations.list",
    "run.operations.get",
    "run.operations.list",
    "run.revisions.get",
    "run.revisions.list",
    "run.routes.invoke",
    "run.services.create",
    "run.services.delete",
    "run.services.get",
    "run.services.list",
    "run.services.update",
  ]
}

resource "google_project_iam_member" "deploy" {
  project = var.project
  role    = google_project_iam_custom_role.deploy.id
  member  = local.member["deploy"]
}

# a service of Cloud Run lets in who shows an identity token: that of GitHub's job is made for this account, by itself
resource "google_service_account_iam_member" "deploy_shows" {
  service_account_id = google_service_account.this["deploy"].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.member["deploy"]
}

# what is deployed runs as serve, and jobs as train
resource "google_service_account_iam_member" "deploy_as" {
  for_each = toset(["train", "serve"])

  service_account_id = google_service_account.this[each.value].name
  role               = "roles/iam.serviceAccountUser"
  member             = local.member["deploy"]
}
