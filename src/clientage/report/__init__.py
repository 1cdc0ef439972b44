"""The report: charts that answer questions, and one page that opens offline."""
