"""`attnc view`: a pattern as one HTML page that evaluates it by itself."""
