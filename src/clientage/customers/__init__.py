"""Features: one row per customer, looking back from a day."""
