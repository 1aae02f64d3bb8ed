"""The service: one question about one customer, with limits, sharing, retries and the audit log around it."""
