/* cmd/perf_render.c - `perf-report render`: saved studies as reports; and the files that a run of
 * perf-report writes at its end. */
#include "perf.h"

#include "core/clock.h"
#include "core/message.h"
#include "perf_render.h"

#define REPORT_MAX_BYTES ((size_t)32 << 20)

const char *const perf_languages[] = {"en", "zh", NULL};

/* ---- one form -------------------------------------------------------------------------------- */

static void render_alerts_test(const struct perf_document *d, const char *alerts,
                               struct strbuf *out)
{
    const char *slash = alerts != NULL ? strrchr(alerts, '/') : NULL;
    perf_render_alerts_test(d,
                            slash != NULL    ? slash + 1
                            : alerts != NULL ? alerts
                                             : "alerts.yml",
                            out);
}

static void render(const struct perf_document *d, enum perf_form form, const char *alerts,
                   struct strbuf *out)
{
    switch (form) {
    case PERF_FORM_HTML: perf_render_html(d, out); break;
    case PERF_FORM_MARKDOWN: perf_render_markdown(d, out); break;
    case PERF_FORM_JSON: perf_render_json(d, out); break;
    case PERF_FORM_JUNIT: perf_render_junit(d, out); break;
    case PERF_FORM_OPENMETRICS: perf_render_openmetrics(d, out); break;
    case PERF_FORM_ALERTS: perf_render_alerts(d, out); break;
    case PERF_FORM_ALERTS_TEST: render_alerts_test(d, alerts, out); break;
    case PERF_FORMS: break;
    }
}

static int write_form(struct cli *cli, const struct perf_document *d, enum perf_form form,
                      const char *path, const char *alerts, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, REPORT_MAX_BYTES);
    render(d, form, alerts, &text);
    if (text.overflow)
        return error_set(err, ERR_LIMIT, "the report is larger than %zu MiB",
                         REPORT_MAX_BYTES >> 20);
    return perf_write_text(cli, &text, path, err);
}

static int write_reports(struct cli *cli, const struct perf_document *d,
                         const struct perf_outputs *outputs, struct error *err)
{
    bool any = false;
    for (int i = 0; i < PERF_FORMS; i++) {
        if (outputs->files[i] == NULL)
            continue;
        bool to_stdout = strcmp(outputs->files[i], "-") == 0;
        TRY(write_form(cli, d, (enum perf_form)i, to_stdout ? NULL : outputs->files[i],
                       outputs->files[PERF_FORM_ALERTS], err));
        any = true;
    }
    if (any)
        return 0;
    return write_form(cli, d, cli->output == CLI_OUTPUT_JSON ? PERF_FORM_JSON : PERF_FORM_MARKDOWN,
                      NULL, NULL, err);
}

/* What --lang says, else the language in which this program speaks: its catalogue names it. */
static enum perf_language language_of(const struct cli *cli, const struct perf_outputs *outputs)
{
    if (cli_option_given(cli, "lang"))
        return (enum perf_language)outputs->language;
    return strcmp(message_text_of("language of reports", "en"), "zh") == 0 ? PERF_CHINESE
                                                                           : PERF_ENGLISH;
}

int perf_write_judgement(struct cli *cli, const struct perf_judgement *j, struct perf_document *d,
                         const struct perf_outputs *outputs, struct error *err)
{
    d->before = j->before;
    d->after = j->after;
    d->comparison = j->compared;
    d->gate = &j->gate;
    d->language = language_of(cli, outputs);
    d->effort_cost = (double)outputs->effort_cost;
    d->rendered_us = clock_wall_us();
    return write_reports(cli, d, outputs, err);
}

/* ---- the command ----------------------------------------------------------------------------- */

struct render_args {
    const char *study, *before, *config;
    struct field_strings targets;
    int64_t min_change;
    bool strict;
    struct perf_outputs outputs;
};
#define RENDER(m) .offset = offsetof(struct render_args, m)

static const struct field render_fields[] = {
    {"study", FIELD_STRING, RENDER(study), "the study that is reported", .arg = "STUDY",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "file"},
    {"config", FIELD_STRING, RENDER(config), "the targets and names of this perf.yaml",
     .arg = "FILE", .complete = "file"},
    {"target", FIELD_STRINGS, RENDER(targets), "what must hold, in k6's words: 'p(95)<200'", 't',
     .arg = "RULE", .flags = FIELD_REPEAT},
    {"baseline", FIELD_STRING, RENDER(before), "the study before", .arg = "FILE",
     .complete = "file"},
    {"min-change", FIELD_FRACTION, RENDER(min_change), "smaller changes are called the same",
     .arg = "PERCENT", .def = "10%"},
    {"strict", FIELD_BOOL, RENDER(strict), "what could not be decided counts as failed"},
    PERF_OUTPUT_FIELDS(struct render_args, outputs),
    {0},
};
static const struct field_set render_set = {
    .name = "perf-report-render",
    .help = "What is reported, and in which forms",
    .struct_size = sizeof(struct render_args),
    .fields = render_fields,
};

static int report(struct cli *cli, const struct render_args *a, struct perf_study *s,
                  const struct perf_study *before, struct error *err)
{
    struct perf_judgement j = {.after = s, .before = before, .min_change = a->min_change};
    struct perf_document d = {.strict = a->strict, .before_name = a->before};
    TRY(perf_read_rules(cli, a->config, &a->targets, &j.rules, err));
    TRY(perf_judge(cli, &j, err));
    return perf_write_judgement(cli, &j, &d, &a->outputs, err);
}

static int run_render(struct cli *cli, const void *bound, struct error *err)
{
    const struct render_args *a = bound;
    struct perf_study s, before;
    perf_study_init(&before);
    TRY(perf_read_study(cli, a->study, &s, err));
    int code = a->before != NULL ? perf_read_study(cli, a->before, &before, err) : 0;
    if (code == 0)
        code = report(cli, a, &s, a->before != NULL ? &before : NULL, err);
    perf_study_release(&before);
    perf_study_release(&s);
    return code;
}

const struct command command_perf_render = {
    .name = "render",
    .summary = "write the report of a saved study: HTML, Markdown, JSON, JUnit, alert rules",
    .description =
        "Renders again without a server: the same study gives the same report. --html is one page "
        "that needs no network; --markdown is short enough for a pull request; --alerts are "
        "Prometheus rules whose limits and bucket edges come from the measured curve, and "
        "--alerts-test their test for promtool. A form without a file ('-') goes to standard "
        "output; without any form that is Markdown, or JSON with -o json.\n\n"
        "Rendering does not judge by its exit code: `gate` does.",
    .args = &render_set,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){
            {"diner perf-report render study.json --html report.html --lang zh",
             "one page in Chinese"},
            {"diner perf-report render after.json --baseline before.json --markdown report.md "
             "--junit report.xml",
             "what a pull request shows"},
            {0}},
    .run = run_render,
};
