"""DICOM in: folders of any system, and what gkplan wrote."""
