// The consumer's side: each case is run by diner against a mock made from the interaction. What it
// asks must be just that, what it makes of the answer is looked at, and both are written to
// DIR/diner-platform.json, in Pact's format 3. Ends with TAP lines; exit status 1 when one is "not
// ok".
//
//   DINER   the program      usage: node consumer.mjs DIR
import { spawn } from "node:child_process";
import core from "@pact-foundation/pact-core";
import { cases, login } from "./cases.mjs";

const { makeConsumerPact, setLogLevel } = core;
const FORMAT_3 = 4; // of the Pact specification, as its library counts them
const directory = process.argv[2];
let count = 0, failed = 0;
setLogLevel("error");

function report(ok, name, why) {
  console.log(`${ok ? "ok" : "not ok"} ${++count} - ${name}`);
  if (!ok) {
    failed++;
    console.log(`# ${why}`.replaceAll("\n", "\n# "));
  }
}

// "${name}" in a body stands for a value of the state: its example here, the real one there.
function fromState(value, values) {
  if (Array.isArray(value)) return value.map((v) => fromState(v, values));
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fromState(v, values)]));
  const name = typeof value === "string" && value.match(/^\$\{(\w+)\}$/)?.[1];
  return name ? generated(value, values[name]) : value;
}
const generated = (expression, value) => ({
  "pact:matcher:type": "equality", "pact:generator:type": "ProviderState", expression, value,
});
const like = (value) => ({ "pact:matcher:type": "type", value });

function add(pact, { name, state, request, answer }, needsToken) {
  const i = pact.newInteraction(name);
  i.uponReceiving(name);
  if (state) i.givenWithParams(state.name, JSON.stringify(state.params));
  const path = request.path.from
    ? JSON.stringify(generated(request.path.from, request.path.path))
    : request.path;
  i.withRequest(request.method, path);
  for (const [key, value] of Object.entries(request.query ?? {})) i.withQuery(key, 0, value);
  if (needsToken) i.withRequestHeader("Authorization", 0, "Bearer token");
  if (request.body && needsToken)
    i.withRequestHeader("Idempotency-Key", 0, JSON.stringify({
      "pact:matcher:type": "regex", regex: "^[0-9a-f-]{36}$", "pact:generator:type": "Uuid",
      value: "7f9c2ba4-e88f-427d-a8c5-0f0e7b0c6c11",
    }));
  if (request.body) i.withRequestBody(JSON.stringify(fromState(request.body, state?.values ?? {})), "application/json");
  i.withStatus(answer.status);
  i.withResponseHeader("Content-Type", 0, "application/json");
  const { code, error, ...rest } = answer.body;
  const exact = error ? { code, error } : { code }; // programs switch on these
  const body = Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, like(v)]));
  i.withResponseBody(JSON.stringify({ ...exact, ...body }), "application/json");
}

function run(command, url, password) {
  const env = {
    PATH: process.env.PATH, LC_ALL: "C", DINER_CONFIG: "/dev/null", DINER_PLATFORM_URL: url,
    DINER_PLATFORM_USER: login.state.values.username, DINER_PLATFORM_PASSWORD: password, DINER_RETRY_MAX: "0",
  };
  return new Promise((done) => {
    const child = spawn(process.env.DINER, command, { env, stdio: ["ignore", "pipe", "pipe"] });
    const result = { stdout: "", stderr: "" };
    child.stdout.on("data", (d) => (result.stdout += d));
    child.stderr.on("data", (d) => (result.stderr += d));
    child.on("close", (status) => done({ ...result, status }));
  });
}

function wrong(c, result) {
  const { json, stderr } = c.prints ?? {};
  if (result.status !== (c.exit ?? 0)) return `exit status ${result.status}`;
  if (stderr && !result.stderr.includes(stderr)) return `stderr without '${stderr}'`;
  try {
    if (json && !json(JSON.parse(result.stdout))) return "the output is another";
  } catch (e) {
    return `the output is no JSON: ${e.message}`;
  }
  return null;
}

for (const c of cases) {
  const pact = makeConsumerPact("diner", "platform", FORMAT_3);
  const logsIn = c.request.path === login.request.path;
  if (!logsIn) add(pact, login, false);
  add(pact, c, !logsIn);
  const port = pact.createMockServer("127.0.0.1", 0);
  const result = await run(c.command, `http://127.0.0.1:${port}`, c.password ?? login.state.values.password);
  // The mock notes a request after it has answered it.
  for (let i = 0; i < 100 && !pact.mockServerMatchedSuccessfully(port); i++)
    await new Promise((go) => setTimeout(go, 20));
  const mismatches = pact.mockServerMatchedSuccessfully(port) ? null : pact.mockServerMismatches(port);
  const why = mismatches ? JSON.stringify(mismatches, null, 1) : wrong(c, result);
  report(!why, c.name, `${why}\n${result.stdout}${result.stderr}`);
  if (!why && !c.only_consumer) pact.writePactFile(directory, true);
  pact.cleanupMockServer(port);
}
console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
