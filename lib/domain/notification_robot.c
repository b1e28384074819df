/* lib/domain/notification_robot.c - the robots of DingTalk, WeCom, Feishu and Slack.
 *
 * All of them answer HTTP 200 to what they refuse: the code in the body decides. None knows a
 * repeat from a new message. Shapes, limits and codes: open.dingtalk.com (custom robots),
 * developer.work.weixin.qq.com (99110), open.feishu.cn (custom bots), docs.slack.dev. */
#include "core/clock.h"
#include "core/secret.h"
#include "domain/notification_internal.h"
#include "format/jsonx.h"
#include "net/url.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TITLE_BYTES_MAX    120
#define DINGTALK_BYTES_MAX 20000 /* the whole body */
#define WECOM_BYTES_MAX    4096  /* the content of a markdown message, before JSON */
#define FEISHU_BYTES_MAX   20480 /* the whole body: 20 KB */
#define SLACK_BYTES_MAX    35000 /* the text is cut by them at 40,000 characters */

/* ---- writing ------------------------------------------------------------------------------- */

static int render(const struct notification_way *w, const struct notification_message *m,
                  enum notification_escape escape, struct strbuf *out, struct error *err)
{
    const char *text = notification_template(w->options->templates, m->type);
    strbuf_init(out, NOTIFICATION_BYTES_MAX);
    TRY(notification_render(text, m, escape, out, err));
    if (out->overflow)
        return error_set(err, ERR_LIMIT, "the message is too long");
    return ERR_OK;
}

/* {"msgtype": ..., "text": {...}} of one vendor; `text` may have been cut. */
typedef void body_writer(struct jwriter *w, const struct strbuf *text, const void *self);

/* Writes the body; when it is over the limit, as much of the text goes as it is over: JSON needs at
 * least a byte for each. */
static void write_fitting(body_writer *writer, struct strbuf *text, const void *self,
                          size_t max_bytes, struct strbuf *out)
{
    struct jwriter w;
    strbuf_init(out, NOTIFICATION_BYTES_MAX);
    jwriter_init(&w, out);
    writer(&w, text, self);
    if (out->len <= max_bytes)
        return;
    size_t over = out->len - max_bytes;
    notification_text_cut(text, text->len > over ? text->len - over : 0);
    strbuf_clear(out);
    jwriter_init(&w, out);
    writer(&w, text, self);
}

static void take_body(struct arena *arena, const struct strbuf *body, struct notification_call *c)
{
    c->body = (struct span){arena_strndup(arena, body->data, body->len), body->len};
    c->content_type = "application/json; charset=utf-8";
}

/* Single line ends are blanks in markdown. */
static void break_lines(const struct strbuf *text, struct strbuf *out)
{
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] == '\n')
            strbuf_adds(out, "  ");
        strbuf_addch(out, text->data[i]);
    }
}

/* ---- DingTalk ------------------------------------------------------------------------------ */

static void write_dingtalk(struct jwriter *w, const struct strbuf *text, const void *self)
{
    jwriter_object(w);
    jwriter_kstring(w, "msgtype", "markdown");
    jwriter_key(w, "markdown");
    jwriter_object(w);
    jwriter_kstring(w, "title", self);
    jwriter_kstring(w, "text", text->data);
    jwriter_end(w);
    jwriter_end(w);
}

static int dingtalk_url(const struct notification_way *w, struct arena *arena,
                        struct notification_call *c, struct error *err)
{
    AUTO_STRBUF struct strbuf sign = {0}, encoded = {0};
    c->url = w->place->url;
    if (w->place->secret == NULL)
        return ERR_OK;
    const char *at_ms = arena_printf(arena, "%" PRId64, clock_wall_us() / 1000);
    strbuf_init(&sign, 0);
    strbuf_init(&encoded, 0);
    TRY(notification_sign_dingtalk(w->place->secret, at_ms, &sign, err));
    url_encode(&encoded, sign.data);
    c->signature = arena_strdup(arena, sign.data);
    c->url = arena_printf(arena, "%s%ctimestamp=%s&sign=%s", w->place->url,
                          strchr(w->place->url, '?') != NULL ? '&' : '?', at_ms, encoded.data);
    return ERR_OK;
}

static int dingtalk_call(const struct notification_way *w, const struct notification_message *m,
                         struct arena *arena, struct notification_call *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf plain = {0}, text = {0}, lines = {0}, body = {0};
    TRY(render(w, m, NOTIFICATION_PLAIN, &plain, err));
    strbuf_truncate(&plain, strcspn(plain.data, "\n"));
    notification_text_cut(&plain, TITLE_BYTES_MAX);
    TRY(render(w, m, NOTIFICATION_MARKDOWN, &text, err));
    strbuf_init(&lines, NOTIFICATION_BYTES_MAX);
    break_lines(&text, &lines);
    write_fitting(write_dingtalk, &lines, plain.data, DINGTALK_BYTES_MAX, &body);
    take_body(arena, &body, ret);
    return dingtalk_url(w, arena, ret, err);
}

