"""The simulated shop: what it sells, when it is busy, who comes, and what is dirty."""
