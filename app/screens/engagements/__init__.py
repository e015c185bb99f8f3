"""Partner and operator: My products, Current and Past engagements, and an engagement's three tabs."""
