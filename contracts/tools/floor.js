"use strict";
// Reads lcov and fails below the floor: 98 % of lines and 95 % of branches, in each file of the three contracts.

const { readFileSync, readdirSync } = require("node:fs");
const { join } = require("node:path");

const FLOOR = { lines: 98, branches: 95 };
const FOLDERS = ["solidity", "solidity/libraries"]; // all but interfaces, mocks and tests

// One record per file: SF:path, then LF/LH lines found and hit, BRF/BRH branches found and hit.
function records(lcov) {
  return lcov.split("end_of_record").map((record) => {
    const number = (key) => Number(record.match(new RegExp(`^${key}:(\\d+)$`, "m"))?.[1] ?? 0);
    const missed = [...record.matchAll(/^DA:(\d+),0$/gm), ...record.matchAll(/^BRDA:(\d+),\d+,\d+,(?:0|-)$/gm)];
    return {
      path: record.match(/^SF:(.*)$/m)?.[1],
      lines: [number("LH"), number("LF")],
      branches: [number("BRH"), number("BRF")],
      missed: [...new Set(missed.map((match) => Number(match[1])))].sort((one, other) => one - other),
    };
  });
}

const share = ([hit, found]) => (found === 0 ? 100 : (100 * hit) / found);
const shown = (kind, record) => `${kind} ${share(record[kind]).toFixed(1)} % (${record[kind].join("/")})`;

const held = FOLDERS.flatMap((folder) =>
  readdirSync(join(__dirname, "..", folder))
    .filter((name) => name.endsWith(".sol"))
    .map((name) => `${folder}/${name}`),
);
const measured = records(readFileSync(process.argv[2], "utf8"));
const below = [];
const total = { lines: [0, 0], branches: [0, 0] };
for (const path of held) {
  const record = measured.find((one) => one.path === path);
  if (record === undefined) {
    // Constants alone have no lines.
    if (readFileSync(join(__dirname, "..", path), "utf8").includes("function ")) below.push(`${path} was not measured`);
    continue;
  }
  const line = `${path}: ${shown("lines", record)}, ${shown("branches", record)}`;
  console.log(record.missed.length > 0 ? `${line}; not reached: ${record.missed.join(", ")}` : line);
  for (const kind of Object.keys(FLOOR)) {
    record[kind].forEach((count, index) => { total[kind][index] += count; });
    if (share(record[kind]) < FLOOR[kind]) below.push(`${path}: ${kind}`);
  }
}

if (below.length > 0) {
  console.error(`below the floor: ${below.join(", ")}`);
  process.exit(1);
}
console.log(`${held.length} files: ${shown("lines", total)}, ${shown("branches", total)}`);
