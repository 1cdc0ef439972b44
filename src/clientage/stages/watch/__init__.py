"""Windows of a shop: what is seen in them, for monitoring to compare."""
