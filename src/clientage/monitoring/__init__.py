"""Monitoring: times of drift, and the notices that tell of them."""
