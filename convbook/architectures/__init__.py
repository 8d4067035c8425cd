"""The architectures of the book, each written once; chapters show and import this code."""
