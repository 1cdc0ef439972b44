"""Delivery to Google Cloud: in which order, and when a new model may have all traffic."""
