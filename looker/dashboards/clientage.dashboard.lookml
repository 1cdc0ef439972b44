- dashboard: clientage
  title: Clientage
  description: Who is asked for, how that differs from all customers, and how the service does.
  layout: newspaper
  preferred_viewer: dashboards-next
  filters:
    - name: Day
      title: Day
      type: field_filter
      default_value: 28 days
      allow_multiple_values: true
      required: false
      model: clientage
      explore: records_by_day
      field: records_by_day.day_date
  elements:
    - name: records
      title: How many predictions come each day?
      model: clientage
      explore: records_by_day
      type: looker_column
      fields: [records_by_day.day_date, records_by_day.predictions, records_by_day.sent_twice, records_by_day.refused]
      sorts: [records_by_day.day_date]
      y_axes: [{label: Rows, orientation: left, series: []}]
      listen:
        Day: records_by_day.day_date
      row: 0
      col: 0
      width: 12
      height: 7
    - name: latency
      title: How long do answers take?
      model: clientage
      explore: latency_by_day
      type: looker_line
      fields: [latency_by_day.day_date, latency_by_day.p50, latency_by_day.p90, latency_by_day.p95, latency_by_day.p99]
      sorts: [latency_by_day.day_date]
      y_axes: [{label: Seconds, orientation: left, series: []}]
      listen:
        Day: latency_by_day.day_date
      row: 0
      col: 12
      width: 12
      height: 7
    - name: segment_mix
      title: Which segments are answered?
      model: clientage
      explore: segment_mix
      type: looker_column
      fields: [segment_mix.day_date, segment_mix.segment, segment_mix.answered_share]
      pivots: [segment_mix.segment]
      sorts: [segment_mix.day_date, segment_mix.segment]
      stacking: normal
      y_axes: [{label: Share of predictions, orientation: left, series: []}]
      color_application:
        collection_id: clientage
        custom:
          id: clientage-segments
          label: Segments
          type: discrete
          colors: ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C6D31", "#5B5B5B", "#7B4FB5", "#B2A800"]
      listen:
        Day: segment_mix.day_date
      row: 7
      col: 0
      width: 12
      height: 8
    - name: segment_mix_compared
      title: Is it the mix of all customers?
      model: clientage
      explore: segment_mix
      type: looker_grid
      fields: [segment_mix.segment, segment_mix.predictions, segment_mix.answered_share, segment_mix.customers_share]
      sorts: [segment_mix.segment]
      listen:
        Day: segment_mix.day_date
      row: 7
      col: 12
      width: 12
      height: 8
    - name: features
      title: What is asked, beside all customers?
      model: clientage
      explore: features_by_day
      type: looker_grid
      fields: [features_by_day.feature, features_by_day.predictions, features_by_day.minimum, features_by_day.maximum,
        features_by_day.mean, features_by_day.median, features_by_day.customers_minimum,
        features_by_day.customers_maximum, features_by_day.customers_mean, features_by_day.customers_median]
      sorts: [features_by_day.feature]
      listen:
        Day: features_by_day.day_date
      row: 15
      col: 0
      width: 24
      height: 8
    - name: out_of_range
      title: What is asked that no customer is like?
      model: clientage
      explore: out_of_range
      type: looker_grid
      fields: [out_of_range.time_minute, out_of_range.prediction_id, out_of_range.feature, out_of_range.value,
        out_of_range.low, out_of_range.high, out_of_range.side]
      sorts: [out_of_range.time_minute desc]
      limit: 500
      listen:
        Day: out_of_range.day_date
      row: 23
      col: 0
      width: 24
      height: 8
    - name: drift
      title: Is the shop still the one that the segments were made from?
      model: clientage
      explore: drift_verdicts
      type: looker_line
      fields: [drift_verdicts.first_day_date, drift_verdicts.score]
      filters:
        drift_verdicts.area: all
      sorts: [drift_verdicts.first_day_date]
      y_axes: [{label: "Distance from the usual, 1 at the limit", orientation: left, series: []}]
      reference_lines: [{reference_type: line, line_value: "1", label: drift, color: "#B5651D"}]
      row: 31
      col: 0
      width: 10
      height: 8
    - name: drift_latest
      title: What moved in the last window?
      model: clientage
      explore: drift_verdicts
      type: looker_grid
      fields: [drift_verdicts.area, drift_verdicts.measure, drift_verdicts.subject, drift_verdicts.value,
        drift_verdicts.expected, drift_verdicts.verdict, drift_verdicts.score, drift_verdicts.because]
      filters:
        drift_verdicts.is_latest: "yes"
      sorts: [drift_verdicts.score desc]
      limit: 50
      row: 31
      col: 10
      width: 14
      height: 8

- dashboard: clientage_segments
  title: Clientage segments
  description: Who the customers are, what they bring, and what to do.
  layout: newspaper
  preferred_viewer: dashboards-next
  elements:
    - name: revenue
      title: Who brings the revenue?
      model: clientage
      explore: profiles
      type: looker_bar
      fields: [profiles.segment, profiles.share, profiles.revenue_share]
      sorts: [profiles.segment]
      x_axis_zero: true
      y_axes: [{label: Share of all, orientation: bottom, series: []}]
      row: 0
      col: 0
      width: 12
      height: 9
    - name: size
      title: How large are the segments?
      model: clientage
      explore: profiles
      type: looker_pie
      fields: [profiles.segment, profiles.customers]
      sorts: [profiles.segment]
      value_labels: labels
      color_application:
        collection_id: clientage
        custom:
          id: clientage-segments
          label: Segments
          type: discrete
          colors: ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C6D31", "#5B5B5B", "#7B4FB5", "#B2A800"]
      row: 0
      col: 12
      width: 12
      height: 9
    - name: do
      title: What to do?
      model: clientage
      explore: profiles
      type: looker_grid
      fields: [profiles.segment, profiles.customers, profiles.revenue, profiles.buys_again, profiles.summary, profiles.action]
      sorts: [profiles.segment]
      row: 9
      col: 0
      width: 24
      height: 8
