"""Monitoring: whether the shop is still the one that its segments were made from.

Windows of new lines, customers and predictions (`observed`) are compared with those of the reference (`compared`), by
distances (`divergence`) whose limits are learned from the reference's own windows (`limits`), and judged (`verdict`).
Windows that drift are episodes (`episodes`), which people are told of once (`alerts`).
"""
