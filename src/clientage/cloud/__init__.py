"""Google Cloud, behind one door: its libraries are imported here and nowhere else."""
