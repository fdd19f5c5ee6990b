"""The function that starts are compared with."""
