"""The language: source text to a checked, typed syntax tree with spans. Imports nothing but lark."""
