# The day without Airflow: new order lines, the same model. Only where an image is named. The inbox is a folder of the bucket,
# which the job sees as one of its own and may only read.
locals {
  daily     = var.daily_image != ""
  workspace = "gs://${google_storage_bucket.this["workspace"].name}/workspace"
  inbox     = "gs://${google_storage_bucket.this["workspace"].name}/inbox"
}

resource "google_cloud_run_v2_job" "daily" {
  count = local.daily ? 1 : 0

  name                = "${var.name}-daily"
  location            = var.region
  deletion_protection = false

  template {
    template {
      service_account = google_service_account.this["train"].email
      max_retries     = 1
      timeout         = "7200s"

      containers {
        image = var.daily_image
        args  = ["run", "/bucket/inbox", "--workspace", local.workspace, "--keep-model"]

        dynamic "env" {
          for_each = var.daily_warehouse == "" ? [] : [var.daily_warehouse]
          content {
            name  = "CLIENTAGE_WAREHOUSE__URL"
            value = env.value
          }
        }

        resources {
          limits = { cpu = "4", memory = "8Gi" }
        }

        volume_mounts {
          name       = "bucket"
          mount_path = "/bucket"
        }
      }

      volumes {
        name = "bucket"

        gcs {
          bucket        = google_storage_bucket.this["workspace"].name
          read_only     = true
          mount_options = ["uid=10001", "gid=10001"] # the user of the image
        }
      }
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_service_account" "schedule" {
  count = local.daily ? 1 : 0

  account_id   = "${var.name}-schedule"
  display_name = "Clientage schedule"
  description  = "Starts the job of the day, and may do nothing else."
}

resource "google_cloud_run_v2_job_iam_member" "schedule" {
  count = local.daily ? 1 : 0

  name     = google_cloud_run_v2_job.daily[0].name
  location = google_cloud_run_v2_job.daily[0].location
  role     = "roles/run.invoker"
  member   = "serviceAccount:${google_service_account.schedule[0].email}"
}

resource "google_cloud_scheduler_job" "daily" {
  count = local.daily ? 1 : 0

  name      = "${var.name}-daily"
  region    = var.region
  schedule  = var.daily_schedule
  time_zone = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.daily[0].id}:run"

    oauth_token {
      service_account_email = google_service_account.schedule[0].email
    }
  }

  retry_config {
    retry_count = 1
  }
}
