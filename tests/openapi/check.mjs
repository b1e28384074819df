// Calls a running platform and holds every answer to its OpenAPI document: the status must be one
// the operation declares, the body must fit its schema (no member more, none less), and every
// operation must have been called. Ends with TAP lines; exit status 1 when one is "not ok".
//
//   DINER_PLATFORM_URL, DINER_PLATFORM_USER, DINER_PLATFORM_PASSWORD   the platform, seeded
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parse } from "yaml";

const require = createRequire(import.meta.url);
const OpenAPIResponseValidator = require("openapi-response-validator").default;
const { DINER_PLATFORM_URL: base, DINER_PLATFORM_USER: username, DINER_PLATFORM_PASSWORD: password } =
  process.env;
const file = new URL("../../lib/platform/openapi.yaml", import.meta.url);
const spec = parse(readFileSync(file, "utf8"));

let count = 0, failed = 0, token = null;
const called = new Set();
function report(ok, name, why) {
  console.log(`${ok ? "ok" : "not ok"} ${++count} - ${name}`);
  if (!ok) {
    failed++;
    console.log(`# ${why}`.replaceAll("\n", "\n# "));
  }
}

const dereference = (node) =>
  node && node.$ref ? node.$ref.slice(2).split("/").reduce((at, key) => at[key], spec) : node;

// The declared response in the form the validator takes (schema beside description).
function declared(operation, status) {
  const response = dereference(operation.responses[String(status)]);
  return response && { description: response.description, content: response.content };
}

function problems(operation, status, body) {
  const response = declared(operation, status);
  if (!response) return `status ${status} is not declared`;
  const validator = new OpenAPIResponseValidator({
    responses: { [status]: response },
    components: spec.components,
  });
  const result = validator.validateResponse(status, body);
  return result && JSON.stringify(result.errors, null, 1);
}

