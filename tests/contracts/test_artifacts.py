"""What is committed under contracts/abi is what contracts/solidity says, shown without a compiler."""

import json
import re
import shutil
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from contracts.artifacts import NAMES, Artifact, artifact

ROOT = Path(__file__).parents[2] / "contracts"
OURS = ("CollateralManager", "CreditAggregator", "CreditScoringOracle")
SOURCES = {
    **{name: f"solidity/{name}.sol" for name in OURS},
    "MockERC20": "solidity/mocks/MockERC20.sol",
    "MockPriceFeed": "solidity/mocks/MockPriceFeed.sol",
}
IMPORT = re.compile(r'^import\s+(?:\{[^}]*\}\s+from\s+|\*\s+as\s+\w+\s+from\s+)?"(\.[^"]+)"', re.MULTILINE)
DECLARED = re.compile(r"^\s+(function|event|error)\s+(\w+)\s*\(", re.MULTILINE)
CONSTRUCTORS = {
    "CreditScoringOracle": "uint48 address uint8 uint8 uint16 address[]",
    "CreditAggregator": "uint48 address address address address address[] address[] address[]",
    "CollateralManager": "uint48 address address address[]",
}
RUNTIME_LIMIT_BYTES = 24_576  # EIP-170


def closure_of(root: Path, source: str) -> set[str]:
    """The file and all of ours that it imports, as paths under `root`."""
    reached: set[str] = set()
    waiting = [source]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            text = (root / name).read_text(encoding="utf-8")
            there = ((root / name).parent / found for found in IMPORT.findall(text))
            waiting += [path.resolve().relative_to(root.resolve()).as_posix() for path in there]
    return reached


def digest_of(root: Path, name: str) -> str:
    """As compile.js has it: our files that go into a contract, and the versions of what is not ours."""
    ours = sorted(closure_of(root, SOURCES[name])) if name in SOURCES else []
    lines = [f"{sha256((root / path).read_bytes()).hexdigest()}  {path}\n" for path in ours]
    pinned = json.loads((root / "package.json").read_text(encoding="utf-8"))["dependencies"]
    lines += [f"{pinned[package]}  {package}\n" for package in ("@openzeppelin/contracts", "solc")]
    return sha256("".join(lines).encode()).hexdigest()


def entries(compiled: Artifact, kind: str) -> list[dict[str, Any]]:
    return [entry for entry in compiled.abi if entry["type"] == kind]


def declared_in(interface: str) -> list[tuple[str, str]]:
    text = (ROOT / "solidity" / "interfaces" / f"{interface}.sol").read_text(encoding="utf-8")
    return DECLARED.findall(text)


ERRORS = [(name, error) for name in OURS for kind, error in declared_in(f"I{name}") if kind == "error"]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "solidity", tmp_path / "solidity")
    shutil.copy(ROOT / "package.json", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_is_of_the_sources_that_are_here(name: str) -> None:
    assert artifact(name).source_sha256 == digest_of(ROOT, name), "stale: run `make contracts-build`"


@pytest.mark.parametrize("name", SOURCES)
def test_a_changed_source_makes_its_artifact_stale(name: str, copied: Path) -> None:
    before = digest_of(copied, name)
    with (copied / SOURCES[name]).open("a", encoding="utf-8") as source:
        source.write("// changed\n")

    after = digest_of(copied, name)

    assert before == artifact(name).source_sha256
    assert after != before


@pytest.mark.parametrize("name", OURS)
def test_a_changed_import_makes_an_artifact_stale(name: str, copied: Path) -> None:
    with (copied / f"solidity/interfaces/I{name}.sol").open("a", encoding="utf-8") as source:
        source.write("// changed\n")

    assert digest_of(copied, name) != artifact(name).source_sha256


@pytest.mark.parametrize("name", NAMES)
def test_another_version_of_the_library_makes_an_artifact_stale(name: str, copied: Path) -> None:
    pinned = copied / "package.json"
    pinned.write_text(
        pinned.read_text(encoding="utf-8").replace('contracts": "5.', 'contracts": "6.'), encoding="utf-8"
    )

    assert digest_of(copied, name) != artifact(name).source_sha256


@pytest.mark.parametrize("name", NAMES)
def test_tests_and_artifacts_are_compiled_alike(name: str) -> None:
    forge = tomllib.loads((ROOT / "foundry.toml").read_text(encoding="utf-8"))["profile"]["default"]
    pinned = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]

    compiled = artifact(name)

    assert compiled.compiler_version.split("+")[0] == pinned["solc"]
    assert compiled.compiler_settings == {
        "evmVersion": forge["evm_version"],
        "metadata": {"appendCBOR": forge["cbor_metadata"], "bytecodeHash": forge["bytecode_hash"]},
        "optimizer": {"enabled": forge["optimizer"], "runs": forge["optimizer_runs"]},
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_fits_the_limit_of_the_chain(name: str) -> None:
    compiled = artifact(name)
    runtime = bytes.fromhex(compiled.deployed_bytecode.removeprefix("0x"))

    assert compiled.name == name
    assert 0 < len(runtime) <= RUNTIME_LIMIT_BYTES
    assert len(compiled.bytecode) > len(compiled.deployed_bytecode)


@pytest.mark.parametrize("name", OURS)
def test_a_contract_has_all_that_its_interface_declares(name: str) -> None:
    declared = declared_in(f"I{name}")

    there = {
        (kind, entry["name"]) for kind in ("function", "event", "error") for entry in entries(artifact(name), kind)
    }

    assert len(declared) > 10
    assert set(declared) <= there


@pytest.mark.parametrize(("name", "types"), CONSTRUCTORS.items())
def test_a_constructor_takes_what_the_deployment_gives(name: str, types: str) -> None:
    [constructor] = entries(artifact(name), "constructor")

    assert " ".join(given["type"] for given in constructor["inputs"]) == types


@pytest.mark.parametrize(("name", "error"), ERRORS, ids=[f"{name}.{error}" for name, error in ERRORS])
def test_each_error_of_an_interface_is_provoked_by_a_test(name: str, error: str) -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "solidity" / "test").glob("*.t.sol"))

    assert re.search(rf"\bI?{name}\.{error}\.selector\b", tests)


def test_an_unknown_contract_is_named() -> None:
    with pytest.raises(ValueError, match="no compiled contract 'Escrow'"):
        artifact("Escrow")
