// The provider's side: every interaction of the contract is sent to a running platform, which is
// first brought into the state that it names. Ends with exit status 1 when one does not hold.
//
//   DINER_PLATFORM_URL, DINER_PLATFORM_USER, DINER_PLATFORM_PASSWORD   the platform, seeded
//   usage: node provider.mjs FILE
import http from "node:http";
import core from "@pact-foundation/pact-core";

const { DINER_PLATFORM_URL: base, DINER_PLATFORM_USER: username, DINER_PLATFORM_PASSWORD: password } = process.env;

let token;
async function call(method, path, body) {
  const answer = await fetch(`${base}/api/v1${path}`, {
    method,
    headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const json = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${json.error}`);
  return json.data;
}

const newOrder = (more) =>
  call("POST", "/orders", { store: "S001", channel: "dine_in", items: [{ product: "P1001", quantity: 1 }], ...more });

// What is brought about, and the values that the contract then uses.
const states = {
  "an integration account": async () => ({ username, password }),
  "store S001 sells P1001": async () => {
    const items = [{ store: "S001", product: "P1001", delta: "10", reason: "receipt" }];
    await call("POST", "/stock/adjustments", { items });
    return {};
  },
  "an order of store S001": async () => ({ order_no: (await newOrder()).order_no }),
  "an order to be paid in cash": async () => ({ order_no: (await newOrder({ payment_method: "cash" })).order_no }),
  "a paid order": async () => {
    const { order_no } = await newOrder({ payment_method: "cash" });
    await call("POST", `/orders/${order_no}/pay`, {});
    return { order_no };
  },
};

async function answerState(request, response) {
  let text = "";
  for await (const part of request) text += part;
  const { state, action } = JSON.parse(text);
  try {
    if (state && !states[state]) throw new Error(`there is no state '${state}'`);
    const values = state && action !== "teardown" ? await states[state]() : {};
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(values));
  } catch (e) {
    console.log(`# ${state}: ${e.message}`);
    response.writeHead(500).end();
  }
}

token = (await call("POST", "/auth/login", { username, password })).access_token;
const server = http.createServer(answerState).listen(0, "127.0.0.1");
await new Promise((ready) => server.once("listening", ready));
try {
  await core.default.verifyPacts({
    provider: "platform",
    providerBaseUrl: base,
    pactUrls: [process.argv[2]],
    providerStatesSetupUrl: `http://127.0.0.1:${server.address().port}/`,
    customProviderHeaders: [`Authorization: Bearer ${token}`],
    logLevel: "error",
  });
  console.log("the contract holds");
} catch (e) {
  console.log(`the contract is broken: ${e.message.slice(0, 500)}`);
  process.exitCode = 1;
} finally {
  server.close();
}