// path is as in the document; values fill its {parts}.
async function call(name, method, path, want, { values = {}, query = {}, body, headers = {}, raw } = {}) {
  const operation = spec.paths[path]?.[method.toLowerCase()];
  if (!operation) return report(false, name, `${method} ${path} is not in the document`);
  const filled = path.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(values[key]));
  const search = new URLSearchParams(query).toString();
  const response = await fetch(base + filled + (search && `?${search}`), {
    method,
    headers: {
      ...(token && !operation.security ? { Authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
    body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
  });
  const text = await response.text();
  if (response.status === want && want < 300) called.add(operation.operationId);
  if (response.status !== want)
    return report(false, name, `wanted ${want}, got ${response.status}: ${text}`);
  if (response.headers.get("content-type").startsWith("application/yaml")) {
    report(text === readFileSync(file, "utf8"), name, "served document differs from the file");
    return text;
  }
  const data = JSON.parse(text);
  const why = problems(operation, response.status, data);
  report(!why && data.code === response.status, name, `${why}\n${text.slice(0, 500)}`);
  return data;
}

// The check itself must be able to fail.
const storeOperation = spec.paths["/api/v1/stores/{code}"].get;
const store = { code: "S", name: "n", timezone: "Asia/Shanghai", cutoff: "04:00", updated_at: "2026-11-22T00:00:00.000000Z" };
const envelope = (data) => ({ code: 200, message: "Success", data });
report(!problems(storeOperation, 200, envelope(store)), "a right body passes", problems(storeOperation, 200, envelope(store)));
report(problems(storeOperation, 200, envelope({ ...store, extra: 1 })), "a member too many is seen");
report(problems(storeOperation, 200, envelope({ ...store, updated_at: "2026-11-22" })), "a wrong instant is seen");
report(problems(storeOperation, 200, envelope({ ...store, name: undefined })), "a missing member is seen");
report(problems(storeOperation, 418, {}), "an undeclared status is seen");

const v1 = "/api/v1";
await call("health", "GET", "/health", 200);
await call("ready", "GET", "/ready", 200);
await call("the document", "GET", "/openapi.yaml", 200);
await call("no token", "GET", `${v1}/stores`, 401);
await call("wrong password", "POST", `${v1}/auth/login`, 401, { body: { username, password: "wrong" } });
await call("login without a password", "POST", `${v1}/auth/login`, 400, { body: { username } });
const tokens = await call("login", "POST", `${v1}/auth/login`, 200, { body: { username, password } });
token = tokens.data.access_token;
await call("refresh", "POST", `${v1}/auth/refresh`, 200, { body: { refresh_token: tokens.data.refresh_token } });
await call("refresh with an access token", "POST", `${v1}/auth/refresh`, 401, { body: { refresh_token: token } });

const stores = await call("stores by cursor", "GET", `${v1}/stores`, 200);
await call("stores by page", "GET", `${v1}/stores`, 200, { query: { page: 1, page_size: 1 } });
const code = stores.data.items[0].code;
await call("store", "GET", `${v1}/stores/{code}`, 200, { values: { code } });
await call("unknown store", "GET", `${v1}/stores/{code}`, 404, { values: { code: "nowhere" } });
const products = await call("products", "GET", `${v1}/products`, 200, { query: { active: true, page_size: 3 } });
await call("products, next", "GET", `${v1}/products`, 200, {
  query: { active: true, page_size: 3, cursor: products.data.next_cursor },
});
await call("product", "GET", `${v1}/products/{sku}`, 200, { values: { sku: products.data.items[0].sku } });
await call("unknown product", "GET", `${v1}/products/{sku}`, 404, { values: { sku: "'; --" } });

const stock = await call("stock", "GET", `${v1}/stock`, 200, {
  query: { store: code, moved_since: "2026-01-01T00:00:00Z", page_size: 100 },
});
const item = stock.data.items.find((s) => Number(s.qty) > 5 && s.policy === "forbid");
const product = item.product;
await call("stock of one", "GET", `${v1}/stock/{store}/{product}`, 200, { values: { store: code, product } });
await call("stock of none", "GET", `${v1}/stock/{store}/{product}`, 404, { values: { store: code, product: "none" } });
await call("unknown parameter", "GET", `${v1}/stock`, 400, { query: { shop: code } });
await call("bad cursor", "GET", `${v1}/stock`, 400, { query: { cursor: "AAAA" } });
const batch = {
  items: [
    { store: code, product, delta: "0.5", reason: "adjust", note: "盘点" },
    { store: code, product, delta: "-99999999999", reason: "count" },
    { store: "nowhere", product, delta: 1, reason: "erp_sync" },
    { store: code, product: "none", delta: 1, reason: "waste" },
  ],
};
const headers = { "Idempotency-Key": `check-${process.pid}-${Date.now()}` };
await call("adjustments", "POST", `${v1}/stock/adjustments`, 200, { body: batch, headers });
await call("adjustments, replayed", "POST", `${v1}/stock/adjustments`, 200, { body: batch, headers });
batch.items.pop();
await call("key reused", "POST", `${v1}/stock/adjustments`, 409, { body: batch, headers });
await call("adjustments of nothing", "POST", `${v1}/stock/adjustments`, 400, { body: { items: [] } });
await call("not JSON", "POST", `${v1}/stock/adjustments`, 400, { raw: "{" });
await call("too large", "POST", `${v1}/stock/adjustments`, 413, { raw: " ".repeat(1100000) });
await call("ledger", "GET", `${v1}/stock/log`, 200, { query: { store: code, after_id: 0 } });
await call("ledger by page", "GET", `${v1}/stock/log`, 200, { query: { page: 1 } });

const order = (quantity) => ({ store: code, channel: "dine_in", guests: 2, table_no: "A1", items: [{ product, quantity }] });
const made = await call("order", "POST", `${v1}/orders`, 201, { body: order("1.5") });
await call("order more than there is", "POST", `${v1}/orders`, 409, { body: order(999999) });
await call("order of an unknown product", "POST", `${v1}/orders`, 422, {
  body: { ...order(1), items: [{ product: "none", quantity: 1 }] },
});
await call("order at an unknown store", "POST", `${v1}/orders`, 422, { body: { ...order(1), store: "nowhere" } });
await call("order of less than nothing", "POST", `${v1}/orders`, 400, { body: order(-1) });
const values = { order_no: made.data.order_no };
await call("accepted too early", "POST", `${v1}/orders/{order_no}/accept`, 409, { values });
await call("paid the wrong amount", "POST", `${v1}/orders/{order_no}/pay`, 422, { values, body: { paid_amount: "0.01" } });
await call("paid", "POST", `${v1}/orders/{order_no}/pay`, 200, { values, body: { payment_method: "alipay" } });
await call("accepted", "POST", `${v1}/orders/{order_no}/accept`, 200, { values });
await call("fulfilled", "POST", `${v1}/orders/{order_no}/fulfill`, 200, { values });
await call("cancelled too late", "POST", `${v1}/orders/{order_no}/cancel`, 409, { values, body: { reason: "late" } });
const second = await call("another order", "POST", `${v1}/orders`, 201, { body: order(1) });
await call("cancelled", "POST", `${v1}/orders/{order_no}/cancel`, 200, {
  values: { order_no: second.data.order_no }, body: { reason: "guest left" },
});
await call("one order", "GET", `${v1}/orders/{order_no}`, 200, { values });
await call("no such order", "GET", `${v1}/orders/{order_no}`, 404, { values: { order_no: "none" } });
await call("orders by cursor", "GET", `${v1}/orders`, 200, { query: { page_size: 100, updated_since: "2020-01-01T00:00:00Z" } });
for (const status of ["pending", "paid", "accepted", "fulfilled", "cancelled"])
  await call(`orders ${status}`, "GET", `${v1}/orders`, 200, { query: { page: 1, page_size: 100, status } });
await call("orders of no status", "GET", `${v1}/orders`, 400, { query: { status: "lost" } });

for (const [path, operations] of Object.entries(spec.paths))
  for (const [method, operation] of Object.entries(operations))
    report(called.has(operation.operationId), `${method.toUpperCase()} ${path} was called`, "never answered as it should");
console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
