// Calls a running platform and holds every answer to its OpenAPI document: the status must be one
// the operation declares, the body must fit its schema (no member more, none less), and every
// operation must have been called. Ends with TAP lines; exit status 1 when one is "not ok".
//
//   DINER_PLATFORM_URL, DINER_PLATFORM_USER, DINER_PLATFORM_PASSWORD   the platform, seeded
//   DINER_CALLBACK_SECRET                                              of its payment channel
import { readFileSync } from "node:fs";
import { createHmac } from "node:crypto";
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
  if (response.headers.get("content-type").startsWith("text/plain")) {
    report(/^http_requests_total{/m.test(text), name, text.slice(0, 500));
    return text;
  }
  if (response.headers.get("content-type").startsWith("application/yaml")) {
    report(text === readFileSync(file, "utf8"), name, "served document differs from the file");
    return text;
  }
  const data = JSON.parse(text);
  const declaredCodes = declared(operation, response.status)?.description.split(/[ ,;]+/) ?? [];
  const why = problems(operation, response.status, data) ||
    (data.error && !declaredCodes.includes(data.error) && `${data.error} is not declared for ${response.status}`);
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

// Users: what an admin does, and what others may not.
const admin = await call("login of an admin", "POST", `${v1}/auth/login`, 200, {
  body: { username: "admin", password: process.env.DINER_PLATFORM_ADMIN_PASSWORD },
});
const asAdmin = { Authorization: `Bearer ${admin.data.access_token}` };
const profile = await call("profile", "GET", `${v1}/profile`, 200);
await call("own user", "GET", `${v1}/users/{id}`, 200, { values: { id: profile.data.user.id } });
await call("another's user", "GET", `${v1}/users/{id}`, 403, { values: { id: profile.data.user.id + 1000 } });
await call("users, not an admin", "GET", `${v1}/users`, 403);
await call("users", "GET", `${v1}/users`, 200, { headers: asAdmin });
await call("users by role", "GET", `${v1}/users`, 200, { headers: asAdmin, query: { role: "admin", page: 1 } });
const name = `viewer-${process.pid}`;
const newUser = { username: name, password: "a view only", role: "readonly", display_name: "只读" };
const viewer = await call("new user", "POST", `${v1}/users`, 201, { headers: asAdmin, body: newUser });
await call("user name taken", "POST", `${v1}/users`, 409, { headers: asAdmin, body: newUser });
await call("user of no role", "POST", `${v1}/users`, 422, { headers: asAdmin, body: { ...newUser, username: "x", role: "king" } });
await call("user at no store", "POST", `${v1}/users`, 422, { headers: asAdmin, body: { ...newUser, username: "x", store: "nowhere" } });
const ofViewer = { headers: asAdmin, values: { id: viewer.data.id } };
await call("user changed", "PATCH", `${v1}/users/{id}`, 200, { ...ofViewer, body: { version: 1, display_name: "审计" } });
await call("user changed from an old version", "PATCH", `${v1}/users/{id}`, 409, { ...ofViewer, body: { version: 1, active: false } });
await call("user changed without a version", "PATCH", `${v1}/users/{id}`, 400, { ...ofViewer, body: { active: false } });
const seen = await call("login of a viewer", "POST", `${v1}/auth/login`, 200, { body: { username: name, password: "a view only" } });
const asViewer = { Authorization: `Bearer ${seen.data.access_token}` };
await call("a viewer writes", "POST", `${v1}/members`, 403, { headers: asViewer, body: { name: "甲" } });
await call("a viewer wants phones", "GET", `${v1}/members`, 403, { headers: asViewer, query: { reveal: true } });

const phone = `138${String(process.pid).padStart(8, "0")}`;
const member = await call("new member", "POST", `${v1}/members`, 201, { body: { name: "段正淳", phone } });
report(member.data.name === "段**" && member.data.phone === `138****${phone.slice(-4)}`, "a member is masked", JSON.stringify(member));
await call("phone taken", "POST", `${v1}/members`, 409, { body: { name: "乙", phone } });
await call("not a phone", "POST", `${v1}/members`, 422, { body: { name: "乙", phone: "12a" } });
const ofMember = { values: { member_no: member.data.member_no } };
const shown = await call("member in full", "GET", `${v1}/members/{member_no}`, 200, { ...ofMember, query: { reveal: true } });
report(shown.data.phone === phone, "a member is shown in full on request", JSON.stringify(shown));
await call("no such member", "GET", `${v1}/members/{member_no}`, 404, { values: { member_no: "M0" } });
await call("member changed", "PATCH", `${v1}/members/{member_no}`, 200, { ...ofMember, body: { version: 1, level: "gold" } });
await call("member changed from an old version", "PATCH", `${v1}/members/{member_no}`, 409, { ...ofMember, body: { version: 1, level: "silver" } });
await call("members", "GET", `${v1}/members`, 200, { query: { phone } });
await call("members by page", "GET", `${v1}/members`, 200, { query: { page: 1, updated_since: "2020-01-01T00:00:00Z" } });
await call("members who were merged", "GET", `${v1}/members`, 200, { query: { status: "merged" } });
await call("members of no status", "GET", `${v1}/members`, 400, { query: { status: "gone" } });
const found = await call("whose phone", "POST", `${v1}/members/find`, 200, { body: { phone: `+86${phone}` }, query: { reveal: true } });
report(found.data.matched_by === "phone" && found.data.member.phone === phone, "known by the phone", JSON.stringify(found));
await call("nobody's phone", "POST", `${v1}/members/find`, 404, { body: { phone: "00000" } });
await call("known by nothing", "POST", `${v1}/members/find`, 400, { body: {} });
await call("a viewer wants phones of one", "POST", `${v1}/members/find`, 403, { headers: asViewer, body: { phone }, query: { reveal: true } });
const openid = { appid: "wx1", openid: `o-${process.pid}` };
await call("an openid", "POST", `${v1}/members/{member_no}/identities`, 201, { ...ofMember, body: openid });
await call("an openid without its app", "POST", `${v1}/members/{member_no}/identities`, 400, { ...ofMember, body: { openid: "o" } });
await call("an openid of nobody", "POST", `${v1}/members/{member_no}/identities`, 404, { values: { member_no: "M0" }, body: openid });
const twin = await call("a member twice", "POST", `${v1}/members`, 201, { body: { name: "段正淳", unionid: `u-${process.pid}` } });
await call("another's openid", "POST", `${v1}/members/{member_no}/identities`, 409, { values: { member_no: twin.data.member_no }, body: openid });
const ofTwin = { values: { member_no: twin.data.member_no } }, intoMember = { ...ofMember, body: { other: twin.data.member_no } };
await call("what a merge would move", "POST", `${v1}/members/{member_no}/merge/preview`, 200, intoMember);
const merged = await call("merged", "POST", `${v1}/members/{member_no}/merge`, 200, intoMember);
report(merged.data.moved.join() === "unionid", "what was missing moved", JSON.stringify(merged));
await call("merged again", "POST", `${v1}/members/{member_no}/merge`, 409, intoMember);
await call("merged with itself", "POST", `${v1}/members/{member_no}/merge`, 422, { ...ofMember, body: { other: member.data.member_no } });
await call("merged with nobody", "POST", `${v1}/members/{member_no}/merge`, 422, { ...ofMember, body: { other: "M0" } });
await call("a viewer merges", "POST", `${v1}/members/{member_no}/merge/preview`, 403, { ...intoMember, headers: asViewer });
const led = await call("the old number", "GET", `${v1}/members/{member_no}`, 200, ofTwin);
report(led.data.member_no === member.data.member_no && led.data.redirected_from === twin.data.member_no, "it leads to the survivor", JSON.stringify(led));
await call("the old number changed", "PATCH", `${v1}/members/{member_no}`, 409, { ...ofTwin, body: { version: 1, level: "gold" } });
const exported = await call("all about them", "GET", `${v1}/members/{member_no}/export`, 200, ofTwin);
report(exported.data.member.phone === phone && exported.data.merges.length === 1, "with who was merged", JSON.stringify(exported));
await call("all about nobody", "GET", `${v1}/members/{member_no}/export`, 404, { values: { member_no: "M0" } });
await call("a viewer wants all", "GET", `${v1}/members/{member_no}/export`, 403, { ...ofMember, headers: asViewer });
await call("unmerged", "POST", `${v1}/members/{member_no}/unmerge`, 200, ofTwin);
await call("unmerged again", "POST", `${v1}/members/{member_no}/unmerge`, 409, ofTwin);
const synced = await call("as a CRM has them", "POST", `${v1}/members/sync`, 200, {
  body: { items: [{ ref: member.data.member_no, name: "段正淳" }, { ref: "crm:1", name: "王语嫣", phone: null }, { ref: "crm:2" }] },
});
report(synced.data.results.map((i) => i.result ?? i.error).join() === "unchanged,created,invalid_member", "each its own", JSON.stringify(synced));
await call("a CRM without members", "POST", `${v1}/members/sync`, 400, { body: { items: [] } });
await call("a viewer syncs", "POST", `${v1}/members/sync`, 403, { headers: asViewer, body: { items: [{ ref: "crm:1" }] } });
await call("metrics", "GET", "/metrics", 200);

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

const sku = `T${process.pid}`;
const product1 = products.data.items[0].sku;
await call("new product", "POST", `${v1}/products`, 201, { body: { sku, name: "试菜", unit: "份", price: "9.90" } });
await call("product twice", "POST", `${v1}/products`, 409, { body: { sku, name: "试菜", unit: "份", price: 9 } });
await call("change", "PATCH", `${v1}/products/{sku}`, 200, { values: { sku }, body: { version: 1, active: true, price: 10 } });
await call("change of an old version", "PATCH", `${v1}/products/{sku}`, 409, { values: { sku }, body: { version: 1, price: 11 } });
await call("no recipe yet", "GET", `${v1}/products/{sku}/recipe`, 404, { values: { sku } });
await call("a unit", "PUT", `${v1}/products/{sku}/units/{unit}`, 200, { values: { sku, unit: "箱" }, body: { base_quantity: 12 } });
await call("the base unit again", "PUT", `${v1}/products/{sku}/units/{unit}`, 422, { values: { sku, unit: "份" }, body: { per_base: 2 } });
await call("a unit less", "DELETE", `${v1}/products/{sku}/units/{unit}`, 200, { values: { sku, unit: "箱" } });
const recipe = { makes: 3, lines: [{ product: product1, quantity: "0.5", yield: "0.85" }] };
await call("recipe", "PUT", `${v1}/products/{sku}/recipe`, 200, { values: { sku }, body: recipe });
await call("recipe of itself", "PUT", `${v1}/products/{sku}/recipe`, 422, { values: { sku }, body: { lines: [{ product: sku, quantity: 1 }] } });
await call("the recipe", "GET", `${v1}/products/{sku}/recipe`, 200, { values: { sku } });
await call("recipe deleted", "DELETE", `${v1}/products/{sku}/recipe`, 200, { values: { sku } });

const stock = await call("stock", "GET", `${v1}/stock`, 200, {
  query: { store: code, moved_since: "2026-01-01T00:00:00Z", page_size: 100 },
});
const item = stock.data.items.find((s) => Number(s.qty) > 5 && s.policy === "forbid");
const product = item.product;
await call("stock of one", "GET", `${v1}/stock/{store}/{product}`, 200, { values: { store: code, product } });
await call("stock of one, aged", "GET", `${v1}/stock/{store}/{product}`, 200, { values: { store: code, product }, query: { max_age: 60 } });
await call("a max_age that is none", "GET", `${v1}/stock/{store}/{product}`, 400, { values: { store: code, product }, query: { max_age: -1 } });
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
await call("adjustments, previewed", "POST", `${v1}/stock/adjustments/preview`, 200, { body: batch });
await call("adjustments", "POST", `${v1}/stock/adjustments`, 200, { body: batch, headers });
await call("adjustments, replayed", "POST", `${v1}/stock/adjustments`, 200, { body: batch, headers });
batch.items.pop();
await call("key reused", "POST", `${v1}/stock/adjustments`, 409, { body: batch, headers });
await call("adjustments of nothing", "POST", `${v1}/stock/adjustments`, 400, { body: { items: [] } });
await call("not JSON", "POST", `${v1}/stock/adjustments`, 400, { raw: "{" });
await call("too large", "POST", `${v1}/stock/adjustments`, 413, { raw: " ".repeat(1100000) });
await call("ledger", "GET", `${v1}/stock/log`, 200, { query: { store: code, after_id: 0 } });
await call("ledger by page", "GET", `${v1}/stock/log`, 200, { query: { page: 1 } });

await call("ledger, newest first", "GET", `${v1}/stock/log`, 200, {
  query: { sort: "-id", product, change_type: "adjust", since: "2020-01-01T00:00:00Z" },
});
await call("a kind of movement that is none", "GET", `${v1}/stock/log`, 400, { query: { change_type: "theft" } });
const at = { store: code, product };
const level = await call("levels", "PATCH", `${v1}/stock/{store}/{product}`, 200, {
  values: at, body: { par_qty: 999999, min_qty: 999998.5, policy: "forbid" },
});
await call("levels of an old version", "PATCH", `${v1}/stock/{store}/{product}`, 409, {
  values: at, body: { version: level.data.version + 1, par_qty: 1 },
});
await call("a minimum over par", "PATCH", `${v1}/stock/{store}/{product}`, 422, { values: at, body: { par_qty: 1, min_qty: 2 } });
await call("stock below par", "GET", `${v1}/stock`, 200, { query: { below: "par", store: code } });
await call("proposals", "GET", `${v1}/stock/reorder`, 200, { query: { store: code } });
await call("levels away", "PATCH", `${v1}/stock/{store}/{product}`, 200, { values: at, body: { par_qty: null, min_qty: null } });
const counted = { store: code, note: "盘点", items: [{ product, quantity: "7.25" }] };
await call("count, previewed", "POST", `${v1}/stock/counts/preview`, 200, { body: counted });
const count1 = await call("count", "POST", `${v1}/stock/counts`, 201, { body: { ...counted, items: [{ product, quantity: 500 }] } });
await call("count of nothing known", "POST", `${v1}/stock/counts`, 422, { body: { ...counted, items: [{ product: "none", quantity: 1 }] } });
await call("count before the last", "POST", `${v1}/stock/counts`, 409, { body: { ...counted, counted_at: "2020-01-01T00:00:00Z" } });
await call("a count", "GET", `${v1}/stock/counts/{id}`, 200, { values: { id: count1.data.id } });
await call("no count", "GET", `${v1}/stock/counts/{id}`, 404, { values: { id: "none" } });
await call("counts", "GET", `${v1}/stock/counts`, 200, { query: { store: code } });
const other = stores.data.items[1].code;
const goods = { from_store: code, to_store: other, items: [{ product, quantity: 3 }] };
const sent = await call("transfer", "POST", `${v1}/stock/transfers`, 201, { body: goods });
await call("transfer to itself", "POST", `${v1}/stock/transfers`, 422, { body: { ...goods, to_store: code } });
await call("transfer of too much", "POST", `${v1}/stock/transfers`, 409, { body: { ...goods, items: [{ product, quantity: 99999 }] } });
const transfer = { id: sent.data.id };
await call("received in part", "POST", `${v1}/stock/transfers/{id}/receive`, 200, { values: transfer, body: { items: [{ product, quantity: 1 }] } });
await call("received too much", "POST", `${v1}/stock/transfers/{id}/receive`, 409, { values: transfer, body: { items: [{ product, quantity: 3 }] } });
await call("cancelled transfer", "POST", `${v1}/stock/transfers/{id}/cancel`, 200, { values: transfer });
await call("a transfer", "GET", `${v1}/stock/transfers/{id}`, 200, { values: transfer });
await call("transfers", "GET", `${v1}/stock/transfers`, 200, { query: { store: other, status: "cancelled" } });
const held = await call("reservation", "POST", `${v1}/stock/reservations`, 201, { body: { store: code, expires_in: 60, items: [{ product, quantity: 2 }] } });
await call("a reservation", "GET", `${v1}/stock/reservations/{id}`, 200, { values: { id: held.data.id } });
await call("released", "POST", `${v1}/stock/reservations/{id}/release`, 200, { values: { id: held.data.id } });
await call("released again", "POST", `${v1}/stock/reservations/{id}/release`, 409, { values: { id: held.data.id } });
await call("reservations", "GET", `${v1}/stock/reservations`, 200, { query: { status: "released" } });

const order = (quantity) => ({ store: code, channel: "dine_in", guests: 2, table_no: "A1", items: [{ product, quantity }] });
const table = await call("reserved for a table", "POST", `${v1}/stock/reservations`, 201, { body: { store: code, expires_in: 60, items: [{ product, quantity: 2 }] } });
await call("order of no reservation", "POST", `${v1}/orders`, 422, { body: { ...order(1), reservation: 999999 } });
const seated = await call("order of what is reserved", "POST", `${v1}/orders`, 201, { body: { ...order(2), reservation: table.data.id } });
const sold = await call("the reservation then", "GET", `${v1}/stock/reservations/{id}`, 200, { values: { id: table.data.id } });
report(sold.data.status === "sold" && sold.data.order_no === seated.data.order_no, "sold to the order", JSON.stringify(sold));
await call("the same reservation again", "POST", `${v1}/orders`, 409, { body: { ...order(2), reservation: table.data.id } });
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
await call("ready", "POST", `${v1}/orders/{order_no}/ready`, 200, { values });
await call("ready again", "POST", `${v1}/orders/{order_no}/ready`, 409, { values });
await call("fulfilled", "POST", `${v1}/orders/{order_no}/fulfill`, 200, { values });
await call("cancelled too late", "POST", `${v1}/orders/{order_no}/cancel`, 409, { values, body: { reason: "late" } });
const second = await call("another order", "POST", `${v1}/orders`, 201, { body: order(1) });
await call("cancelled", "POST", `${v1}/orders/{order_no}/cancel`, 200, {
  values: { order_no: second.data.order_no }, body: { reason: "guest left" },
});
const third = await call("ordered and paid in one", "POST", `${v1}/orders/checkout`, 201, { body: order(1) });
const paidValues = { order_no: third.data.order_no };
await call("its sagas", "GET", `${v1}/orders/{order_no}/sagas`, 200, { values: paidValues });
await call("refused as to be paid again", "POST", `${v1}/orders/{order_no}/prepay`, 409, { values: paidValues });
await call("cancelled, and refunded by the channel", "POST", `${v1}/orders/{order_no}/cancel`, 200, { values: paidValues, body: { reason: "sold out" } });
await call("closed with its saga", "GET", `${v1}/orders/{order_no}/sagas`, 200, { values: paidValues });
await call("its refund", "GET", `${v1}/orders/{order_no}/payments`, 200, { values: paidValues });
await call("payments", "GET", `${v1}/payments`, 200, { query: { store: code, channel: "local", status: "succeeded", since: "2020-01-01T00:00:00Z", sort: "-amount" } });
await call("payments by page", "GET", `${v1}/payments`, 200, { query: { page: 1, method: "wechat" } });
await call("payments that are nothing", "GET", `${v1}/payments`, 400, { query: { status: "lost" } });
const refunded = await call("refunds", "GET", `${v1}/refunds`, 200, { query: { channel: "local", until: "2100-01-01T00:00:00Z" } });
report(refunded.data.items.some((r) => r.order_no === paidValues.order_no && r.accepted_at), "accepted when", JSON.stringify(refunded));
await call("refunds that are nothing", "GET", `${v1}/refunds`, 400, { query: { status: "sent" } });
const fourth = await call("an order to pay by code", "POST", `${v1}/orders`, 201, { body: order(1) });
const codeValues = { order_no: fourth.data.order_no };
await call("no code for cash", "POST", `${v1}/orders/{order_no}/prepay`, 422, { values: codeValues, body: { payment_method: "cash" } });
const prepaid = await call("a code", "POST", `${v1}/orders/{order_no}/prepay`, 201, { values: codeValues });
const event = JSON.stringify({ event_id: `check-${process.pid}`, kind: "payment.succeeded", number: prepaid.data.payment_no, amount: prepaid.data.amount, transaction_id: "T-1" });
const timestamp = String(Math.floor(Date.now() / 1000));
const sign = (body) => createHmac("sha256", process.env.DINER_CALLBACK_SECRET).update(`${timestamp}.${body}`).digest("hex");
const signed = (raw) => ({ raw, values: { channel: "local" }, headers: { "X-Diner-Timestamp": timestamp, "X-Diner-Signature": sign(raw) } });
const callbacks = `${v1}/payments/callbacks/{channel}`;
await call("called back", "POST", callbacks, 200, signed(event));
await call("called back twice", "POST", callbacks, 200, signed(event));
await call("called back about nobody", "POST", callbacks, 200, signed(event.replaceAll(prepaid.data.payment_no, "nobody").replace("check-", "other-")));
await call("called back without sense", "POST", callbacks, 400, signed('{"kind":"x"}'));
await call("called back by somebody", "POST", callbacks, 401, { ...signed(event), headers: { "X-Diner-Timestamp": timestamp, "X-Diner-Signature": "0".repeat(64) } });
await call("called back by no channel", "POST", callbacks, 404, { ...signed(event), values: { channel: "none" } });
const topups = `${v1}/members/{member_no}/wallet/topups`;
await call("an empty wallet", "GET", `${v1}/members/{member_no}/wallet`, 200, ofMember);
await call("a wallet of nobody", "GET", `${v1}/members/{member_no}/wallet`, 404, { values: { member_no: "M0" } });
await call("topped up", "POST", topups, 201, { ...ofMember, body: { amount: 50000, ref: `T-${process.pid}`, note: "充值" } });
await call("the same top-up", "POST", topups, 201, { ...ofMember, body: { amount: "50000.00", ref: `T-${process.pid}` } });
await call("another top-up of that number", "POST", topups, 409, { ...ofMember, body: { amount: 1, ref: `T-${process.pid}` } });
await call("topped up by nothing", "POST", topups, 400, { ...ofMember, body: { amount: 0 } });
await call("topped up by parts of a fen", "POST", topups, 400, { ...ofMember, body: { amount: "0.001" } });
await call("topped up, nobody", "POST", topups, 404, { values: { member_no: "M0" }, body: { amount: 1 } });
const tillUser = { username: `till-${process.pid}`, password: "a till only", role: "store", store: code };
await call("a till", "POST", `${v1}/users`, 201, { headers: asAdmin, body: tillUser });
const till = await call("login of a till", "POST", `${v1}/auth/login`, 200, { body: { username: tillUser.username, password: tillUser.password } });
await call("a till tops up", "POST", topups, 403, { ...ofMember, headers: { Authorization: `Bearer ${till.data.access_token}` }, body: { amount: 1 } });
const ofWallet = (quantity) => ({ ...order(quantity), payment_method: "wallet", member: member.data.member_no });
await call("order of a member that is none", "POST", `${v1}/orders`, 422, { body: { ...order(1), member: "M0" } });
await call("no member, no wallet", "POST", `${v1}/orders/checkout`, 422, { body: { ...order(1), payment_method: "wallet" } });
const dined = await call("paid from the wallet", "POST", `${v1}/orders/checkout`, 201, { body: ofWallet(1) });
report(dined.data.member === member.data.member_no && dined.data.payment_status === "paid", "paid by its member", JSON.stringify(dined));
const left = await call("what is left", "GET", `${v1}/members/{member_no}/wallet`, 200, ofMember);
const cents = (text) => Math.round(Number(text) * 100);
report(cents(left.data.balance) === 5000000 - cents(dined.data.total_amount), "the order is deducted once", JSON.stringify(left));
const wanting = await call("member without money", "POST", `${v1}/members`, 201, { body: { name: "阿紫" } });
const short = await call("not enough in it", "POST", `${v1}/orders/checkout`, 409, { body: { ...ofWallet(1), member: wanting.data.member_no } });
report(short.error === "insufficient_balance" && short.details.balance === "0.00", "what is there is said", JSON.stringify(short));
await call("a member who leaves", "PATCH", `${v1}/members/{member_no}`, 200, { values: { member_no: wanting.data.member_no }, body: { version: 1, status: "closed" } });
await call("order of a member who left", "POST", `${v1}/orders`, 422, { body: { ...ofWallet(1), member: wanting.data.member_no } });
const back = await call("back into the wallet", "POST", `${v1}/orders/{order_no}/refunds`, 201, { values: { order_no: dined.data.order_no }, body: { reason: "cold" } });
report(back.data.status === "succeeded", "back at once", JSON.stringify(back));
const book = await call("its ledger", "GET", `${v1}/members/{member_no}/wallet/log`, 200, ofMember);
report(book.data.items.map((e) => e.kind).join() === "topup,payment,refund" && book.data.items[2].balance_after === "50000.00", "what came and went", JSON.stringify(book));
await call("its payments by page", "GET", `${v1}/members/{member_no}/wallet/log`, 200, { ...ofMember, query: { kind: "payment", page: 1 } });
await call("entries of no kind", "GET", `${v1}/members/{member_no}/wallet/log`, 400, { ...ofMember, query: { kind: "gift" } });

const points = `${v1}/members/{member_no}/points`, ofNobody = { values: { member_no: "M0" } };
const gathered = await call("points by what was paid", "GET", points, 200, ofMember);
report(gathered.data.balance === 0, "the refund took back what the order earned", JSON.stringify(gathered));
await call("points of nobody", "GET", points, 404, ofNobody);
const earned = await call("earned", "POST", `${points}/earn`, 201, { ...ofMember, body: { points: 100, ref: `E-${process.pid}`, note: "生日" } });
report(earned.data.balance_after === 100 && earned.data.expires_at !== null, "with its end", JSON.stringify(earned));
await call("the same once more", "POST", `${points}/earn`, 201, { ...ofMember, body: { points: 100, ref: `E-${process.pid}` } });
await call("another of that reference", "POST", `${points}/earn`, 409, { ...ofMember, body: { points: 1, ref: `E-${process.pid}` } });
await call("over already", "POST", `${points}/earn`, 422, { ...ofMember, body: { points: 1, expires_on: "2020-01-01" } });
await call("until no day", "POST", `${points}/earn`, 400, { ...ofMember, body: { points: 1, expires_on: "2020-02-31" } });
await call("until a day", "POST", `${points}/earn`, 201, { ...ofMember, body: { points: 20, expires_on: "2099-01-01" } });
await call("no points", "POST", `${points}/earn`, 400, { ...ofMember, body: { points: 0 } });
await call("points of nobody earned", "POST", `${points}/earn`, 404, { ...ofNobody, body: { points: 1 } });
await call("a till gives points", "POST", `${points}/earn`, 403, { ...ofMember, headers: { Authorization: `Bearer ${till.data.access_token}` }, body: { points: 1 } });
await call("spent", "POST", `${points}/spend`, 201, { ...ofMember, body: { points: 110, ref: `S-${process.pid}` } });
const few = await call("more than there are", "POST", `${points}/spend`, 409, { ...ofMember, body: { points: 11 } });
report(few.error === "insufficient_points" && few.details.balance === 10, "how many there are is said", JSON.stringify(few));
await call("spent by who left", "POST", `${points}/spend`, 422, { values: { member_no: wanting.data.member_no }, body: { points: 1 } });
await call("back", "POST", `${points}/refund`, 201, { ...ofMember, body: { of_ref: `S-${process.pid}`, points: 60 } });
await call("more than is left of it", "POST", `${points}/refund`, 422, { ...ofMember, body: { of_ref: `S-${process.pid}`, points: 51 } });
await call("back of nothing", "POST", `${points}/refund`, 422, { ...ofMember, body: { of_ref: "nothing" } });
await call("the rest of it", "POST", `${points}/refund`, 201, { ...ofMember, body: { of_ref: `S-${process.pid}` } });
const lots = await call("points with their ends", "GET", points, 200, ofMember);
report(lots.data.balance === 120 && lots.data.lots.length === 2 && lots.data.next_expiry.points === 100, "in their lots", JSON.stringify(lots));
const kinds = await call("the ledger of points", "GET", `${points}/log`, 200, ofMember);
report(kinds.data.items.map((e) => e.kind).join() === "earn,clawback,earn,earn,spend,refund,refund", "what was earned and spent", JSON.stringify(kinds));
await call("what was spent, by page", "GET", `${points}/log`, 200, { ...ofMember, query: { kind: "spend", page: 1 } });
await call("points of no kind", "GET", `${points}/log`, 400, { ...ofMember, query: { kind: "gift" } });
await call("the tiers", "GET", `${v1}/tiers`, 200);
await call("the tier of a member", "GET", `${v1}/members/{member_no}/tier`, 200, ofMember);
await call("the tier of nobody", "GET", `${v1}/members/{member_no}/tier`, 404, ofNobody);

const jobs = `${v1}/orders/auto-cancel`, tillToken = { Authorization: `Bearer ${till.data.access_token}` };
await call("a till runs jobs", "POST", jobs, 403, { headers: tillToken });
await call("a till settles", "POST", `${v1}/orders/settle`, 403, { headers: tillToken });
for (const job of ["points/expire", "tiers/evaluate"]) {
  await call(`a till: ${job}`, "POST", `${v1}/${job}`, 403, { headers: tillToken });
  await call(`${job}, counted`, "POST", `${v1}/${job}`, 200, { body: { dry_run: true } });
  await call(`${job}, done`, "POST", `${v1}/${job}`, 200);
  await call(`${job} of nothing`, "POST", `${v1}/${job}`, 400, { body: { dry_run: 7 } });
}
await call("unpaid too long, counted", "POST", jobs, 200, { body: { dry_run: true } });
await call("unpaid for a year", "POST", jobs, 200, { body: { older_than_s: 31536000, limit: 10 } });
await call("more than a request may cancel", "POST", jobs, 400, { body: { limit: 1001 } });
await call("settled", "POST", `${v1}/orders/settle`, 200);

const refund = { amount: "0.01", reason: "cold", refund_no: `check-${process.pid}` };
await call("refunded in part", "POST", `${v1}/orders/{order_no}/refunds`, 201, { values, body: refund });
await call("the same refund", "POST", `${v1}/orders/{order_no}/refunds`, 201, { values, body: refund });
await call("another refund of that number", "POST", `${v1}/orders/{order_no}/refunds`, 409, { values, body: { ...refund, amount: "0.02" } });
await call("refunded too much", "POST", `${v1}/orders/{order_no}/refunds`, 422, { values, body: { amount: 99999, reason: "x" } });
await call("refund of nothing", "POST", `${v1}/orders/{order_no}/refunds`, 400, { values, body: { amount: 0, reason: "x" } });
await call("the refund", "GET", `${v1}/orders/{order_no}/refunds/{refund_no}`, 200, { values: { ...values, refund_no: refund.refund_no } });
await call("no such refund", "GET", `${v1}/orders/{order_no}/refunds/{refund_no}`, 404, { values: { ...values, refund_no: "none" } });
await call("its money", "GET", `${v1}/orders/{order_no}/payments`, 200, { values });
await call("its history", "GET", `${v1}/orders/{order_no}/history`, 200, { values });
await call("nobody's history", "GET", `${v1}/orders/{order_no}/history`, 404, { values: { order_no: "none" } });
await call("orders partly refunded", "GET", `${v1}/orders`, 200, { query: { payment_status: "partially_refunded", page: 1 } });
await call("one order", "GET", `${v1}/orders/{order_no}`, 200, { values });
await call("no such order", "GET", `${v1}/orders/{order_no}`, 404, { values: { order_no: "none" } });
await call("orders by cursor", "GET", `${v1}/orders`, 200, { query: { page_size: 100, updated_since: "2020-01-01T00:00:00Z" } });
for (const status of ["pending", "paid", "accepted", "fulfilled", "cancelled"])
  await call(`orders ${status}`, "GET", `${v1}/orders`, 200, { query: { page: 1, page_size: 100, status } });
await call("orders of no status", "GET", `${v1}/orders`, 400, { query: { status: "lost" } });

// Campaigns and coupons.
const ofCampaign = { values: { campaign: `OFF-${process.pid}` } };
const newCampaign = { code: `OFF-${process.pid}`, name: "会员八折", kind: "percent", percent: "20", budget: 1000, max_discount: 5, weekdays: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], dayparts: ["00:00-24:00"], stores: [order(1).store], coupon: true, group: "g", priority: 2 };
const reduced = await call("new campaign", "POST", `${v1}/campaigns`, 201, { body: newCampaign });
report(reduced.data.budget_left === "1000.00" && reduced.data.status === "active", "a campaign as it was asked for", JSON.stringify(reduced));
await call("campaign code taken", "POST", `${v1}/campaigns`, 409, { body: newCampaign });
await call("campaign by a viewer", "POST", `${v1}/campaigns`, 403, { headers: asViewer, body: newCampaign });
const wrong = await call("campaign that cannot be", "POST", `${v1}/campaigns`, 400, { body: { code: "a b", kind: "percent", nope: 1 } });
report(wrong.details.errors.map((e) => e.field).join() === "nope,code,name,percent", "all that is wrong is told", JSON.stringify(wrong));
await call("campaign nowhere", "POST", `${v1}/campaigns`, 422, { body: { ...newCampaign, code: "N", stores: ["nowhere"] } });
for (let i = 0; i < 5; i++)
  await call(`campaign ${i}`, "POST", `${v1}/campaigns`, 201, { body: { code: `T${i}-${process.pid}`, name: "满减", kind: "threshold", tiers: [{ from: 100000 + i, off: 20 }], priority: i } });
