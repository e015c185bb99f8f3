"""What a version's lines are sold for."""


def reprice(document_version_id: int) -> None:
    """Price every line of the version anew; inside the transaction that put it in force or changed the terms."""
