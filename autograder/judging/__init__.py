"""From observation and key to verdict, in numbers and in words; no Keras, no student's code."""
