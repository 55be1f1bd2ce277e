"""Durable jobs: a queue in the database, a worker process, and the supervisor that keeps it alive."""
