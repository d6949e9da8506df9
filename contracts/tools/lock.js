"use strict";
// What npm writes into its lock beside versions and hashes, and no installation needs: addresses.

const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const path = join(__dirname, "..", "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const entry of Object.values(lock.packages)) {
  delete entry.resolved;
  delete entry.funding;
}
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
