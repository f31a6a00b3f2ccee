"""DICOM out: a plan, or a phantom, as a folder of files."""
