"""What all services share: lives under a lease, requests, alarms, log lines."""
