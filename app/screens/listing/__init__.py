"""Product listing: a partner's Product Editor takes a product from draft into the catalog."""
