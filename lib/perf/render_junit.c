/* lib/perf/render_junit.c - one test case for each check, for CI's own display. */
#include "perf/document.h"

#include "perf/sink.h"

static void add_attribute(struct strbuf *out, const char *name, const char *text)
{
    strbuf_addf(out, " %s=\"", name);
    html_add(out, text);
    strbuf_addch(out, '"');
}

static void add_child(struct strbuf *out, const char *element, const char *message,
                      const char *anchor)
{
    strbuf_addf(out, ">\n    <%s", element);
    add_attribute(out, "message", message);
    strbuf_addch(out, '>');
    html_add(out, message);
    strbuf_addf(out, " (report: #%s)</%s>\n  </testcase>\n", anchor, element);
}

static void add_case(const struct perf_document *d, const struct study_check *c, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 4096);
    study_check_rule(c, &text);
    strbuf_adds(out, "  <testcase");
    add_attribute(out, "classname",
                  c->endpoint == FIGURE_WHOLE ? "API" : d->after->endpoints[c->endpoint].name);
    add_attribute(out, "name", text.data);
    strbuf_clear(&text);
    study_check_line(c, d->after, &text);
    bool open = c->state == CHECK_INCONCLUSIVE ||
                (c->state == CHECK_NOT_MEASURED && c->rule != NULL && !c->rule->is_default);
    if (c->state == CHECK_FAILED || (d->strict && open))
        add_child(out, "failure", text.data, c->anchor);
    else if (c->state != CHECK_PASSED)
        add_child(out, "skipped", text.data, c->anchor);
    else
        strbuf_adds(out, "/>\n");
}

void perf_render_junit(const struct perf_document *d, struct strbuf *out)
{
    const struct study_gate *g = d->gate;
    size_t failed = g->failed + (d->strict ? g->open : 0);
    strbuf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    strbuf_addf(out,
                "<testsuite name=\"diner perf-report\" tests=\"%zu\" failures=\"%zu\" "
                "errors=\"0\" skipped=\"%zu\">\n",
                g->nchecks, failed, g->nchecks - g->passed - failed);
    for (size_t i = 0; i < g->nchecks; i++)
        add_case(d, &g->checks[i], out);
    strbuf_adds(out, "</testsuite>\n");
}
