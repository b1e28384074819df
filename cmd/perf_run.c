/* cmd/perf_run.c - perf-report as one run: all its phases, one after the other, into one report. */
#include "cli/table.h"
#include "core/message.h"
#include "perf_measure.h"
#include "perf_report.h"

struct one_run {
    struct cli *cli;
    const struct perf_args *args;
    struct perf_config config;
    struct perf_study study, before;
    struct perf_judgement judgement; /* its rules are known before anything is measured */
};

/* ---- what the options mean ------------------------------------------------------------------ */

static int check_sources(const struct perf_args *a, struct error *err)
{
    int sources = (a->url != NULL) + (a->config != NULL) + (a->from != NULL);
    if (sources > 1)
        return error_set(err, ERR_USAGE, "a URL, --config and --from exclude each other");
    if (sources == 1 || a->db != NULL)
        return 0;
    error_set(err, ERR_USAGE, "what is to be measured is missing: a URL, --config, --from or --db");
    return error_hint(err, "docs/perf-report.md has a perf.yaml to begin with");
}

/* An option that would be passed over is refused. */
static int check_scope(const struct cli *cli, const struct perf_args *a, struct error *err)
{
    static const char *const of_url[] = {"rate",      "connections",  "duration", "warmup",
                                         "timeout",   "max-requests", "method",   "header",
                                         "body-file", "ca-file"};
    static const char *const limits[] = {"target-p95", "target-mean", "target-database",
                                         "target-rps", "target-error-rate"};
    for (size_t i = 0; a->url == NULL && i < sizeof of_url / sizeof of_url[0]; i++)
        if (cli_option_given(cli, of_url[i])) {
            error_set(err, ERR_USAGE, "--%s is for a URL", of_url[i]);
            return error_hint(err, "with --config its file says it: docs/reference/perf.md");
        }
    for (size_t i = 0; a->config != NULL && i < sizeof limits / sizeof limits[0]; i++)
        if (cli_option_given(cli, limits[i])) {
            error_set(err, ERR_USAGE, "--%s cannot be used with --config", limits[i]);
            return error_hint(err, "write it in `targets`, or as --target 'p(95)<300'");
        }
    return 0;
}

static int check_outputs(const struct cli *cli, const struct perf_args *a, struct error *err)
{
    enum perf_form form = cli->output == CLI_OUTPUT_JSON ? PERF_FORM_JSON : PERF_FORM_MARKDOWN;
    if (cli->output == CLI_OUTPUT_CSV || cli->output == CLI_OUTPUT_JSONL)
        return error_set(err, ERR_USAGE, "the report of a study is Markdown, or JSON with -o json");
    if (a->out_file != NULL && a->outputs.files[form] != NULL)
        return error_set(err, ERR_USAGE, "--out-file and --%s exclude each other",
                         form == PERF_FORM_JSON ? "json" : "markdown");
    return 0;
}

static int read_config(struct one_run *r, struct error *err)
{
    const struct perf_args *a = r->args;
    if (a->url != NULL)
        return perf_config_of_args(r->cli, a, &r->config, err);
    if (a->config == NULL)
        return 0;
    TRY(perf_read_config(r->cli, a->config, &r->config, err));
    if (r->config.before != NULL && a->baseline != NULL) {
        error_set(err, ERR_USAGE, "%s has `before`, which is the baseline", a->config);
        return error_hint(err, "leave out --baseline, or `before`");
    }
    if (r->config.endpoints.count == 0 && r->config.database == NULL && a->db == NULL)
        return error_set(err, ERR_SPEC, "%s has neither endpoints nor a database", a->config);
    return 0;
}

static int read_rules(struct one_run *r, struct error *err)
{
    const struct perf_args *a = r->args;
    struct study_rules *rules = &r->judgement.rules;
    if (a->config != NULL)
        return perf_rules(r->cli, &r->config, &a->targets, rules, err);
    const struct perf_limits limits = {.p95_ms = a->target_p95_ms,
                                       .mean_ms = a->target_mean_ms,
                                       .database_ms = a->target_database_ms,
                                       .error_rate = a->target_error_rate,
                                       .rps = a->target_rps};
    TRY(perf_add_limits(r->cli, &limits, rules, err));
    for (size_t i = 0; i < a->targets.count; i++)
        TRY(study_rules_add(rules, RULE_EACH, NULL, a->targets.items[i], false, r->cli->arena,
                            err));
    return 0;
}

/* ---- the phases ----------------------------------------------------------------------------- */

