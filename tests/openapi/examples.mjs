// Holds the examples of `diner docs delivery` to the OpenAPI document: every operation has one,
// every answer fits its schema, every body sent fits that of its request. Ends with TAP lines; exit
// status 1 when one is "not ok".
//
//   usage: node examples.mjs DELIVERY.md
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parse } from "yaml";

const require = createRequire(import.meta.url);
const OpenAPIResponseValidator = require("openapi-response-validator").default;
const spec = parse(readFileSync(new URL("../../lib/platform/openapi.yaml", import.meta.url), "utf8"));
const page = readFileSync(process.argv[2], "utf8");

let count = 0, failed = 0;
function report(why, name) {
  console.log(`${why ? "not ok" : "ok"} ${++count} - ${name}`);
  if (why) {
    failed++;
    console.log(`# ${why}`.replaceAll("\n", "\n# "));
  }
}

const follow = (node) => (node && node.$ref ? node.$ref.slice(2).split("/").reduce((at, key) => at[key], spec) : node);

// As an answer of status 200: the validator of answers knows the nullable of OpenAPI 3.0.
function misfit(schema, value) {
  const responses = { 200: { description: "", content: { "application/json": { schema } } } };
  const result = new OpenAPIResponseValidator({ responses, components: spec.components }).validateResponse(200, value);
  return result && JSON.stringify(result.errors);
}

const sections = new Map(
  page.split(/^#### (?=[A-Z]+ \/)/m).slice(1).map((text) => [text.slice(0, text.indexOf("\n")), text]),
);

for (const [path, operations] of Object.entries(spec.paths)) {
  for (const [method, operation] of Object.entries(operations)) {
    const name = `${method.toUpperCase()} ${path}`;
    const text = sections.get(name);
    if (!text) {
      report("it is not in the document", name);
      continue;
    }
    const answer = text.match(/^```json\n([^]*?)\n```$/m);
    const success = Object.entries(operation.responses).find(([status]) => status.startsWith("2"));
    const schema = follow(success[1]).content["application/json"]?.schema;
    if (schema || answer)
      report(answer ? misfit(schema, JSON.parse(answer[1])) : "it has no example", `${name}, its answer`);
    const body = text.match(/ -d '([^]*?)'\n```/);
    const sent = follow(operation.requestBody)?.content["application/json"]?.schema;
    if (sent || body)
      report(body ? misfit(sent, JSON.parse(body[1].replaceAll("'\\''", "'"))) : "no body is sent", `${name}, what is sent`);
    const address = text.match(/"\$PLATFORM([^"]*)"/)?.[1] ?? "";
    const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, "[^/{}]+")}$`);
    report(pattern.test(address) ? null : `the address is ${address}`, `${name}, its address`);
  }
}
report(misfit({ type: "string" }, 1) ? null : "a wrong value passes", "the check can fail");
console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
