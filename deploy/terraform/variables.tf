variable "project" {
  description = "Id of the project of Google Cloud; it must be there and have a billing account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project: write the id, such as my-shop-123456; not the name or the number."
  }
}

variable "region" {
  description = "Where everything lies and runs, such as europe-west4; Vertex AI must be offered there."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]{1,2}$", var.region))
    error_message = "region: write a region such as europe-west4; not a zone, and not a multi-region."
  }
}

variable "name" {
  description = "Begins the names of what is made; another one for a second installation in the same project."
  type        = string
  default     = "clientage"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,14}[a-z0-9]$", var.name))
    error_message = "name: 4 to 16 small letters, digits and hyphens; names of accounts allow no more."
  }
}

variable "github_repository" {
  description = "Repository on GitHub that may deliver, as owner/name; empty: none may."
  type        = string
  default     = ""

  validation {
    condition     = var.github_repository == "" || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository: write it as owner/name, without the address."
  }
}

variable "github_repository_id" {
  description = "Number of that repository (`gh api repos/OWNER/NAME --jq .id`), so that nobody who takes over its name gets in."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[0-9]*$", var.github_repository_id))
    error_message = "github_repository_id: write the number alone."
  }

  validation {
    condition     = (var.github_repository == "") == (var.github_repository_id == "")
    error_message = "github_repository_id: give it together with github_repository."
  }
}

variable "removed_days" {
  description = "Days that removed and overwritten objects in the buckets can be got back; 0: not at all."
  type        = number
  default     = 7

  validation {
    condition     = var.removed_days == 0 || (var.removed_days >= 7 && var.removed_days <= 90 && floor(var.removed_days) == var.removed_days)
    error_message = "removed_days: 0, or a whole number of days from 7 to 90."
  }
}

variable "images_kept" {
  description = "Images of each name that are kept whatever their age; those of releases are kept anyway."
  type        = number
  default     = 10

  validation {
    condition     = var.images_kept >= 2 && floor(var.images_kept) == var.images_kept
    error_message = "images_kept: a whole number from 2, so that there is one to go back to."
  }
}

variable "daily_image" {
  description = "Image by digest with which Cloud Run runs the shop every day, in place of Airflow; empty: no such job."
  type        = string
  default     = ""

  validation {
    condition     = var.daily_image == "" || can(regex("@sha256:[0-9a-f]{64}$", var.daily_image))
    error_message = "daily_image: name it by digest, as the workflow `images` says it: …/clientage@sha256:…"
  }
}

variable "daily_schedule" {
  description = "When that job runs, as cron has it, in UTC."
  type        = string
  default     = "0 4 * * *"

  validation {
    condition     = length(split(" ", var.daily_schedule)) == 5
    error_message = "daily_schedule: five fields, such as 0 4 * * *."
  }
}

variable "daily_warehouse" {
  description = "Dataset in which that job keeps tables, with BigQuery as the engine, as bigquery://project/dataset; empty: in the bucket."
  type        = string
  default     = ""

  validation {
    condition     = var.daily_warehouse == "" || can(regex("^bigquery://[a-z0-9.:-]+/[A-Za-z0-9_]+$", var.daily_warehouse))
    error_message = "daily_warehouse: write it as bigquery://project/dataset."
  }
}

variable "alerts_email" {
  description = "Who hears of alerts and of the budget; empty: alerts are only shown in the console, and owners of the billing account hear of the budget."
  type        = string
  default     = ""

  validation {
    condition     = var.alerts_email == "" || can(regex("^[^@[:space:]]+@[^@[:space:]]+$", var.alerts_email))
    error_message = "alerts_email: write one address."
  }
}

variable "alert_latency_ms" {
  description = "Milliseconds that one in twenty predictions of an endpoint may take before somebody hears of it."
  type        = number
  default     = 1000

  validation {
    condition     = var.alert_latency_ms > 0
    error_message = "alert_latency_ms: above 0."
  }
}

variable "billing_account" {
  description = "Billing account of the budget, such as 012345-6789AB-CDEF01; empty: no budget."
  type        = string
  default     = ""

  validation {
    condition     = var.billing_account == "" || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "billing_account: write it as 012345-6789AB-CDEF01 (gcloud billing accounts list)."
  }
}

variable "budget" {
  description = "Budget of a month, in whole units of the billing account's currency. It warns and stops nothing."
  type        = number
  default     = 100

  validation {
    condition     = var.budget >= 1 && floor(var.budget) == var.budget
    error_message = "budget: a whole number from 1."
  }
}
