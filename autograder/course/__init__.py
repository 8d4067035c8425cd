"""A whole class: grading folders, pages, the gradebook, a cluster."""
