#include "net/bill_fetch.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "net/bill_fetch_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

const char *const bill_sign_types[] = {"HMAC-SHA256", "MD5", NULL};

/* ---- texts and signatures ------------------------------------------------------------------ */

const char *bill_nonce(struct arena *arena)
{
    char uuid[37];
    clock_random_uuid(uuid);
    char *nonce = arena_alloc(arena, sizeof uuid);
    for (size_t i = 0, n = 0; uuid[i] != '\0'; i++) {
        if (uuid[i] != '-')
            nonce[n++] = uuid[i];
    }
    return nonce;
}

const char *bill_order_period(struct arena *arena, const struct bill_order *o,
                              const char *separator)
{
    int year, month, day;
    civil_from_days(o->day, &year, &month, &day);
    const char *of_month = arena_printf(arena, "%04d%s%02d", year, separator, month);
    return o->is_month ? of_month : arena_printf(arena, "%s%s%02d", of_month, separator, day);
}

int32_t bill_order_last_day(const struct bill_order *o)
{
    int year, month, day;
    civil_from_days(o->day, &year, &month, &day);
    if (!o->is_month)
        return o->day;
    return (month < 12 ? civil_to_days(year, month + 1, 1) : civil_to_days(year + 1, 1, 1)) - 1;
}

int bill_sign(struct bill_fetching *f, enum digest_algorithm algorithm, const char *key,
              enum digest_encoding encoding, const char *text, const char **ret, struct error *err)
{
    AUTO_STRBUF struct strbuf encoded = {0};
    struct digest digest;
    *ret = "****";
    if (f->is_masked)
        return 0;
    TRY(digest_compute(algorithm, span_of(key), span_of(text), &digest, err));
    strbuf_init(&encoded, 0);
    digest_encode(encoding, (struct span){(const char *)digest.bytes, digest.len}, &encoded);
    *ret = arena_strndup(f->arena, encoded.data, encoded.len);
    return 0;
}

int bill_verify(const struct bill_fetching *f, struct span text, const char *signature,
                struct error *err)
{
    struct digest bytes;
    if (f->m->public_key == NULL)
        return 0;
    if (signature == NULL || !digest_decode(DIGEST_BASE64, span_of(signature), &bytes))
        error_set(err, ERR_REMOTE, "the answer is not signed");
    else if (digest_verify(DIGEST_RSA2, span_of(f->m->public_key), text,
                           (struct span){(const char *)bytes.bytes, bytes.len}, err) == 0)
        return 0;
    error_context(err, "the answer is not believed");
    return error_hint(err, "is the public key the channel's own, and of now?");
}

/* ---- sending ------------------------------------------------------------------------------- */

static int refuse(const struct bill_fetching *f, const struct http_request *request,
                  const struct http_response *response, const char *reason, struct error *err)
{
    bool is_signature = strcasestr(reason, "sign") != NULL;
    http_response_fail(request, response,
                       is_signature              ? ERR_AUTH
                       : response->status >= 400 ? ERR_OK
                                                 : ERR_REMOTE,
                       reason, err);
    return is_signature ? error_hint(err,
                                     "look at the keys of payments.%s_*, and at this "
                                     "machine's clock",
                                     bill_channels[f->m->channel])
                        : (int)err->code;
}

/* What the channel said instead, where a bill is expected. */
static int keep_answer(struct bill_fetching *f, const struct http_response *response,
                       struct error *err)
{
    f->is_no_bill = true;
    if (ftruncate(f->sink.fd, 0) != 0 || pwrite(f->sink.fd, response->body.data, response->body.len,
                                                0) != (ssize_t)response->body.len)
        return error_set_errno(err, ERR_IO, errno, "cannot write a temporary file");
    return 0;
}

static int response_take(struct bill_fetching *f, const struct http_request *request,
                         const struct http_response *response, struct error *err)
{
    char reason[BILL_REASON_MAX];
    enum bill_channel channel;
    struct span body = {response->body.data, response->body.len};
    switch (bill_answer_of(body, &channel, reason, sizeof reason)) {
    case BILL_ANSWER_NO_BILL: return keep_answer(f, response, err);
    case BILL_ANSWER_MAKING:
        error_set(err, ERR_UNAVAILABLE, "the bill is still being made: %s", reason);
        return error_hint(err, "fetch it later: bills of a day are there from about 10:00 of the "
                               "next");
    case BILL_ANSWER_REFUSED: return refuse(f, request, response, reason, err);
    default: return http_response_check(request, response, err);
    }
}

int bill_send(struct bill_fetching *f, const struct http_request *request,
              struct http_response *ret, struct error *err)
{
    TRY(http_send(f->http, request, ret, err));
    int code = response_take(f, request, ret, err);
    if (code != 0)
        http_response_release(ret);
    return code;
}

/* ---- is it what was asked for? ------------------------------------------------------------- */

/* A row at the edge may be of the next day; a bill without any of the time asked for is another's.
 */
static int days_check(const struct bill_info *i, const struct bill_order *o, struct error *err)
{
    char first[11], last[11];
    if (!i->has_dates || (i->first_day <= bill_order_last_day(o) && o->day <= i->last_day))
        return 0;
    date_print(i->first_day, first);
    date_print(i->last_day, last);
    return error_set(err, ERR_REMOTE, "the channel gave a bill of %s%s%s instead", first,
                     i->first_day == i->last_day ? "" : " to ",
                     i->first_day == i->last_day ? "" : last);
}