const codes = await call("new coupons", "POST", `${v1}/coupons`, 201, { body: { campaign: newCampaign.code, count: 6 } });
await call("coupon of a member", "POST", `${v1}/coupons`, 201, { body: { campaign: newCampaign.code, code: `M-${process.pid}`, member: member.data.member_no, uses: 2 } });
await call("coupon code taken", "POST", `${v1}/coupons`, 409, { body: { campaign: newCampaign.code, code: `M-${process.pid}` } });
await call("coupon of no campaign", "POST", `${v1}/coupons`, 422, { body: { campaign: "none" } });
await call("coupon of a campaign without", "POST", `${v1}/coupons`, 422, { body: { campaign: `T0-${process.pid}` } });
await call("coupons", "GET", `${v1}/coupons`, 200, { query: { campaign: newCampaign.code } });
await call("coupons for a viewer", "GET", `${v1}/coupons`, 403, { headers: asViewer });
await call("coupons of a member", "GET", `${v1}/coupons`, 200, { query: { member: member.data.member_no, page: 1 } });
const withCoupon = { ...order(1), coupons: [codes.data.codes[0]] };
const preview = await call("a price explained", "POST", `${v1}/campaigns/preview`, 200, { body: { ...withCoupon, at: "2030-01-01T12:00:00+08:00" } });
report(preview.data.campaigns.some((c) => c.applied && c.coupon === codes.data.codes[0]), "the coupon counts", JSON.stringify(preview));
const cheap = await call("order with a coupon", "POST", `${v1}/orders`, 201, { body: withCoupon });
report(cheap.data.discounts.length === 1 && cheap.data.discount_amount === preview.data.discount_amount, "as it was explained", JSON.stringify(cheap));
await call("order with a used coupon", "POST", `${v1}/orders`, 409, { body: withCoupon });
await call("order with no coupon of theirs", "POST", `${v1}/orders`, 422, { body: { ...order(1), coupons: [`M-${process.pid}`] } });
const ofCheap = { values: { order_no: cheap.data.order_no } };
await call("explained with its coupon", "POST", `${v1}/orders/{order_no}/discounts/preview`, 200, { ...ofCheap, body: { coupons: withCoupon.coupons } });
const dear = await call("priced anew", "POST", `${v1}/orders/{order_no}/discounts`, 200, { ...ofCheap, body: {} });
report(dear.data.discount_amount === "0.00" && dear.data.discounts[0].returned, "without a coupon nothing is off", JSON.stringify(dear));
await call("priced anew, no such order", "POST", `${v1}/orders/{order_no}/discounts`, 404, { values: { order_no: "none" }, body: {} });
const unused = await call("the coupon", "GET", `${v1}/coupons/{coupon}`, 200, { values: { coupon: codes.data.codes[0] } });
report(unused.data.uses === 0, "the coupon is back", JSON.stringify(unused));
await call("no such coupon", "GET", `${v1}/coupons/{coupon}`, 404, { values: { coupon: "none" } });
const shownCampaign = await call("the campaign", "GET", `${v1}/campaigns/{campaign}`, 200, ofCampaign);
report(shownCampaign.data.figures.returned_orders === 1 && shownCampaign.data.budget_left === "1000.00", "what it cost", JSON.stringify(shownCampaign));
await call("no such campaign", "GET", `${v1}/campaigns/{campaign}`, 404, { values: { campaign: "none" } });
await call("campaigns of a store", "GET", `${v1}/campaigns`, 200, { query: { store: order(1).store, status: "active", page: 1 } });
await call("campaigns of no status", "GET", `${v1}/campaigns`, 400, { query: { status: "lost" } });
await call("end later", "POST", `${v1}/campaigns/{campaign}/end`, 200, { ...ofCampaign, body: { at: "2100-01-01T00:00:00Z" } });
await call("end", "POST", `${v1}/campaigns/{campaign}/end`, 200, { ...ofCampaign, body: {} });
await call("end again", "POST", `${v1}/campaigns/{campaign}/end`, 409, { ...ofCampaign, body: {} });
await call("coupons of what has ended", "POST", `${v1}/coupons`, 409, { body: { campaign: newCampaign.code } });
await call("order with a coupon of what has ended", "POST", `${v1}/orders`, 422, { body: withCoupon });

