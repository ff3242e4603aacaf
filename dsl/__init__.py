"""The language: source text to a checked syntax tree with spans. Imports nothing but lark."""
