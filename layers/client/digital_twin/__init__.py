"""Clients of the OH Digital Twin API and of Trulience avatars, for every function to share."""
