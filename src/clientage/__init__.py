"""Order lines in, customer segments out."""
