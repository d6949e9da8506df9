"use strict";
// Whether forge and compile.js come to the same bytes, and to the same ABI but for its order.

const { readdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");

const home = join(__dirname, "..");
const json = (...path) => JSON.parse(readFileSync(join(home, ...path), "utf8"));
// The two write the same entries and members in different orders.
const ordered = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value;
const entries = (abi) => abi.map((entry) => JSON.stringify(entry, (_, value) => ordered(value))).sort().join("\n");
const differing = [];

const files = readdirSync(join(home, "abi"));
for (const file of files) {
  const ours = json("abi", file);
  const forges = json("out", file.replace(".json", ".sol"), file);
  const same = {
    bytecode: ours.bytecode === forges.bytecode.object,
    deployedBytecode: ours.deployedBytecode === forges.deployedBytecode.object,
    abi: entries(ours.abi) === entries(forges.abi),
  };
  differing.push(...Object.keys(same).filter((what) => !same[what]).map((what) => `${ours.contractName}: ${what}`));
}

if (differing.length > 0) {
  console.error(`forge and solc disagree:\n${differing.join("\n")}`);
  process.exit(1);
}
console.log(`${files.length} contracts, the same bytes by forge and by solc`);