static int identity_check(const struct bill_fetching *f, const struct bill_info *i,
                          struct error *err)
{
    bool is_wechat = f->m->channel == BILL_WECHAT;
    if (i->channel != f->m->channel || (!i->is_empty_day && i->layout != f->o->layout))
        return error_set(err, ERR_REMOTE, "the channel gave another bill: %s, %s",
                         bill_channels[i->channel], i->variant);
    if (i->is_empty_day && !f->is_no_bill)
        return error_set(err, ERR_REMOTE, "the channel says that there is no bill, as one");
    if (is_wechat && i->account[0] != '\0' && strcmp(i->account, f->m->mch_id) != 0)
        return error_set(err, ERR_REMOTE, "the channel gave the bill of the merchant '%s'",
                         i->account);
    return days_check(i, f->o, err);
}

static int bill_read(const struct bill_fetching *f, struct bill *b, struct error *err)
{
    struct bill_row row;
    for (bool end = false; !end;)
        TRY(bill_next(b, &row, &end, err));
    return identity_check(f, bill_info(b), err);
}

static int bill_take(const struct bill_fetching *f, struct bill **ret, struct error *err)
{
    struct bill *b = NULL;
    int fd = fcntl(f->sink.fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot read a temporary file");
    const char *name = arena_printf(f->arena, "%s bill of %s", bill_channels[f->m->channel],
                                    bill_order_period(f->arena, f->o, "-"));
    int code = bill_open_fd(fd, name, &b, err);
    if (code == 0)
        code = bill_read(f, b, err);
    if (code == 0 && lseek(f->sink.fd, 0, SEEK_SET) != 0)
        code = error_set_errno(err, ERR_IO, errno, "cannot read a temporary file");
    if (code != 0)
        bill_close(b);
    else
        *ret = b;
    return code;
}

/* ---- all of it ----------------------------------------------------------------------------- */

struct needed {
    bool is_needed;
    const char *value, *setting;
};

static int settings_check(const struct needed *needed, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!needed[i].is_needed || (needed[i].value != NULL && needed[i].value[0] != '\0'))
            continue;
        error_set(err, ERR_CONFIG, "payments.%s is not set", needed[i].setting);
        return error_hint(err, "diner config show says where settings come from; secrets are given "
                               "as env:NAME, file:PATH or cmd:COMMAND");
    }
    return 0;
}

bool bill_wants_certificate(const struct bill_merchant *m, const struct bill_order *o)
{
    return m->channel == BILL_WECHAT && m->api == BILL_API_V2 && o->layout == BILL_FLOW;
}

int bill_order_check(const struct bill_merchant *m, const struct bill_order *o, struct error *err)
{
    bool wechat = m->channel == BILL_WECHAT, v3 = m->api == BILL_API_V3;
    bool by_certificate = bill_wants_certificate(m, o);
    const struct needed needed[] = {{wechat, m->mch_id, "wechat_mch_id"},
                                    {wechat && v3, m->serial_no, "wechat_serial_no"},
                                    {wechat && v3, m->private_key, "wechat_private_key"},
                                    {wechat && !v3, m->app_id, "wechat_app_id"},
                                    {wechat && !v3, m->key, "wechat_key"},
                                    {by_certificate, m->certificate, "wechat_certificate"},
                                    {by_certificate, m->private_key, "wechat_private_key"},
                                    {!wechat, m->app_id, "alipay_app_id"},
                                    {!wechat, m->private_key, "alipay_private_key"}};
    TRY(settings_check(needed, sizeof needed / sizeof *needed, err));
    if (wechat && o->is_month) {
        error_set(err, ERR_USAGE, "WeChat Pay has bills of days only");
        return error_hint(err, "fetch those of the month one by one: --date");
    }
    if (wechat && v3 && strcmp(o->type, "RECHARGE_REFUND") == 0) {
        error_set(err, ERR_USAGE, "WeChat's v3 has no bill RECHARGE_REFUND");
        return error_hint(err, "ALL has these refunds; payments.wechat_api: v2 gives them alone");
    }
    return 0;
}

int bill_fetch_preview(const struct bill_merchant *m, const struct bill_order *o,
                       struct arena *arena, struct bill_preview *ret, struct error *err)
{
    struct bill_fetching f = {.m = m, .o = o, .arena = arena, .is_masked = true};
    struct http_request request = {0};
    TRY(m->channel == BILL_WECHAT ? bill_wechat_request(&f, &request, err)
                                  : bill_alipay_request(&f, &request, err));
    *ret = (struct bill_preview){request.method, request.url,
                                 request.body.ptr != NULL ? request.body.ptr : ""};
    return 0;
}

int bill_fetch(struct http_client *http, const struct bill_merchant *m, const struct bill_order *o,
               struct bill_fetched *ret, struct error *err)
{
    struct bill_fetching f = {
        .http = http, .m = m, .o = o, .sink = {.fd = -1, .max_bytes = m->max_bytes}};
    struct bill *bill = NULL;
    TRY(file_open_unnamed(&f.sink.fd, err));
    f.arena = arena_new();
    int code = m->channel == BILL_WECHAT ? bill_wechat_fetch(&f, err) : bill_alipay_fetch(&f, err);
    if (code == 0)
        code = bill_take(&f, &bill, err);
    arena_free(f.arena);
    if (code != 0)
        close(f.sink.fd);
    else
        *ret = (struct bill_fetched){f.sink.fd, bill};
    return code;
}
