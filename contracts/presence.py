"""Whether our contracts are on a chain already."""

from pathlib import Path

from contracts.addresses import AddressBook
from contracts.rpc import chain_id_of, genesis_of, has_code


async def known_book(rpc_url: str, path: Path) -> AddressBook | None:
    """What is deployed already. None when there is no book, or when a chain of this beginning lost its contracts.

    Raises `AnotherChain` for a book of another chain.
    """
    book = AddressBook.find(path)
    if book is None:
        return None
    book.require_chain(await chain_id_of(rpc_url), await genesis_of(rpc_url))
    named = [*book.contracts.values(), *(token.address for token in book.tokens.values())]
    return book if all([await has_code(rpc_url, address) for address in named]) else None
