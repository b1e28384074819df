// What diner's commands ask of a platform, and what they need of its answers. One case, one request
// after the login.
//
//   name     of the interaction, in the words of who asks
//   state    what the platform must be like before; its values stand in texts as ${name}
//   command  what is run; its values are the examples of `state`
//   request  as it must be, exactly, but for the idempotency key
//   answer   what the mock says, by which the command is tried, and what the provider must say:
//            the same status, and members of the same types (more of them are no harm)
//   prints   of the answer, what the command then says: of its output as JSON, or of stderr
//   only_consumer   an answer that no platform should give: not a part of the contract

const order = {
  order_no: "S001-20261122-0000001",
  store: "S001",
  channel: "dine_in",
  status: "pending",
  payment_status: "unpaid",
  fulfilment_status: "waiting",
  payment_method: "wechat",
  currency: "CNY",
  gross_amount: "77.00",
  discount_amount: "0.00",
  total_amount: "77.00",
  refund_amount: "0.00",
  business_date: "2026-11-22",
  created_at: "2026-11-22T04:00:00.000000Z",
  updated_at: "2026-11-22T04:00:00.000000Z",
};
const lines = [{ line_no: 1, product: "P1001", product_name: "宫保鸡丁", price: "38.50", quantity: "2", amount: "77.00" }];
const whole = { ...order, items: lines };
const stock = { store: "S001", product: "P1001", product_name: "宫保鸡丁", unit: "份", qty: "12.5", available: "12.5", policy: "forbid", updated_at: "2026-11-22T04:00:00.000000Z" };
const payment = { order_no: "S001-20261122-0000001", payment_no: "S001-20261122-0000001-1", store: "S001", method: "cash", channel: "none", amount: "77.00", status: "succeeded", created_at: "2026-11-22T04:00:00.000000Z" };

const list = (items) => ({ code: 200, message: "Success", data: { items, total: items.length } });
const one = (data, code = 200) => ({ code, message: "Success", data });
const refusal = (code, error) => ({ code, message: "refused", error, details: {}, trace_id: "4bf92f3577b34da6a3ce929d0e0e4736" });

// A number that the platform makes up by itself: the state gives it.
const NO = "S001-20261122-0000001";
const made = (state) => ({ name: state, params: {}, values: { order_no: NO } });
const at = (rest = "") => ({ path: `/api/v1/orders/${NO}${rest}`, from: "/api/v1/orders/${order_no}" + rest });

export const login = {
  name: "a login",
  state: { name: "an integration account", params: {}, values: { username: "integration", password: "secret" } },
  request: { method: "POST", path: "/api/v1/auth/login", body: { username: "${username}", password: "${password}" } },
  answer: { status: 200, body: one({ access_token: "token", refresh_token: "refresh", expires_in: 1800, token_type: "Bearer" }) },
};

