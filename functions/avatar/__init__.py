"""Everything about conversations: Trulience's events, sessions, and avatars that speak first."""
