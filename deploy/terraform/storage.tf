# The workspace, and models as Vertex AI reads them. Nothing in them is ever public. What was removed or
# overwritten can be got back for some days, and is gone after that: there are no older versions, so that who is forgotten is.
# Copies of models have no end by age: a service reads its own whenever it starts, however old it is (see docs/lists.md).
locals {
  buckets = {
    workspace = "Tables, the model in use, reports and drafts, and order lines in inbox/."
    models    = "Models as they were deployed, a folder each."
  }
}

resource "google_storage_bucket" "this" {
  for_each = local.buckets

  name                        = "${var.project}-${var.name}-${each.key}"
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = var.removed_days * 24 * 3600
  }

  # versions from a time when the bucket kept them
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 1
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      age = 7
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.needed]
}

resource "google_bigquery_dataset" "this" {
  dataset_id                 = replace(var.name, "-", "_")
  friendly_name              = "Clientage"
  description                = "Tables of the shop, and predictions that were served."
  location                   = var.region
  delete_contents_on_destroy = false

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.needed]
}

resource "google_artifact_registry_repository" "images" {
  repository_id = var.name
  description   = "Images of Clientage."
  location      = var.region
  format        = "DOCKER"

  # images of every push go after a month, but for the newest ones and those of releases; signatures have no tag and stay
  cleanup_policies {
    id     = "old"
    action = "DELETE"
    condition {
      tag_state    = "TAGGED"
      tag_prefixes = ["commit-"]
      older_than   = "2592000s"
    }
  }

  cleanup_policies {
    id     = "newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = var.images_kept
    }
  }

  cleanup_policies {
    id     = "releases"
    action = "KEEP"
    condition {
      tag_state    = "TAGGED"
      tag_prefixes = ["v"]
    }
  }

  depends_on = [google_project_service.needed]
}
