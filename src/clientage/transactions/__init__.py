"""Order lines: read from anywhere, mapped to one layout, simulated, cleaned, checked."""