/* A baseline of another load is refused before the load, not after half a minute of it. */
static int check_baseline(const struct one_run *r, struct error *err)
{
    struct perf_study planned;
    perf_study_init(&planned);
    perf_study_planned(&r->config, r->cli->arena, &planned);
    return study_loads_check(&r->before, &planned, err);
}

/* All that can be wrong before a request is sent. */
static int prepare(struct one_run *r, struct error *err)
{
    const struct perf_args *a = r->args;
    TRY(check_sources(a, err));
    TRY(check_scope(r->cli, a, err));
    TRY(check_outputs(r->cli, a, err));
    TRY(read_config(r, err));
    TRY(read_rules(r, err));
    if (a->baseline == NULL)
        return 0;
    TRY(perf_read_study(r->cli, a->baseline, &r->before, err));
    return check_baseline(r, err);
}

static int measure(struct one_run *r, struct error *err)
{
    const struct perf_args *a = r->args;
    if (a->from != NULL)
        return perf_read_study(r->cli, a->from, &r->study, err);
    if (r->config.endpoints.count == 0)
        return perf_take_snapshot(r->cli, &r->config, a->db, 0, &r->study, err);
    return perf_measure(r->cli, &r->config, a->db, PERF_PHASE_LOAD | PERF_PHASE_ATTRIBUTE,
                        &r->study, r->config.before != NULL ? &r->before : NULL, err);
}

/* A saved study has its findings already, unless it is looked at with its database. */
static int diagnose(struct one_run *r, struct error *err)
{
    const struct perf_args *a = r->args;
    const char *db = a->db != NULL ? a->db : r->config.database;
    if (a->from != NULL && db == NULL)
        return 0;
    return perf_find_causes(r->cli, &r->study, db, a->target_p95_ms, err);
}

static int save(const struct one_run *r, struct error *err)
{
    const struct perf_args *a = r->args;
    if (a->save != NULL)
        TRY(perf_write_study(r->cli, &r->study, a->save, err));
    if (a->save_before != NULL && r->config.before != NULL)
        TRY(perf_write_study(r->cli, &r->before, a->save_before, err));
    return 0;
}

static int write_forms(struct one_run *r, bool interrupted, struct error *err)
{
    const struct perf_args *a = r->args;
    struct perf_outputs outputs = a->outputs;
    struct perf_document d = {.strict = a->strict,
                              .interrupted = interrupted,
                              .before_name = a->baseline != NULL ? a->baseline : r->config.before};
    if (a->config != NULL)
        d.command = arena_printf(r->cli->arena, "diner perf-report --config %s", a->config);
    if (a->out_file != NULL)
        outputs.files[r->cli->output == CLI_OUTPUT_JSON ? PERF_FORM_JSON : PERF_FORM_MARKDOWN] =
            a->out_file;
    return perf_write_judgement(r->cli, &r->judgement, &d, &outputs, err);
}

static void summarise(const struct one_run *r)
{
    const struct study_gate *g = &r->judgement.gate;
    cli_summary(r->cli, "perf-report: %zu endpoint%s, %zu finding%s; %zu of %zu checks failed%s%s",
                r->study.nendpoints, r->study.nendpoints == 1 ? "" : "s", r->study.nfindings,
                r->study.nfindings == 1 ? "" : "s", g->failed, g->nchecks,
                r->study.voided ? message_text("; times are void: ") : "",
                r->study.voided ? r->study.voided_why : "");
}

static int conclude(struct one_run *r, bool interrupted, struct error *err)
{
    struct perf_judgement *j = &r->judgement;
    bool has_before = r->args->baseline != NULL || r->config.before != NULL;
    TRY(save(r, err));
    j->after = &r->study;
    j->before = has_before ? &r->before : NULL;
    j->min_change = r->args->min_change;
    TRY(perf_judge(r->cli, j, err));
    TRY(write_forms(r, interrupted, err));
    if (interrupted)
        return 0;
    summarise(r);
    return study_gate_result(&j->gate, j->after, r->args->strict, err);
}

/* What a signal interrupted is reported all the same, as far as it came. */
static int run_all(struct one_run *r, struct error *err)
{
    struct error late = ERROR_INIT;
    TRY(prepare(r, err));
    int code = measure(r, err);
    if (code == 0)
        code = diagnose(r, err);
    if (code == 0)
        return conclude(r, false, err);
    if (code == ERR_CANCELLED)
        (void)conclude(r, true, &late);
    return code;
}

int perf_run(struct cli *cli, const void *args, struct error *err)
{
    struct one_run r = {.cli = cli, .args = args};
    perf_study_init(&r.study);
    perf_study_init(&r.before);
    int code = run_all(&r, err);
    perf_study_release(&r.study);
    perf_study_release(&r.before);
    return code;
}
