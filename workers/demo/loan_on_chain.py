"""The chain in the story: a product whose loans are kept there, underwriters who sign, and what is there at the end.

The underwriters sign in their wallets, which here are the development accounts; the engine never has their keys.
"""

from dataclasses import dataclass, field

from workers.demo.bodies import product_on_chain
from workers.platform import Json, Platform, Refusal, until

_SECONDS = 120
_NOT_FOUND = 404


@dataclass
class LoanOnChain:
    """The loan on chain, by the people who deal with it: who makes the product, who approves it, who signs."""

    maker: Platform
    checker: Platform
    approvals: int = 0
    at_the_end: Json = field(default_factory=dict)

    async def product(self) -> str:
        """A product needs two keys: one makes it, another puts it into force."""
        made = await self.maker.post("/api/products", product_on_chain())
        product_id = str(made["productId"])
        await self.maker.post(f"/api/products/{product_id}/submit", {})
        await self.checker.post(f"/api/products/{product_id}/approve", {})
        return product_id

    async def sign(self, loan_id: str) -> Json:
        """Underwriters sign, one after the other, until nobody is missing; how far the signing is then."""
        from contracts.dev_accounts import DevAccounts  # noqa: PLC0415 - curves and wallets, only where there is a chain

        path = f"/api/loans/{loan_id}/chain"
        signed: Json = {}
        for account in DevAccounts().underwriters:
            asked = await until(lambda: self._asked(path), seconds=_SECONDS, what="the terms to be signed")
            signature = account.sign_typed_data(full_message=asked["typedData"]).signature.hex()
            body = {"role": "underwriter", "signer": account.address, "signature": f"0x{signature}"}
            signed = await self.maker.post(f"{path}/signatures", body)
            self.approvals = signed["approvals"]
            if signed["isComplete"]:
                break
        return signed

    async def look_back(self, loan_id: str) -> Json:
        """The loan on chain once everything is written and seen."""

        async def settled() -> Json | None:
            found = await self.maker.get(f"/api/loans/{loan_id}/chain")
            written = all(each["status"] == "done" for each in found["operations"])
            agreed = found["standing"]["told"] == found["standing"]["confirmed"]
            return found if written and agreed else None

        self.at_the_end = await until(settled, seconds=_SECONDS, what="the last write on chain")
        return self.at_the_end

    async def _asked(self, path: str) -> Json | None:
        """The document to be signed, once the terms are written down."""
        try:
            return await self.maker.get(f"{path}/typed-data?role=underwriter")
        except Refusal as refusal:
            if refusal.status_code != _NOT_FOUND:
                raise
            return None
