/* lib/domain/channel_script.c - what the local channel is told to do otherwise. */
#include "domain/channel_local.h"
#include "schema/bind.h"
#include <stdio.h>
#include <stdlib.h>

#define RULE_BYTES_MAX 128
#define SLOW_MS_MAX    30000

/* One rule, cut into its parts. */
struct rule {
    char text[RULE_BYTES_MAX];
    const char *operation, *suffix, *behaviour, *argument; /* suffix, argument: or NULL */
    int64_t call;                                          /* 0: any */
};

static int refuse_rule(const char *text, const char *why, struct error *err)
{
    error_set(err, ERR_DATA, "the channel's script: '%s' %s", text, why);
    return error_hint(err, "OPERATION[#N][@SUFFIX]=BEHAVIOUR[:ARGUMENT], for example close#1=lost");
}

static char *cut_at(char *text, char c)
{
    char *at = strchr(text, c);
    if (at == NULL)
        return NULL;
    *at = '\0';
    return at + 1;
}

static int parse_rule(const char *text, size_t n, struct rule *ret, struct error *err)
{
    snprintf(ret->text, sizeof ret->text, "%.*s", (int)n, text);
    if (n >= sizeof ret->text)
        return refuse_rule(ret->text, "is too long", err);
    char *behaviour = cut_at(ret->text, '=');
    if (behaviour == NULL)
        return refuse_rule(ret->text, "has no '='", err);
    ret->argument = cut_at(behaviour, ':');
    ret->behaviour = behaviour;
    ret->suffix = cut_at(ret->text, '@');
    const char *call = cut_at(ret->text, '#');
    ret->operation = ret->text;
    ret->call = call != NULL ? strtoll(call, NULL, 10) : 0;
    if (call != NULL && ret->call <= 0)
        return refuse_rule(ret->text, "has no number after '#'", err);
    return ERR_OK;
}

static bool is_about(const struct rule *rule, const char *operation, const char *number,
                     int64_t call)
{
    size_t n = strlen(number), s = rule->suffix != NULL ? strlen(rule->suffix) : 0;
    bool is_operation =
        strcmp(rule->operation, "*") == 0 || strcmp(rule->operation, operation) == 0;
    bool is_number = s == 0 || (s <= n && strcmp(number + n - s, rule->suffix) == 0);
    return is_operation && is_number && (rule->call == 0 || rule->call == call);
}

static int read_duration(const struct rule *rule, int64_t *ret_ms, struct error *err)
{
    if (rule->argument == NULL || !bind_parse_duration(rule->argument, ret_ms) || *ret_ms < 0 ||
        *ret_ms > SLOW_MS_MAX)
        return refuse_rule(rule->behaviour, "wants a duration of at most 30s", err);
    return ERR_OK;
}

static int apply_rule(const struct rule *rule, bool is_about_this, struct channel_script *script,
                      struct error *err)
{
    struct channel_script ignored = {0};
    struct channel_script *s = is_about_this ? script : &ignored;
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"fail", &s->is_failing},      {"lost", &s->is_lost},
                 {"refuse", &s->is_refused},    {"pending", &s->is_pending},
                 {"abnormal", &s->is_abnormal}, {"paid", &s->is_paid}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(rule->behaviour, flags[i].name) == 0) {
            *flags[i].flag = true;
            return ERR_OK;
        }
    }
    if (strcmp(rule->behaviour, "slow") == 0)
        return read_duration(rule, &s->slow_ms, err);
    if (strcmp(rule->behaviour, "late") == 0)
        return read_duration(rule, &s->callback_late_ms, err);
    if (strcmp(rule->behaviour, "twice") != 0 && strcmp(rule->behaviour, "none") != 0)
        return refuse_rule(rule->behaviour, "is no behaviour", err);
    s->callbacks = strcmp(rule->behaviour, "twice") == 0 ? 2 : 0;
    return ERR_OK;
}

int channel_script_read(const char *rules, const char *operation, const char *number, int64_t call,
                        struct channel_script *ret, struct error *err)
{
    struct channel_script script = {.callbacks = 1};
    for (const char *p = rules; *p != '\0';) {
        struct rule rule = {0};
        size_t n = strcspn(p, ", \n");
        if (n > 0) {
            TRY(parse_rule(p, n, &rule, err));
            TRY(apply_rule(&rule, is_about(&rule, operation, number, call), &script, err));
        }
        p += n + (p[n] != '\0');
    }
    *ret = script;
    return ERR_OK;
}
