"""What each stage reads, computes and writes: the parts, brought together with settings and tables."""
