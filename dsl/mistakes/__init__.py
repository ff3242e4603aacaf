"""One frozen dataclass per mistake, by the part of the front end that finds it."""