/* ---- WeCom --------------------------------------------------------------------------------- */

static void write_wecom(struct jwriter *w, const struct strbuf *text, const void *self)
{
    (void)self;
    jwriter_object(w);
    jwriter_kstring(w, "msgtype", "markdown");
    jwriter_key(w, "markdown");
    jwriter_object(w);
    jwriter_kstring(w, "content", text->data);
    jwriter_end(w);
    jwriter_end(w);
}

static int wecom_call(const struct notification_way *w, const struct notification_message *m,
                      struct arena *arena, struct notification_call *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0}, body = {0};
    TRY(render(w, m, NOTIFICATION_MARKDOWN, &text, err));
    notification_text_cut(&text, WECOM_BYTES_MAX);
    write_fitting(write_wecom, &text, NULL, NOTIFICATION_BYTES_MAX, &body);
    take_body(arena, &body, ret);
    ret->url = w->place->url;
    return ERR_OK;
}

/* ---- Feishu -------------------------------------------------------------------------------- */

struct feishu_sign {
    const char *timestamp, *sign; /* NULL: not signed */
};

static void write_feishu(struct jwriter *w, const struct strbuf *text, const void *self)
{
    const struct feishu_sign *s = self;
    jwriter_object(w);
    if (s->sign != NULL) {
        jwriter_kstring(w, "timestamp", s->timestamp);
        jwriter_kstring(w, "sign", s->sign);
    }
    jwriter_kstring(w, "msg_type", "text");
    jwriter_key(w, "content");
    jwriter_object(w);
    jwriter_kstring(w, "text", text->data);
    jwriter_end(w);
    jwriter_end(w);
}

static int feishu_call(const struct notification_way *w, const struct notification_message *m,
                       struct arena *arena, struct notification_call *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0}, body = {0}, sign = {0};
    struct feishu_sign signing = {0};
    TRY(render(w, m, NOTIFICATION_WIDE, &text, err));
    if (w->place->secret != NULL) {
        strbuf_init(&sign, 0);
        signing.timestamp = arena_printf(arena, "%" PRId64, clock_wall_us() / 1000000);
        TRY(notification_sign_feishu(w->place->secret, signing.timestamp, &sign, err));
        ret->signature = signing.sign = arena_strdup(arena, sign.data);
    }
    write_fitting(write_feishu, &text, &signing, FEISHU_BYTES_MAX, &body);
    take_body(arena, &body, ret);
    ret->url = w->place->url;
    return ERR_OK;
}

/* ---- Slack --------------------------------------------------------------------------------- */

static void write_slack(struct jwriter *w, const struct strbuf *text, const void *self)
{
    (void)self;
    jwriter_object(w);
    jwriter_kstring(w, "text", text->data);
    jwriter_end(w);
}

static int slack_call(const struct notification_way *w, const struct notification_message *m,
                      struct arena *arena, struct notification_call *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0}, body = {0};
    TRY(render(w, m, NOTIFICATION_HTML, &text, err));
    notification_text_cut(&text, SLACK_BYTES_MAX);
    write_fitting(write_slack, &text, NULL, NOTIFICATION_BYTES_MAX, &body);
    take_body(arena, &body, ret);
    ret->url = w->place->url;
    return ERR_OK;
}

/* ---- answers ------------------------------------------------------------------------------- */

struct robot_code {
    int64_t code;
    enum notification_outcome outcome;
    int64_t wait_ms; /* when they say nothing themselves */
};
#define ANY_CODE INT64_MIN /* ends a list: whatever else is refused for good */

static const struct robot_code dingtalk_codes[] = {
    {-1, NOTIFICATION_LATER, 0},            /* busy */
    {130101, NOTIFICATION_LIMITED, 600000}, /* more than 20 a minute: shut for 10 minutes */
    {410100, NOTIFICATION_LIMITED, 600000},
    {ANY_CODE, NOTIFICATION_REFUSED, 0}}; /* 310000: keyword, signature or address */
static const struct robot_code wecom_codes[] = {{-1, NOTIFICATION_LATER, 0},
                                                {45009, NOTIFICATION_LIMITED, 60000},
                                                {45033, NOTIFICATION_LIMITED, 60000},
                                                {ANY_CODE, NOTIFICATION_REFUSED, 0}};
