"""What a reader alone in a notebook meets beside a verdict; none of it is part of grading."""
