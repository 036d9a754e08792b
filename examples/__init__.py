"""Programs and data that show how the parts of `ror` are used."""