// Every sort of every list: three pages by cursor are what one page of that length is, in order.
const cells = { ...values, member_no: member.data.member_no };
const numeric = (text) => typeof text === "number" || /^-?[0-9.]+$/.test(text);
const before = (a, b) => (numeric(a) && numeric(b) ? Number(a) <= Number(b) : a <= b);
async function list(path, query) {
  const as = path === `${v1}/users` ? asAdmin : { Authorization: `Bearer ${token}` };
  const filled = path.replace(/\{(\w+)\}/g, (_, key) => encodeURIComponent(cells[key]));
  const response = await fetch(`${base}${filled}?${new URLSearchParams(query)}`, { headers: as });
  return (await response.json()).data ?? { items: [], total: -1 };
}
async function byCursor(path, sort) {
  const rows = [];
  for (let n = 0, cursor = ""; n < 3 && cursor !== null; n++) {
    const page = await list(path, { sort, page_size: 2, ...(cursor && { cursor }) });
    rows.push(...page.items);
    cursor = page.next_cursor ?? null;
  }
  return rows;
}
for (const [path, { get: operation }] of Object.entries(spec.paths))
  for (const sort of operation?.parameters?.find((p) => p.name === "sort")?.schema.enum ?? []) {
    const rows = await byCursor(path, sort), page = await list(path, { sort, page: 1, page_size: 6 });
    const name = sort.replace("-", ""), cell = (row) => row[name === "store" ? "none" : name];
    const inOrder = rows.every((row, i) => {
      const [a, b] = sort.startsWith("-") ? [row, rows[i - 1]] : [rows[i - 1], row];
      return i === 0 || cell(row) === undefined || ["name", "category", "username", "sku", "code"].includes(name) || before(cell(a), cell(b));
    });
    report(page.total > 0 || path.endsWith("/reorder"), `${path} sort=${sort} has rows`, JSON.stringify(page).slice(0, 300));
    report(inOrder && JSON.stringify(rows) === JSON.stringify(page.items), `${path} sort=${sort}`, JSON.stringify([rows, page.items]).slice(0, 3000));
  }

for (const [path, operations] of Object.entries(spec.paths))
  for (const [method, operation] of Object.entries(operations))
    report(called.has(operation.operationId), `${method.toUpperCase()} ${path} was called`, "never answered as it should");
console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
