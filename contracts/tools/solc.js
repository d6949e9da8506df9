"use strict";
// Standard JSON in, standard JSON out. Forge puts every source into the input, so no import is looked up.

const { readFileSync } = require("node:fs");
const solc = require("solc");

process.stdout.write(solc.compile(readFileSync(0, "utf8")));
