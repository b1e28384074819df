/* cmd/perf_common.c - see perf.h. */
#include "perf.h"

#include "cli/table.h"
#include "core/fileio.h"
#include "core/secret.h"
#include "engine.h"
#include "perf/study_inputs.h"
#include "perf/study_json.h"

#include <string.h>

static bool is_reference(const char *text)
{
    return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0 ||
           strncmp(text, "cmd:", 4) == 0;
}

int perf_resolve_dsn(struct cli *cli, const char *text, char **ret, struct error *err)
{
    if (is_reference(text))
        return secret_resolve(text, ret, err);
    if (strchr(text, '=') == NULL && strstr(text, "://") == NULL)
        return config_dsn(cli->config, text, ret, err);
    if (secret_register_dsn(text)) {
        error_set(err, ERR_USAGE, "a DSN with a password may not stand on the command line");
        return error_hint(err, "put it into a variable and give --db env:NAME, or use ~/.pgpass");
    }
    *ret = mem_strdup(text);
    return 0;
}

int perf_read_config(struct cli *cli, const char *path, struct perf_config *ret, struct error *err)
{
    struct diagnostics d;
    diagnostics_init(&d, cli->arena);
    TRY(perf_config_load(path, cli->arena, &d, ret, err));
    for (size_t i = 0; i < d.count; i++)
        if (d.count > 1 || d.items[i].is_warning) /* a single error is told at the end */
            engine_diagnostic(cli->err, &d.items[i]);
    return diagnostics_result(&d, ERR_SPEC, err);
}

int perf_read_study(struct cli *cli, const char *path, struct perf_study *ret, struct error *err)
{
    return perf_study_read_any(path, cli->arena, ret, err);
}

int perf_write_text(struct cli *cli, const struct strbuf *text, const char *path, struct error *err)
{
    struct atomic_file *f = NULL;
    if (path == NULL) {
        (void)fwrite(text->data, 1, text->len, cli->out); /* checked when the command ends */
        return 0;
    }
    TRY(atomic_file_open(path, &f, err));
    if (atomic_file_write(f, text->data, text->len, err) != 0) {
        atomic_file_discard(f);
        return err->code;
    }
    return atomic_file_commit(f, err);
}

int perf_write_study(struct cli *cli, const struct perf_study *s, const char *path,
                     struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, PERF_STUDY_MAX_BYTES + 1);
    TRY(perf_study_write(s, &text, err));
    return perf_write_text(cli, &text, path, err);
}

/* ---- lint ----------------------------------------------------------------------------------- */

struct lint_args {
    struct field_strings files;
};
static const struct field lint_fields[] = {
    {"file", FIELD_STRINGS, offsetof(struct lint_args, files), "what is checked", .arg = "FILE",
     .flags = FIELD_POSITIONAL | FIELD_REPEAT | FIELD_REQUIRED, .complete = "file"},
    {0},
};
static const struct field_set lint_set = {
    .name = "perf-report-lint",
    .help = "Files",
    .struct_size = sizeof(struct lint_args),
    .fields = lint_fields,
};

static int run_lint(struct cli *cli, const void *bound, struct error *err)
{
    const struct lint_args *a = bound;
    size_t errors = 0;
    for (size_t i = 0; i < a->files.count; i++) {
        struct diagnostics d;
        struct perf_config c;
        struct error unread = ERROR_INIT;
        diagnostics_init(&d, cli->arena);
        if (perf_config_load(a->files.items[i], cli->arena, &d, &c, &unread) != 0)
            diagnostics_add_error(&d, NULL, &unread);
        for (size_t k = 0; k < d.count; k++)
            engine_diagnostic(cli->out, &d.items[k]);
        errors += d.errors;
    }
    cli_summary(cli, "%zu checked, %zu errors", a->files.count, errors);
    return errors > 0
               ? error_set(err, ERR_SPEC, "lint found %zu error%s", errors, errors > 1 ? "s" : "")
               : 0;
}

const struct command command_perf_lint = {
    .name = "lint",
    .summary = "check a perf.yaml, all problems at once",
    .description = "Tells every problem with file, line, column and the mend; sends nothing.",
    .args = &lint_set,
    .examples =
        (const struct command_example[]){{"diner perf-report lint configs/perf.yaml", "one file"},
                                         {0}},
    .run = run_lint,
};

