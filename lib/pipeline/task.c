/* lib/pipeline/task.c - messages that ask for a pipeline. */
#include "pipeline/task.h"
#include "format/jsonx.h"
#include <string.h>

static bool is_name(const char *text)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return text != NULL && *text != '\0' && strlen(text) <= 100 &&
           strspn(text, allowed) == strlen(text);
}

static int read_params(const struct jsonx *params, struct arena *arena, struct task *ret,
                       struct error *err)
{
    size_t count = jsonx_count(params);
    if (jsonx_kind_of(params) != JSONX_OBJECT || count > TASK_PARAMS_MAX)
        return error_set(err, ERR_DATA, "'params' is no object of at most %d values",
                         TASK_PARAMS_MAX);
    ret->params.items = arena_array(arena, count + 1, sizeof *ret->params.items);
    for (size_t i = 0; i < count; i++) {
        const struct jsonx *value = jsonx_value(params, i);
        const char *text = jsonx_text(value), *name = jsonx_key(params, i);
        int64_t number;
        if (!is_name(name))
            return error_set(err, ERR_DATA, "'params' has a name that is none");
        if (text == NULL && jsonx_integer(value, &number))
            text = arena_printf(arena, "%lld", (long long)number);
        else if (text == NULL && jsonx_kind_of(value) == JSONX_BOOL)
            text = jsonx_is_true(value) ? "true" : "false";
        if (text == NULL)
            return error_set(err, ERR_DATA, "the param '%s' is no text, integer or boolean", name);
        ret->params.items[ret->params.count++] = arena_printf(arena, "%s=%s", name, text);
    }
    return ERR_OK;
}

static int read_task(const struct jsonx *doc, struct arena *arena, struct task *ret,
                     struct error *err)
{
    if (jsonx_kind_of(doc) != JSONX_OBJECT)
        return error_set(err, ERR_DATA, "it is no JSON object");
    for (size_t i = 0; i < jsonx_count(doc); i++) {
        const char *key = jsonx_key(doc, i);
        if (strcmp(key, "params") == 0)
            TRY(read_params(jsonx_value(doc, i), arena, ret, err));
        else if (strcmp(key, "pipeline") == 0)
            ret->pipeline = arena_strdup(arena, jsonx_text(jsonx_value(doc, i)));
        else
            return error_set(err, ERR_DATA, "it has the unknown member '%.100s'", key);
    }
    if (!is_name(ret->pipeline))
        return error_set(err, ERR_DATA, "'pipeline' is no name of a pipeline");
    return ERR_OK;
}

int task_parse(struct span body, struct arena *arena, struct task *ret, struct error *err)
{
    struct jsonx *doc;
    *ret = (struct task){0};
    TRY(jsonx_parse(body.ptr, body.len, "message", &doc, err));
    int code = read_task(doc, arena, ret, err);
    jsonx_free(doc);
    return code;
}

int task_print(const struct task *t, struct strbuf *out, struct error *err)
{
    struct jwriter w;
    if (!is_name(t->pipeline)) {
        error_set(err, ERR_USAGE, "'%.100s' is no name of a pipeline", t->pipeline);
        return error_hint(err, "a worker runs the pipelines that it has, by name");
    }
    jwriter_init(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "pipeline", t->pipeline);
    jwriter_key(&w, "params");
    jwriter_object(&w);
    for (size_t i = 0; i < t->params.count; i++) {
        const char *text = t->params.items[i], *equals = strchr(text, '=');
        AUTOFREE char *name = equals != NULL ? mem_strndup(text, (size_t)(equals - text)) : NULL;
        if (!is_name(name))
            return error_set(err, ERR_USAGE, "--param: expected NAME=VALUE, found '%.100s'", text);
        jwriter_kstring(&w, name, equals + 1);
    }
    jwriter_end(&w);
    jwriter_end(&w);
    return ERR_OK;
}
