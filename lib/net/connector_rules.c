#include "core/message.h"
#include "format/jpull.h"
#include "net/connector_internal.h"

/* The text of the value at a pointer; false when there is none, or the body is no JSON. null is a
 * value with the text "null". */
static bool body_text(struct span body, const char *pointer, struct strbuf *scratch,
                      struct span *ret_text, bool *ret_null)
{
    static const char *const words[] = {
        [JPULL_NULL] = "null", [JPULL_FALSE] = "false", [JPULL_TRUE] = "true"};
    struct jpull_value value;
    struct error ignored;

    if (body.len == 0 || jpull_find(body, pointer, &value, scratch, &ignored) != 0 ||
        value.kind == JPULL_NONE)
        return false;
    bool word = value.kind == JPULL_NULL || value.kind == JPULL_FALSE || value.kind == JPULL_TRUE;
    *ret_text = word ? span_of(words[value.kind]) : value.text;
    *ret_null = value.kind == JPULL_NULL;
    return true;
}

static bool status_matches(const struct field_strings *patterns, int status)
{
    for (size_t i = 0; i < patterns->count; i++) {
        const char *p = patterns->items[i];
        bool matches = p[1] == 'x' ? status / 100 == p[0] - '0'
                                   : status == (p[0] - '0') * 100 + (p[1] - '0') * 10 + p[2] - '0';
        if (matches)
            return true;
    }
    return patterns->count == 0;
}

static bool list_has(const struct field_strings *list, struct span text)
{
    for (size_t i = 0; i < list->count; i++)
        if (span_equal(span_of(list->items[i]), text))
            return true;
    return false;
}

bool rule_body_matches(const struct rule_when *w, struct span body)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct span text = {0};
    bool is_null = false;

    if (!w->pointer)
        return true;
    strbuf_init(&scratch, 0);
    bool found = body_text(body, w->pointer, &scratch, &text, &is_null);
    if (w->exists != RULE_EXISTS_ANY && (found && !is_null) != (w->exists == RULE_EXISTS_TRUE))
        return false;
    if (w->equals.count > 0 && !(found && list_has(&w->equals, text)))
        return false;
    return w->not_equals.count == 0 || !(found && list_has(&w->not_equals, text));
}

bool rule_when_matches(const struct rule_when *w, const struct http_response *response)
{
    const struct span body = {response->body.data, response->body.len};
    return status_matches(&w->status, response->status) && rule_body_matches(w, body);
}

static const struct rule_spec *rules_find(const struct connector_spec *spec,
                                          const struct http_response *response)
{
    const struct rule_spec *rules = spec->rules.items;

    for (size_t i = 0; i < spec->rules.count; i++)
        if (rule_when_matches(&rules[i].when, response))
            return &rules[i];
    return NULL;
}

enum http_verdict rules_judge(void *request, const struct http_response *response)
{
    struct outgoing *r = request;

    r->rule = r->login ? NULL : rules_find(&r->c->spec, response);
    if (!r->rule)
        return HTTP_VERDICT_BY_STATUS;
    switch ((enum rule_action)r->rule->action) {
    case RULE_RETRY: return HTTP_VERDICT_TRANSIENT;
    case RULE_RATE_LIMITED: return HTTP_VERDICT_RATE_LIMITED;
    case RULE_FAIL:
    case RULE_REFRESH_AUTH:
    case RULE_IGNORE: break;
    }
    return HTTP_VERDICT_FINAL;
}

/* The values of message_from that are there, joined. */
void rules_reason(const struct field_strings *pointers, const struct http_response *response,
                  struct strbuf *out)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    const struct span body = {response->body.data, response->body.len};
    struct span text = {0};
    bool is_null = false;

    strbuf_init(&scratch, 0);
    for (size_t i = 0; i < pointers->count; i++) {
        strbuf_clear(&scratch);
        if (!body_text(body, pointers->items[i], &scratch, &text, &is_null) || is_null ||
            text.len == 0)
            continue;
        if (out->len > 0)
            strbuf_adds(out, ": ");
        size_t n = text.len < 300 ? text.len : 300;
        for (size_t j = 0; j < n; j++)
            strbuf_addch(out, (unsigned char)text.ptr[j] < ' ' ? ' ' : text.ptr[j]);
    }
}

/* A status that says success cannot name the error's class: the rule's action does. */
static enum error_code code_of_rule(const struct rule_spec *rule, int status)
{
    switch ((enum rule_action)rule->action) {
    case RULE_RETRY: return ERR_UNAVAILABLE;
    case RULE_RATE_LIMITED: return ERR_RATE_LIMITED;
    case RULE_REFRESH_AUTH: return ERR_AUTH;
    case RULE_FAIL:
    case RULE_IGNORE: break;
    }
    return status >= 200 && status <= 299 ? ERR_REMOTE : ERR_OK;
}

/* A login that says itself what success is: HTTP 200 alone is none. */
static int login_check(const struct outgoing *r, const struct http_response *response,
                       struct error *err)
{
    AUTO_STRBUF struct strbuf reason = {0};
    const struct login_spec *login = r->login;

    bool later = response->status >= 500 || response->status == 429 || response->status == 408;
    if (login->ok->status.count == 0 || later)
        TRY(http_response_check(&r->http, response, err));
    if (rule_when_matches(login->ok, response))
        return 0;
    strbuf_init(&reason, 0);
    rules_reason(&login->message_from, response, &reason);
    return http_response_fail(&r->http, response, ERR_AUTH,
                              reason.len > 0 ? reason.data : message_text("the login was refused"),
                              err);
}

int rules_check(const struct outgoing *r, const struct http_response *response, bool *ret_ignored,
                struct error *err)
{
    AUTO_STRBUF struct strbuf reason = {0};
    const struct rule_spec *rule = r->rule;

    *ret_ignored = rule && rule->action == RULE_IGNORE;
    if (r->login)
        return login_check(r, response, err);
    if (*ret_ignored)
        return 0;
    if (!rule)
        return http_response_check(&r->http, response, err);
    strbuf_init(&reason, 0);
    rules_reason(&rule->message_from, response, &reason);
    return http_response_fail(&r->http, response, code_of_rule(rule, response->status),
                              reason.len > 0 ? reason.data : NULL, err);
}