/* ---- rules ---------------------------------------------------------------------------------- */

static int add_texts(struct cli *cli, const struct perf_targets_text *t, const char *endpoint,
                     struct study_rules *ret, struct error *err)
{
    for (size_t i = 0; i < t->count; i++) {
        enum rule_scope scope = endpoint != NULL ? RULE_ENDPOINT : RULE_EACH;
        if (study_rules_add(ret, scope, endpoint, t->items[i].text, false, cli->arena, err) != 0)
            return ynode_error(t->items[i].place, err, "%s",
                               arena_strdup(cli->arena, err->message));
    }
    return 0;
}

static int add_limit(struct cli *cli, const char *option, const char *text, struct study_rules *ret,
                     struct error *err)
{
    return study_rules_add(ret, RULE_API, NULL, text, !cli_option_given(cli, option), cli->arena,
                           err);
}

int perf_add_limits(struct cli *cli, const struct perf_limits *limits, struct study_rules *rules,
                    struct error *err)
{
    struct arena *a = cli->arena;
    TRY(add_limit(cli, "target-p95", arena_printf(a, "p(95)<%lld", (long long)limits->p95_ms),
                  rules, err));
    TRY(add_limit(cli, "target-mean", arena_printf(a, "avg<%lld", (long long)limits->mean_ms),
                  rules, err));
    TRY(add_limit(cli, "target-database",
                  arena_printf(a, "db.time_per_req<%lld", (long long)limits->database_ms), rules,
                  err));
    TRY(add_limit(cli, "target-error-rate",
                  arena_printf(a, "rate<%.6f", (double)limits->error_rate / 1e6), rules, err));
    if (limits->rps == 0)
        return 0;
    return add_limit(cli, "target-rps", arena_printf(a, "rps>=%lld", (long long)limits->rps), rules,
                     err);
}

int perf_rules(struct cli *cli, const struct perf_config *c, const struct field_strings *targets,
               struct study_rules *ret, struct error *err)
{
    *ret = (struct study_rules){0};
    if (c != NULL) {
        TRY(add_texts(cli, &c->targets, NULL, ret, err));
        for (size_t i = 0; i < c->endpoints.count; i++) {
            const struct perf_endpoint_config *e = perf_config_endpoint(c, i);
            TRY(add_texts(cli, &e->targets, perf_endpoint_name(e, cli->arena), ret, err));
        }
    }
    for (size_t i = 0; i < targets->count; i++)
        TRY(study_rules_add(ret, RULE_EACH, NULL, targets->items[i], false, cli->arena, err));
    const struct settings *s = config_settings(cli->config);
    const struct perf_limits limits = {.p95_ms = s->perf_target_p95_ms,
                                       .mean_ms = s->perf_target_mean_ms,
                                       .database_ms = s->perf_target_database_ms,
                                       .error_rate = s->perf_target_error_rate};
    return ret->nrules > 0 ? 0 : perf_add_limits(cli, &limits, ret, err);
}

/* ---- judging -------------------------------------------------------------------------------- */

int perf_read_rules(struct cli *cli, const char *config, const struct field_strings *targets,
                    struct study_rules *ret, struct error *err)
{
    struct perf_config c;
    if (config != NULL)
        TRY(perf_read_config(cli, config, &c, err));
    return perf_rules(cli, config != NULL ? &c : NULL, targets, ret, err);
}

void perf_compare_rule(int64_t min_change, struct study_compare_rule *ret)
{
    study_compare_rule_default(ret);
    ret->min_change = (double)min_change / 1e6;
}

int perf_judge(struct cli *cli, struct perf_judgement *j, struct error *err)
{
    struct study_compare_rule rule;
    j->compared = NULL;
    if (j->before != NULL) {
        TRY(study_loads_check(j->before, j->after, err));
        perf_compare_rule(j->min_change, &rule);
        study_compare(j->before, j->after, &rule, cli->arena, &j->comparison);
        j->compared = &j->comparison;
    }
    return study_gate_evaluate(j->after, &j->rules, j->compared, cli->arena, &j->gate, err);
}
