"""Spark: where tables outgrow one machine, a cluster computes their expressions. Nothing else imports PySpark."""
