"""The command language: words to requests and back, completion, help, formats."""