/* 19021 signature, 19022 address, 19024 keyword, 9499 not understood: refused */
static const struct robot_code feishu_codes[] = {{11232, NOTIFICATION_LIMITED, 60000},
                                                 {99991400, NOTIFICATION_LIMITED, 60000},
                                                 {ANY_CODE, NOTIFICATION_REFUSED, 0}};

static enum notification_outcome by_code(const struct robot_code *codes, int64_t code,
                                         const char *text, struct error *err)
{
    while (codes->code != code && codes->code != ANY_CODE)
        codes++;
    error_set(err,
              codes->outcome == NOTIFICATION_LIMITED ? ERR_RATE_LIMITED
              : codes->outcome == NOTIFICATION_LATER ? ERR_UNAVAILABLE
                                                     : ERR_REMOTE,
              "answered code %" PRId64 ": %.200s", code, text != NULL ? text : "");
    err->retry_after_ms = codes->wait_ms;
    return codes->outcome;
}

/* A 200 that is not theirs: some proxy's, perhaps. */
static enum notification_outcome not_understood(const struct http_response *response,
                                                struct error *err)
{
    if (response->status < 200 || response->status > 299)
        return NOTIFICATION_BY_STATUS;
    error_set(err, ERR_REMOTE, "answered %d with a body that is not understood", response->status);
    return NOTIFICATION_UNKNOWN;
}

static enum notification_outcome judge_robot(const struct http_response *response,
                                             const char *code_key, const char *text_key,
                                             const struct robot_code *codes, struct error *err)
{
    struct jsonx *body = NULL;
    struct error ignored = ERROR_INIT;
    int64_t code;
    enum notification_outcome outcome;
    if (jsonx_parse(response->body.data, response->body.len, "answer", &body, &ignored) != ERR_OK)
        return not_understood(response, err);
    if (!jsonx_integer(jsonx_get(body, code_key), &code))
        outcome = not_understood(response, err);
    else if (code == 0)
        outcome = NOTIFICATION_ACCEPTED;
    else
        outcome = by_code(codes, code, jsonx_text(jsonx_get(body, text_key)), err);
    jsonx_free(body);
    return outcome;
}

static enum notification_outcome dingtalk_judge(const struct http_response *r, struct error *err)
{
    return judge_robot(r, "errcode", "errmsg", dingtalk_codes, err);
}

static enum notification_outcome wecom_judge(const struct http_response *r, struct error *err)
{
    return judge_robot(r, "errcode", "errmsg", wecom_codes, err);
}

static enum notification_outcome feishu_judge(const struct http_response *r, struct error *err)
{
    return judge_robot(r, "code", "msg", feishu_codes, err);
}

static enum notification_outcome slack_judge(const struct http_response *r, struct error *err)
{
    bool is_ok = r->body.len >= 2 && strncmp(r->body.data, "ok", 2) == 0;
    if (r->status < 200 || r->status > 299)
        return NOTIFICATION_BY_STATUS;
    return is_ok ? NOTIFICATION_ACCEPTED : not_understood(r, err);
}

/* ---- the table's rows ---------------------------------------------------------------------- */

static int robot_open(struct notification_way *w, struct arena *arena, struct error *err)
{
    char *origin;
    (void)arena;
    TRY(url_origin(w->place->url, &origin, err));
    free(origin);
    /* What it is reached by is all that it asks for. */
    secret_register(w->place->url);
    return ERR_OK;
}

#define IS_DECLARED(name, channel)                                                                 \
    static bool name(const struct notification_options *o)                                         \
    {                                                                                              \
        return o->places[channel].url != NULL;                                                     \
    }
IS_DECLARED(has_dingtalk, NOTIFICATION_DINGTALK)
IS_DECLARED(has_wecom, NOTIFICATION_WECOM)
IS_DECLARED(has_feishu, NOTIFICATION_FEISHU)
IS_DECLARED(has_slack, NOTIFICATION_SLACK)

const struct notification_ops notification_dingtalk = {.whom = "DingTalk",
                                                       .is_declared = has_dingtalk,
                                                       .open = robot_open,
                                                       .call = dingtalk_call,
                                                       .judge = dingtalk_judge};
const struct notification_ops notification_wecom = {.whom = "WeCom",
                                                    .is_declared = has_wecom,
                                                    .open = robot_open,
                                                    .call = wecom_call,
                                                    .judge = wecom_judge};
const struct notification_ops notification_feishu = {.whom = "Feishu",
                                                     .is_declared = has_feishu,
                                                     .open = robot_open,
                                                     .call = feishu_call,
                                                     .judge = feishu_judge};
const struct notification_ops notification_slack = {.whom = "Slack",
                                                    .is_declared = has_slack,
                                                    .open = robot_open,
                                                    .call = slack_call,
                                                    .judge = slack_judge};
