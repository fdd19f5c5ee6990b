"""What every function shares: settings, secrets, AWS clients, HTTP answers, logs and metrics. Imports no feature."""