export const cases = [
  {
    name: "a login with a wrong password",
    state: login.state,
    password: "wrong",
    command: ["orders", "list"],
    request: { method: "POST", path: "/api/v1/auth/login", body: { username: "${username}", password: "wrong" } },
    answer: { status: 401, body: refusal(401, "bad_credentials") },
    exit: 4,
    prints: { stderr: "bad_credentials" },
  },
  {
    name: "the orders of a store",
    state: made("an order of store S001"),
    command: ["orders", "list", "--store", "S001", "-o", "json"],
    request: { method: "GET", path: "/api/v1/orders", query: { store: "S001", page_size: "100" } },
    answer: { status: 200, body: list([order]) },
    prints: { json: (o) => o[0].order_no === NO && o[0].total_amount.amount_minor === 7700 },
  },
  {
    name: "one order with its lines",
    state: made("an order of store S001"),
    command: ["orders", "show", NO, "-o", "json"],
    request: { method: "GET", path: at() },
    answer: { status: 200, body: one(whole) },
    prints: { json: (o) => o.order_no === NO && o.items[0].product === "P1001" },
  },
  {
    name: "an order that there is not",
    command: ["orders", "show", "S001-00000000-0000000"],
    request: { method: "GET", path: "/api/v1/orders/S001-00000000-0000000" },
    answer: { status: 404, body: refusal(404, "unknown_order") },
    exit: 1,
    prints: { stderr: "unknown_order" },
  },
  {
    name: "a new order",
    state: { name: "store S001 sells P1001", params: {}, values: {} },
    command: ["orders", "create", "--store", "S001", "--item", "P1001=2", "-o", "json"],
    request: { method: "POST", path: "/api/v1/orders", body: { store: "S001", channel: "dine_in", items: [{ product: "P1001", quantity: 2 }] } },
    answer: { status: 201, body: one(whole, 201) },
    prints: { json: (o) => o.order_no === NO, stderr: "created: pending, unpaid" },
  },
  {
    name: "a new order of more than there is",
    state: { name: "store S001 sells P1001", params: {}, values: {} },
    command: ["orders", "create", "--store", "S001", "--item", "P1001=9999"],
    request: { method: "POST", path: "/api/v1/orders", body: { store: "S001", channel: "dine_in", items: [{ product: "P1001", quantity: 9999 }] } },
    answer: { status: 409, body: refusal(409, "insufficient_stock") },
    exit: 1,
    prints: { stderr: "insufficient_stock" },
  },
  {
    name: "the payment of an order",
    state: made("an order to be paid in cash"),
    command: ["orders", "pay", NO, "-o", "json"],
    request: { method: "POST", path: at("/pay"), body: {} },
    answer: { status: 200, body: one({ ...whole, status: "paid", payment_status: "paid", payment_method: "cash" }) },
    prints: { json: (o) => o.status === "paid" },
  },
  {
    name: "the end of an unpaid order",
    state: made("an order of store S001"),
    command: ["orders", "cancel", NO, "--reason", "guest left", "--yes", "-o", "json"],
    request: { method: "POST", path: at("/cancel"), body: { reason: "guest left" } },
    answer: { status: 200, body: one({ ...whole, status: "cancelled", fulfilment_status: "cancelled", cancel_reason: "guest left" }) },
    prints: { json: (o) => o.status === "cancelled" },
  },
  {
    name: "the kitchen takes an order that is not paid",
    state: made("an order of store S001"),
    command: ["orders", "accept", NO],
    request: { method: "POST", path: at("/accept"), body: {} },
    answer: { status: 409, body: refusal(409, "order_state") },
    exit: 1,
    prints: { stderr: "order_state" },
  },
  {
    name: "a refund of a part",
    state: made("a paid order"),
    command: ["orders", "refund", NO, "--amount", "1.50", "--reason", "cold soup", "--refund-no", "R-1", "--yes", "-o", "json"],
    request: { method: "POST", path: at("/refunds"), body: { amount: "1.50", reason: "cold soup", refund_no: "R-1" } },
    answer: { status: 201, body: one({ refund_no: "R-1", order_no: NO, amount: "1.50", status: "succeeded", reason: "cold soup" }, 201) },
    prints: { json: (o) => o.refund_no === "R-1", stderr: "refund R-1 of 1.50" },
  },
  {
    name: "what a store has of a product",
    state: { name: "store S001 sells P1001", params: {}, values: {} },
    command: ["stock", "show", "--store", "S001", "--product", "P1001", "-o", "json"],
    request: { method: "GET", path: "/api/v1/stock", query: { store: "S001", product: "P1001", page_size: "100" } },
    answer: { status: 200, body: list([stock]) },
    prints: { json: (o) => o[0].product === "P1001" && o[0].qty === "12.5" },
  },
  {
    name: "goods that came",
    state: { name: "store S001 sells P1001", params: {}, values: {} },
    command: ["stock", "adjust", "P1001", "--store", "S001", "--by", "5", "--reason", "receipt"],
    request: {
      method: "POST",
      path: "/api/v1/stock/adjustments",
      body: { items: [{ store: "S001", product: "P1001", delta: "5", unit: null, reason: "receipt", reason_code: null, note: null }] },
    },
    answer: { status: 200, body: one({ results: [{ ok: true, qty: "17.5" }] }) },
    prints: { stderr: "P1001" },
  },
  {
    name: "the newest payments",
    state: made("a paid order"),
    command: ["payments", "list", "-o", "json"],
    request: { method: "GET", path: "/api/v1/payments", query: { sort: "-created_at", page_size: "100" } },
    answer: { status: 200, body: list([payment]) },
    prints: { json: (o) => o[0].payment_no === payment.payment_no },
  },
  {
    name: "a member that there is not",
    command: ["members", "show", "M99999999"],
    request: { method: "GET", path: "/api/v1/members/M99999999" },
    answer: { status: 404, body: refusal(404, "unknown_member") },
    exit: 1,
    prints: { stderr: "unknown_member" },
  },
  {
    name: "a refund, answered without its state",
    only_consumer: true,
    command: ["orders", "refund", NO, "--reason", "x", "--yes"],
    request: { method: "POST", path: `/api/v1/orders/${NO}/refunds`, body: { reason: "x" } },
    answer: { status: 201, body: one({ refund_no: "R-1" }, 201) },
    exit: 1,
    prints: { stderr: "does not say how the refund is" },
  },
];
