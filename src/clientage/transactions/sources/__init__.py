"""How order lines are read: finding the files, seeing how each is written, mapping columns, reading values."""
