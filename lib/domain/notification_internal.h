/* lib/domain/notification_internal.h - the channels: one table, a struct of functions each.
 * notification.c decides what becomes of a message; a channel says how it is sent and what the
 * answer means. */
#ifndef DINER_DOMAIN_NOTIFICATION_INTERNAL_H
#define DINER_DOMAIN_NOTIFICATION_INTERNAL_H

#include "domain/notification_text.h"
#include "net/broker.h"
#include "net/http.h"
#include "net/mime.h"

#define NOTIFICATION_BYTES_MAX ((size_t)4 << 20)

enum notification_outcome {
    NOTIFICATION_ACCEPTED,
    NOTIFICATION_LATER,     /* surely not accepted; another time it may be */
    NOTIFICATION_LIMITED,   /* the same, and nothing else will be before that */
    NOTIFICATION_REFUSED,   /* surely not accepted, and will not be */
    NOTIFICATION_UNKNOWN,   /* it may have left */
    NOTIFICATION_BY_STATUS, /* of judges: the body says nothing, the HTTP status does */
};

struct notification_ops;
/* A declared channel. */
struct notification_way {
    const struct notification_ops *ops;
    enum notification_channel channel;
    const struct notification_options *options;
    const struct notification_place *place;
    struct http_client *http; /* by HTTP */
    struct smtp *smtp;        /* by mail */
    struct broker *broker;
    struct mime_address from, *to;
    size_t to_count;
    int64_t failures, done; /* in a row; well done in a row */
};

/* One call by HTTP, in an arena. */
#define NOTIFICATION_HEADERS_MAX 4
struct notification_call {
    const char *url, *content_type;
    struct span body;
    struct http_header headers[NOTIFICATION_HEADERS_MAX];
    size_t nheaders;
    const char *idempotency_key;
    const char *signature; /* so that it can be masked where the call is shown */
};

/* By HTTP (call, judge) or not (send). */
struct notification_ops {
    const char *whom;   /* "the mail server" */
    bool is_idempotent; /* its receiver knows a repeat by its key */
    bool is_patient;    /* nothing is too old for it, nor tried too often */
    bool (*is_declared)(const struct notification_options *o);
    /* Is it complete? Opens what is its own. */
    int (*open)(struct notification_way *w, struct arena *arena, struct error *err);
    int (*call)(const struct notification_way *w, const struct notification_message *m,
                struct arena *arena, struct notification_call *ret, struct error *err);
    /* err is filled with the reason, unless accepted or by status. NULL: by status alone. */
    enum notification_outcome (*judge)(const struct http_response *response, struct error *err);
    int (*send)(const struct notification_way *w, const struct notification_message *m,
                struct arena *arena, enum notification_outcome *ret, struct error *err);
    /* Of send that only hands over: waits, and then fills *ret and *err of each. May be NULL. */
    void (*finish)(const struct notification_way *w);
    /* Whether it left: NULL when nobody can be asked. ask_judge: LATER when it never did (send it),
     * UNKNOWN when that is still not known. */
    int (*ask)(const struct notification_way *w, const struct notification_message *m,
               struct arena *arena, struct notification_call *ret, struct error *err);
    enum notification_outcome (*ask_judge)(const struct notification_message *m,
                                           const struct http_response *response, struct error *err);
    /* Its text, when it is not the call's body. */
    int (*preview)(const struct notification_way *w, const struct notification_message *m,
                   struct strbuf *out, struct error *err);
};
extern const struct notification_ops notification_mail, notification_hook, notification_sms,
    notification_dingtalk, notification_wecom, notification_feishu, notification_slack,
    notification_broker;

/* ---- notification_channels.c ---- */
struct notifier {
    const struct notification_options *options;
    struct arena *arena;                                 /* addresses, and the arrays of routes */
    struct notification_way ways[NOTIFICATION_CHANNELS]; /* ops NULL: not declared */
    const char *patterns, *targets; /* the routes, in pairs, as arrays of PostgreSQL */
};
/* Transport, status and body together: what became of a call; reason in err. response NULL: none
 * came, err says why, was_sent whether any of the request may have left. */
enum notification_outcome notification_judge(const struct notification_way *w,
                                             const struct http_request *request,
                                             const struct http_response *response, bool was_sent,
                                             struct error *err);
/* The JSON of an event, for programs. */
void notification_event_body(const struct notification_message *m, struct strbuf *out);
/* RFC 3339 in UTC; in the arena. */
const char *notification_time_text(struct arena *arena, int64_t at_s);
/* The call as a request; it borrows from call. */
struct http_request notification_request(const struct notification_call *call);

/* notification_sign.c: the vendors' signatures. Base64 into out. */
int notification_sign_dingtalk(const char *secret, const char *timestamp_ms, struct strbuf *out,
                               struct error *err);
int notification_sign_feishu(const char *secret, const char *timestamp_s, struct strbuf *out,
                             struct error *err);
/* Aliyun's RPC: parameters sorted by name, the signature of a POST of them. */
struct notification_parameter {
    const char *name, *value;
};
int notification_sign_aliyun(const char *secret, struct notification_parameter *parameters,
                             size_t count, struct strbuf *form, struct strbuf *signature,
                             struct error *err);

#endif
