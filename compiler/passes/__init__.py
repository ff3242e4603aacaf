"""One file per pass, named after the pass; `compiler/pipeline.py` lists them in order."""
