"""What others do, to be compared with: packed spheres, and sector durations at fixed isocentres."""
