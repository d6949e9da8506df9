"use strict";
// Reads lcov and fails below the floor: 98 % of lines and 95 % of branches of each of the three contracts.

const { readFileSync } = require("node:fs");

const FLOOR = { lines: 98, branches: 95 };
const HELD = ["CreditAggregator", "CollateralManager", "CreditScoringOracle"].map((name) => `solidity/${name}.sol`);

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

const measured = records(readFileSync(process.argv[2], "utf8"));
const below = [];
const summary = [];
for (const path of HELD) {
  const record = measured.find((one) => one.path === path);
  if (record === undefined) {
    below.push(`${path} was not measured`);
    continue;
  }
  const line = `${path}: ${shown("lines", record)}, ${shown("branches", record)}`;
  console.log(record.missed.length > 0 ? `${line}; not reached: ${record.missed.join(", ")}` : line);
  below.push(...Object.keys(FLOOR).filter((kind) => share(record[kind]) < FLOOR[kind]).map((kind) => `${path}: ${kind}`));
  summary.push(`${path.slice(9, -4)} ${share(record.lines).toFixed(0)}/${share(record.branches).toFixed(0)} %`);
}

if (below.length > 0) {
  console.error(`below the floor: ${below.join(", ")}`);
  process.exit(1);
}
console.log(`lines/branches: ${summary.join(", ")}`);
