# Somebody hears of it: a bill that grows, an endpoint that fails, is slow or is paid for nothing, and a job that failed.
locals {
  told     = var.alerts_email == "" ? [] : [google_monitoring_notification_channel.email[0].id]
  endpoint = "resource.type = \"aiplatform.googleapis.com/Endpoint\" AND metric.type = \"aiplatform.googleapis.com/prediction/online"

  alerts = {
    errors = {
      title    = "an endpoint answers with errors"
      filter   = "${local.endpoint}/error_count\""
      aligner  = "ALIGN_SUM"
      limit    = 5
      period   = "300s"
      duration = "300s"
      mend     = "Look at the log of the endpoint. After a promotion: clientage deploy vertex rollback."
    }
    latency = {
      title    = "an endpoint is slow"
      filter   = "${local.endpoint}/prediction_latencies\""
      aligner  = "ALIGN_PERCENTILE_95"
      limit    = var.alert_latency_ms
      period   = "300s"
      duration = "600s"
      mend     = "More nodes, or a larger machine: see docs/costs.md before."
    }
    job = {
      title    = "a job of Cloud Run failed"
      filter   = "resource.type = \"cloud_run_job\" AND metric.type = \"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result = \"failed\" AND resource.labels.job_name = starts_with(\"${var.name}-\")"
      aligner  = "ALIGN_SUM"
      limit    = 0
      period   = "300s"
      duration = "0s"
      mend     = "The last line of the job's log says what is wrong and the mend. Then run it again: nothing is doubled."
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  count = var.alerts_email == "" ? 0 : 1

  display_name = "Clientage"
  type         = "email"
  labels       = { email_address = var.alerts_email }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  notification_channels = local.told

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.limit
      duration        = each.value.duration

      aggregations {
        alignment_period   = each.value.period
        per_series_aligner = each.value.aligner
      }
    }
  }

  documentation {
    content   = each.value.mend
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "idle" {
  display_name          = "${var.name}: an endpoint is paid for and nobody asks it"
  combiner              = "OR"
  notification_channels = local.told

  # also for an endpoint that was never asked, of which there is no count at all
  conditions {
    display_name = "machines, and no prediction in twelve hours"

    condition_prometheus_query_language {
      query               = <<-PROMQL
        sum by (endpoint_id) (avg_over_time(aiplatform_googleapis_com:prediction_online_replicas[12h])) > 0
        unless sum by (endpoint_id) (increase(aiplatform_googleapis_com:prediction_online_prediction_count[12h])) > 0
      PROMQL
      duration            = "3600s"
      evaluation_interval = "600s"
    }
  }

  documentation {
    content   = "An endpoint costs the same by day and night. Where nobody needs it: clientage deploy vertex undeploy."
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "training" {
  display_name          = "${var.name}: a training on Vertex AI failed"
  combiner              = "OR"
  notification_channels = local.told

  conditions {
    display_name = "Vertex AI says that a job failed"

    condition_matched_log {
      # of Vertex AI itself: what a container writes to standard error is an error too by its severity
      filter = "resource.type = \"ml_job\" AND resource.labels.task_name = \"service\" AND severity >= ERROR"
    }
  }

  alert_strategy {
    auto_close = "86400s"

    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    content   = "The champion stays in use. The last line of the job's log says what is wrong and the mend."
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.needed]
}

resource "google_billing_budget" "month" {
  count = var.billing_account == "" ? 0 : 1

  billing_account = var.billing_account
  display_name    = "${var.name}: a month"

  budget_filter {
    projects               = ["projects/${data.google_project.this.number}"]
    credit_types_treatment = "INCLUDE_ALL_CREDITS"
    calendar_period        = "MONTH"
  }

  amount {
    specified_amount {
      units = tostring(var.budget)
    }
  }

  threshold_rules {
    threshold_percent = 0.5
  }

  threshold_rules {
    threshold_percent = 0.9
  }

  threshold_rules {
    threshold_percent = 1.0
  }

  threshold_rules {
    threshold_percent = 1.2
    spend_basis       = "FORECASTED_SPEND"
  }

  dynamic "all_updates_rule" {
    for_each = length(local.told) == 0 ? [] : [local.told]

    content {
      monitoring_notification_channels = all_updates_rule.value
    }
  }

  depends_on = [google_project_service.needed]
}
