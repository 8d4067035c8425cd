"""How the notebooks become a book: cells in step with the library, pages, slides, the demo."""
