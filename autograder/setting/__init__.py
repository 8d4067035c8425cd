"""What an author of exercises uses: tasks, keys, and what tries them."""
