/* lib/net/bill_fetch.h - the bill of a day from a payment channel: asked for as the channel wants
 * it signed, fetched whole, and believed only when it is what was asked for and adds up.
 *
 * WeChat Pay v2 (POST of XML; MD5 or HMAC-SHA256; the fund flow by a client certificate), v3
 * (WECHATPAY2-SHA256-RSA2048; two steps, the second signed too, SHA-1 of the plain bytes verified),
 * Alipay's gateway (RSA2; two steps). A signature goes to the channel's own hosts only. */
#ifndef DINER_NET_BILL_FETCH_H
#define DINER_NET_BILL_FETCH_H

#include "core/mem.h"
#include "format/bill.h"
#include "net/http.h"

/* In the order of the choices of payments.wechat_api and payments.wechat_sign_type. */
enum bill_api { BILL_API_V3, BILL_API_V2 };
enum bill_sign_type { BILL_SIGN_HMAC_SHA256, BILL_SIGN_MD5 };
extern const char *const bill_sign_types[]; /* as the channel writes them */

/* A merchant at a channel. Secrets are plain text here; NULL where the channel has no such. */
struct bill_merchant {
    enum bill_channel channel;
    const char *url; /* WeChat: of the host; Alipay: the gateway */
    enum bill_api api;
    enum bill_sign_type sign_type; /* v2 */
    const char *mch_id, *app_id, *serial_no;
    const char *key;         /* v2 */
    const char *private_key; /* v3 and Alipay: PEM, or bare base64 */
    const char *certificate; /* v2's fund flow, with the private key; the HTTP client shows it */
    const char *public_key;  /* the channel's: answers are verified by it; NULL: they are not */
    int64_t timeout_ms;      /* of the download */
    uint64_t max_bytes;
};
struct bill_order {
    int32_t day;   /* civil day of Asia/Shanghai */
    bool is_month; /* of the whole month that begins with it: Alipay has such bills too */
    enum bill_layout layout;
    const char *type; /* WeChat: ALL, SUCCESS, REFUND, RECHARGE_REFUND; of flows BASIC, OPERATION,
                         FEES */
};

/* Whether the channel gives it only to who shows the merchant's certificate. */
bool bill_wants_certificate(const struct bill_merchant *m, const struct bill_order *o);
/* The last day that it is of. */
int32_t bill_order_last_day(const struct bill_order *o);
/* Its day or month, with that between the numbers: "2026-11-21", "202611". */
const char *bill_order_period(struct arena *arena, const struct bill_order *o,
                              const char *separator);
/* ERR_CONFIG with the setting that is missing; ERR_USAGE for what the channel does not have. */
int bill_order_check(const struct bill_merchant *m, const struct bill_order *o, struct error *err);

/* What would be sent first, without secrets and signatures; texts in the arena. */
struct bill_preview {
    const char *method, *url, *body; /* body "" when there is none */
};
int bill_fetch_preview(const struct bill_merchant *m, const struct bill_order *o,
                       struct arena *arena, struct bill_preview *ret, struct error *err);

/* What came. The caller closes both. */
struct bill_fetched {
    int fd; /* as it came, from its first byte: the bill, or the words that there is none */
    struct bill *bill; /* of it, read to its end */
};
/* ERR_UNAVAILABLE while the bill is being made, ERR_AUTH, ERR_REMOTE, ERR_LIMIT; ERR_DATA for one
 * that does not add up. Blocks. */
int bill_fetch(struct http_client *http, const struct bill_merchant *m, const struct bill_order *o,
               struct bill_fetched *ret, struct error *err);

#endif
