"""What runs beside the student's code: it asks an answer and notes what it does."""
