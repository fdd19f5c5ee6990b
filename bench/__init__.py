"""Measurements: ``python -m bench [NAME …]`` prints one JSON object a line. Nothing here is a test; figures vary."""
