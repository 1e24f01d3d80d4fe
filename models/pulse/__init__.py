"""Pulse and rhythm: drum takes, the follower's network, what was published, and what answers."""
