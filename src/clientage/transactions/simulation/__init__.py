"""The simulated shop: what it sells, when it is busy, who comes, what is dirty, and what shifts."""
