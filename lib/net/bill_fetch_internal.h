/* lib/net/bill_fetch_internal.h - one fetching of a bill; inside lib/net/bill_fetch*.c only. */
#ifndef DINER_NET_BILL_FETCH_INTERNAL_H
#define DINER_NET_BILL_FETCH_INTERNAL_H

#include "net/bill_fetch.h"
#include "net/digest.h"

#define BILL_REASON_MAX 256

struct bill_fetching {
    struct http_client *http;
    const struct bill_merchant *m;
    const struct bill_order *o;
    struct arena *arena;
    bool is_masked; /* a preview: no secret is used */
    struct http_sink sink;
    bool is_no_bill; /* the sink has what the channel said */
};

/* The first request. */
int bill_wechat_request(struct bill_fetching *f, struct http_request *ret, struct error *err);
int bill_alipay_request(struct bill_fetching *f, struct http_request *ret, struct error *err);
/* Whether what is signed may go to `url`, when `base` was asked: the same host, or another of the
 * channel's by https. */
bool bill_wechat_is_own(const char *base, const char *url);
/* All of it, into the sink. */
int bill_wechat_fetch(struct bill_fetching *f, struct error *err);
int bill_alipay_fetch(struct bill_fetching *f, struct error *err);

/* ---- bill_fetch.c -------------------------------------------------------------------------- */

/* Sends it. An answer that there is no bill goes into the sink and sets is_no_bill; other words in
 * the place of a bill or of its address are an error. */
int bill_send(struct bill_fetching *f, const struct http_request *request,
              struct http_response *ret, struct error *err);
/* A digest of the text, encoded, in the arena. */
int bill_sign(struct bill_fetching *f, enum digest_algorithm algorithm, const char *key,
              enum digest_encoding encoding, const char *text, const char **ret, struct error *err);
/* Whether the channel signed the text; 0 when its key is not known. signature: base64. */
int bill_verify(const struct bill_fetching *f, struct span text, const char *signature,
                struct error *err);
const char *bill_nonce(struct arena *arena);

#endif
