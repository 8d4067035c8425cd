"""Plain data and how it is read and written: questions, observations, keys, notebooks."""
