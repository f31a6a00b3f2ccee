"""The numba code and nothing else: scalar kernels and one array driver each."""
