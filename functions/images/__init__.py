"""Image jobs: submitting, following, storing, showing, telling."""
