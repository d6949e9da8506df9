"""The compiled contracts: `abi/NAME.json`, written by `make contracts-build` and shipped with the package."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

NAMES = (
    "CollateralManager",
    "CreditAggregator",
    "CreditScoringOracle",
    "MockERC20",
    "MockPriceFeed",
    "TimelockController",
)


@dataclass(frozen=True)
class Artifact:
    name: str
    abi: Sequence[Any]
    bytecode: str  # what a deployment sends, before the arguments of the constructor
    deployed_bytecode: str  # what the chain keeps, with zeros where immutables go
    storage_layout: Mapping[str, Any]
    compiler_version: str
    compiler_settings: Mapping[str, Any]
    source_sha256: str


@cache
def artifact(name: str) -> Artifact:
    if name not in NAMES:
        raise ValueError(f"name: there is no compiled contract {name!r}, only {', '.join(NAMES)}")
    written = json.loads(files("contracts").joinpath("abi", f"{name}.json").read_text(encoding="utf-8"))
    return Artifact(
        name=written["contractName"],
        abi=written["abi"],
        bytecode=written["bytecode"],
        deployed_bytecode=written["deployedBytecode"],
        storage_layout=written["storageLayout"],
        compiler_version=written["compiler"]["version"],
        compiler_settings=written["compiler"]["settings"],
        source_sha256=written["sourceSha256"],
    )
