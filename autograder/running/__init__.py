"""Processes that hold students' code: the lock around them, and what comes out of them."""
