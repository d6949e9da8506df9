"use strict";
// Reads what `forge test --json` says of the invariants, and fails when one is broken, or when an action of the
// handler was hardly ever possible: a campaign that does nothing proves nothing.

const { readFileSync } = require("node:fs");

const FLOOR = 20; // times that each action has to succeed in a campaign

const suites = JSON.parse(readFileSync(process.argv[2], "utf8"));
const complaints = [];
let actions = 0;
let calls = 0;

for (const suite of Object.values(suites)) {
  for (const [name, result] of Object.entries(suite.test_results)) {
    const { metrics = {}, runs, calls: made } = result.kind.Invariant ?? {};
    calls += made ?? 0;
    if (result.status !== "Success") {
      complaints.push(`${name}: ${result.reason}\n${JSON.stringify(result.counterexample, null, 1)}`);
      continue;
    }
    for (const [action, { calls: tried, reverts, discards }] of Object.entries(metrics)) {
      actions += 1;
      const done = tried - reverts - discards;
      console.log(`${action.split(".").pop()}: ${done} of ${tried}`);
      if (done < FLOOR) complaints.push(`${action} succeeded ${done} times in ${runs} runs`);
    }
  }
}

if (complaints.length > 0 || actions === 0) {
  console.error(complaints.join("\n") || "no campaign was run");
  process.exit(1);
}
const named = readFileSync("solidity/test/Invariants.t.sol", "utf8").match(/^ {4}function [a-z0-9]+(_[a-z0-9]+)+\(/gm);
console.log(`${named.length - 1} invariants after each of ${calls.toLocaleString("en")} calls of ${actions} actions`);
