/* lib/platform/server/body.c - the JSON body of a request. Numbers are taken as text: no double. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/decimal.h"
#include "format/jpull.h"
#include "platform/server/internal.h"
#include <stdlib.h>

/* \u0000 in a string, a key given twice: well-formed, and not to be taken. */
static int refuse_json(struct request *r, const struct error *parse, struct error *err)
{
    return domain_refuse(&r->ctx, err, ERR_USAGE, API_ERROR(bad_json), NULL,
                         "the body is not usable: %s", parse->message);
}

int request_body_check(struct request *r, struct span *ret_body, struct error *err)
{
    struct error parse = ERROR_INIT;
    struct span body = {r->body.data, r->body.len};
    if (strspn(body.ptr, " \t\r\n") == body.len)
        body = SPAN("{}");
    if (jpull_check(body, true, &parse) != ERR_OK)
        return domain_refuse(&r->ctx, err, ERR_USAGE, API_ERROR(bad_json), NULL,
                             "the body is not JSON: %s", parse.message);
    *ret_body = body;
    return ERR_OK;
}

static bool list_has(const char *list, struct span word)
{
    for (const char *p = list; *p != '\0';) {
        size_t n = strcspn(p, " ");
        if (n == word.len && memcmp(p, word.ptr, n) == 0)
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

static int add_member(struct request *r, struct span key, struct span raw, const char *allowed,
                      struct members *m, struct error *err)
{
    char *name = arena_strndup(r->arena, key.ptr, key.len);
    if (!list_has(allowed, key) || m->count == MEMBERS_MAX) {
        error_set(err, ERR_USAGE, "unknown member '%.60s'", name);
        r->ctx.refusal = API_ERROR(bad_parameter);
        r->ctx.details = domain_detail(&r->ctx, "parameter", name);
        return err->code;
    }
    m->items[m->count].name = name;
    m->items[m->count++].raw = raw;
    return ERR_OK;
}

int members_read(struct request *r, struct span object, const char *allowed, struct members *ret,
                 struct error *err)
{
    struct jpull_array iterator;
    struct error parse = ERROR_INIT;
    AUTO_STRBUF struct strbuf scratch = {0};
    strbuf_init(&scratch, BODY_BYTES_MAX);
    ret->count = 0;
    if (jpull_object_begin(object, &iterator, &parse) != ERR_OK)
        return domain_refuse(&r->ctx, err, ERR_USAGE, API_ERROR(bad_json), NULL,
                             "an object was expected: %s", parse.message);
    for (;;) {
        struct span key, raw;
        bool is_end;
        if (jpull_object_next(&iterator, &key, &raw, &is_end, &scratch, &parse) != ERR_OK)
            return refuse_json(r, &parse, err);
        if (is_end)
            return ERR_OK;
        TRY(add_member(r, key, raw, allowed, ret, err));
    }
}

struct span members_raw(const struct members *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->items[i].name, name) == 0)
            return m->items[i].raw;
    return (struct span){NULL, 0};
}

/* The member as text in the arena with its kind; JPULL_NONE when absent. */
static int member_value(struct request *r, const struct members *m, const char *name,
                        enum jpull_kind *ret_kind, const char **ret_text, struct error *err)
{
    struct jpull_value value;
    struct error parse = ERROR_INIT;
    AUTO_STRBUF struct strbuf scratch = {0};
    struct span raw = members_raw(m, name);
    *ret_kind = JPULL_NONE;
    if (raw.ptr == NULL)
        return ERR_OK;
    strbuf_init(&scratch, BODY_BYTES_MAX);
    if (jpull_value_of(raw, &value, &scratch, &parse) != ERR_OK)
        return refuse_json(r, &parse, err);
    if (value.kind == JPULL_STRING && memchr(value.text.ptr, '\0', value.text.len) != NULL)
        return request_refuse(r, err, name, "'%s' holds a NUL character", name);
    *ret_kind = value.kind;
    if (value.text.ptr != NULL)
        *ret_text = arena_strndup(r->arena, value.text.ptr, value.text.len);
    return ERR_OK;
}

static int check_required(struct request *r, const char *name, bool is_required, struct error *err)
{
    if (is_required)
        return request_refuse(r, err, name, "'%s' is missing", name);
    return ERR_OK;
}

int members_text(struct request *r, const struct members *m, const char *name, bool is_required,
                 size_t max_bytes, const char **ret, struct error *err)
{
    enum jpull_kind kind;
    const char *text = "";
    TRY(member_value(r, m, name, &kind, &text, err));
    if (kind == JPULL_NONE || kind == JPULL_NULL) {
        *ret = NULL;
        return check_required(r, name, is_required, err);
    }
    if (kind != JPULL_STRING)
        return request_refuse(r, err, name, "'%s' must be a string", name);
    if (strlen(text) > max_bytes || (is_required && text[0] == '\0'))
        return request_refuse(r, err, name, "'%s' must have %d to %zu bytes", name, is_required,
                              max_bytes);
    *ret = text;
    return ERR_OK;
}

/* |d| < 10^integer_digits, rescaled exactly to at most `scale` decimals. */
static bool decimal_fits(struct decimal *d, int integer_digits, int scale)
{
    struct decimal limit = decimal_from_int(1, 0);
    struct decimal ten = decimal_from_int(10, 0), negative;
    for (int i = 0; i < integer_digits; i++)
        if (!decimal_multiply(&limit, &ten, &limit))
            return false;
    negative = limit;
    negative.coefficient = -limit.coefficient;
    return decimal_compare(d, &limit) < 0 && decimal_compare(d, &negative) > 0 &&
           (d->scale <= scale || decimal_rescale(d, scale, d));
}

