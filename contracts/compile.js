"use strict";
// Compile what is deployed and write abi/NAME.json, the artifacts that Python loads: `node contracts/compile.js`.
// The same sources give the same bytes on every machine, so a change of an artifact is a change of a contract.

const { createHash } = require("node:crypto");
const { existsSync, readFileSync, writeFileSync, mkdirSync } = require("node:fs");
const { join } = require("node:path");
const solc = require("solc");
const pinned = require("./package.json").dependencies;

const DEPLOYED = {
  CreditAggregator: "solidity/CreditAggregator.sol",
  CollateralManager: "solidity/CollateralManager.sol",
  CreditScoringOracle: "solidity/CreditScoringOracle.sol",
  MockERC20: "solidity/mocks/MockERC20.sol",
  MockPriceFeed: "solidity/mocks/MockPriceFeed.sol",
  TimelockController: "@openzeppelin/contracts/governance/TimelockController.sol",
};

// The same as in foundry.toml, where tests are compiled.
const SETTINGS = {
  evmVersion: "cancun",
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  optimizer: { enabled: true, runs: 200 },
};

const WANTED = ["abi", "evm.bytecode.object", "evm.bytecode.linkReferences", "evm.deployedBytecode.object", "metadata", "storageLayout"];

function pathOf(name) {
  return name.startsWith("@") ? join(__dirname, "node_modules", name) : join(__dirname, name);
}

function read(name) {
  return existsSync(pathOf(name)) ? { contents: readFileSync(pathOf(name), "utf8") } : { error: `${name} is not there` };
}

function compiled(files) {
  const sources = Object.fromEntries(files.map((file) => [file, { content: read(file).contents }]));
  const settings = { ...SETTINGS, outputSelection: { "*": { "*": WANTED } } };
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings }), { import: read }));
  // OpenZeppelin's names are not ours to change.
  const isOurs = ({ severity, sourceLocation }) => severity === "error" || !sourceLocation?.file.startsWith("@");
  const complaints = (output.errors ?? []).filter(isOurs);
  if (complaints.length > 0) {
    throw new Error(complaints.map((complaint) => complaint.formattedMessage).join("\n"));
  }
  return output.contracts;
}

// A digest of all that the bytes depend on: our files, by the compiler's own list, and two versions. tests/contracts
// computes the same without a compiler.
function sourceSha256(metadata) {
  const ours = Object.keys(JSON.parse(metadata).sources).filter((name) => !name.startsWith("@")).sort();
  const lines = ours.map((name) => `${createHash("sha256").update(readFileSync(pathOf(name))).digest("hex")}  ${name}\n`);
  for (const name of ["@openzeppelin/contracts", "solc"]) {
    lines.push(`${pinned[name]}  ${name}\n`);
  }
  return createHash("sha256").update(lines.join("")).digest("hex");
}

function signature(entry) {
  const types = (inputs) => inputs.map((input) => (input.components ? `(${types(input.components)})` : input.type)).join(",");
  return `${entry.type} ${entry.name ?? ""}(${types(entry.inputs ?? [])})`;
}

function sorted(abi) {
  return abi.toSorted((one, other) => (signature(one) < signature(other) ? -1 : 1));
}

// The compiler numbers its syntax tree; the numbers move with every file that is added and say nothing.
function withoutNumbers(layout) {
  const text = JSON.stringify(layout, (key, value) => (key === "astId" ? undefined : value));
  return JSON.parse(text.replace(/t_(struct|enum|contract|userDefinedValueType)\((\w+)\)\d+/g, "t_$1($2)"));
}

function artifact(name, contract) {
  const { bytecode, deployedBytecode } = contract.evm;
  if (Object.keys(bytecode.linkReferences).length > 0) {
    throw new Error(`${name} needs a library to be linked`);
  }
  return {
    contractName: name,
    abi: sorted(contract.abi),
    bytecode: `0x${bytecode.object}`,
    deployedBytecode: `0x${deployedBytecode.object}`,
    storageLayout: withoutNumbers(contract.storageLayout),
    compiler: { version: solc.version().replace(/\.Emscripten.*/, ""), settings: SETTINGS },
    sourceSha256: sourceSha256(contract.metadata),
  };
}

function main() {
  const present = Object.entries(DEPLOYED).filter(([, file]) => existsSync(pathOf(file)));
  const contracts = compiled(present.map(([, file]) => file));
  mkdirSync(join(__dirname, "abi"), { recursive: true });
  for (const [name, file] of present) {
    const text = JSON.stringify(artifact(name, contracts[file][name]), null, 1);
    writeFileSync(join(__dirname, "abi", `${name}.json`), `${text}\n`);
    console.log(`${name}: ${(contracts[file][name].evm.deployedBytecode.object.length / 2).toLocaleString("en")} bytes`);
  }
}

main();
