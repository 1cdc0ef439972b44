"""Recommendations: which product to offer to whom, and because of what."""