int members_decimal(struct request *r, const struct members *m, const char *name, bool is_required,
                    int integer_digits, int scale, const char **ret, struct error *err)
{
    enum jpull_kind kind;
    const char *text = "";
    struct decimal value;
    char plain[DECIMAL_TEXT_MAX];
    TRY(member_value(r, m, name, &kind, &text, err));
    if (kind == JPULL_NONE || kind == JPULL_NULL) {
        *ret = NULL;
        return check_required(r, name, is_required, err);
    }
    if ((kind != JPULL_STRING && kind != JPULL_NUMBER) ||
        !decimal_parse(text, strlen(text), &value) || !decimal_fits(&value, integer_digits, scale))
        return request_refuse(r, err, name,
                              "'%s' must be a decimal of at most %d integer and %d fraction digits",
                              name, integer_digits, scale);
    decimal_print(&value, plain);
    *ret = arena_strdup(r->arena, plain);
    return ERR_OK;
}

int members_int(struct request *r, const struct members *m, const char *name, int64_t min,
                int64_t max, int64_t *ret_value, struct error *err)
{
    enum jpull_kind kind;
    const char *text = "";
    char *end = NULL;
    TRY(member_value(r, m, name, &kind, &text, err));
    if (kind == JPULL_NONE || kind == JPULL_NULL)
        return ERR_OK;
    int64_t value = kind == JPULL_NUMBER && strlen(text) < 19 ? strtoll(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || value < min || value > max)
        return request_refuse(r, err, name, "'%s' must be a whole number from %lld to %lld", name,
                              (long long)min, (long long)max);
    *ret_value = value;
    return ERR_OK;
}

int members_list(struct request *r, const struct members *m, const char *name, size_t count_max,
                 int (*item)(struct request *r, struct span raw, size_t index, void *self,
                             struct error *err),
                 void *self, size_t *ret_count, struct error *err)
{
    struct jpull_array iterator;
    struct error parse = ERROR_INIT;
    struct span array = members_raw(m, name);
    if (array.ptr == NULL || jpull_array_begin(array, &iterator, &parse) != ERR_OK)
        return request_refuse(r, err, name, "'%s' must be a list", name);
    for (size_t count = 0;; count++) {
        struct span raw;
        bool is_end;
        if (jpull_array_next(&iterator, &raw, &is_end, &parse) != ERR_OK)
            return request_refuse(r, err, name, "'%s' is malformed: %s", name, parse.message);
        if (is_end && count == 0)
            return request_refuse(r, err, name, "'%s' is empty", name);
        if (is_end) {
            *ret_count = count;
            return ERR_OK;
        }
        if (count == count_max)
            return request_refuse(r, err, name, "'%s' has more than %zu items", name, count_max);
        if (item(r, raw, count, self, err) != ERR_OK)
            return error_context(err, "%s[%zu]", name, count);
    }
}

int members_ref(struct request *r, const struct members *m, size_t max_bytes, const char **ret,
                struct error *err)
{
    char id[37];
    const char *key = request_header(r, "Idempotency-Key");
    TRY(members_text(r, m, "ref", false, max_bytes, ret, err));
    if (*ret != NULL && **ret == '\0')
        return request_refuse(r, err, "ref", "'ref' must not be empty");
    if (*ret != NULL)
        return ERR_OK;
    clock_random_uuid(id);
    *ret = key != NULL ? arena_printf(r->arena, "key:%lld:%s", (long long)r->ctx.user_id, key)
                       : arena_strdup(r->arena, id);
    return ERR_OK;
}

int request_body_nothing(struct request *r, struct error *err)
{
    struct span body = {0};
    struct members m;
    TRY(request_body_check(r, &body, err));
    return members_read(r, body, "", &m, err);
}

int members_day(struct request *r, const struct members *m, const char *name, const char **ret,
                struct error *err)
{
    struct datetime day;
    TRY(members_text(r, m, name, false, 40, ret, err));
    if (*ret == NULL || (strlen(*ret) == 10 && datetime_parse_iso(*ret, 10, &day) && !day.has_time))
        return ERR_OK;
    return request_refuse(r, err, name, "'%s' is a day: 2027-12-31", name);
}

int members_time(struct request *r, const struct members *m, const char *name, const char **ret,
                 struct error *err)
{
    struct datetime when;
    const char *text = NULL;
    char plain[DATETIME_ISO_MAX];
    *ret = NULL;
    TRY(members_text(r, m, name, false, 40, &text, err));
    if (text == NULL)
        return ERR_OK;
    if (!datetime_parse_iso(text, strlen(text), &when) || !when.has_zone || !when.has_time)
        return request_refuse(r, err, name, "'%s' must be an instant (RFC 3339)", name);
    datetime_print(when.us, NULL, plain);
    *ret = arena_strdup(r->arena, plain);
    return ERR_OK;
}

int members_bool(struct request *r, const struct members *m, const char *name, bool *ret,
                 struct error *err)
{
    enum jpull_kind kind;
    const char *text = "";
    TRY(member_value(r, m, name, &kind, &text, err));
    if (kind == JPULL_NONE || kind == JPULL_NULL)
        return ERR_OK;
    if (kind != JPULL_TRUE && kind != JPULL_FALSE)
        return request_refuse(r, err, name, "'%s' must be true or false", name);
    *ret = kind == JPULL_TRUE;
    return ERR_OK;
}

int members_version(struct request *r, const struct members *m, int64_t *ret, struct error *err)
{
    int64_t version = 0;
    TRY(members_int(r, m, "version", 1, INT32_MAX, &version, err));
    if (version == 0)
        return request_refuse(r, err, "version",
                              "'version' is missing: send that of the document you changed");
    *ret = version;
    return ERR_OK;
}
