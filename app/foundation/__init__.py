"""Ideas every room shares, one file an idea. Knows no Flask and no room above it."""
