/* lib/perf/render_html.c - the page around a report: head, styles, contents, script. Its policy
 * allows nothing but the style and the script it was made with, by their hashes: even markup that
 * found its way in could not run or fetch anything. */
#include "perf/section.h"

#include "gen/embed.h"
#include "net/digest.h"

static void add_hash(struct strbuf *out, const char *text)
{
    struct digest hash;
    struct error err = ERROR_INIT;
    if (digest_compute(DIGEST_SHA256, (struct span){0}, span_of(text), &hash, &err) != 0)
        return; /* the page then shows without it */
    strbuf_adds(out, "'sha256-");
    digest_encode(DIGEST_BASE64, (struct span){(const char *)hash.bytes, hash.len}, out);
    strbuf_addch(out, '\'');
}

static void add_head(const struct sink *s, const char *title)
{
    struct strbuf *out = s->out;
    strbuf_addf(out,
                "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "style-src ",
                s->d->language == PERF_CHINESE ? "zh-CN" : "en");
    add_hash(out, embedded_report_css);
    strbuf_adds(out, "; script-src ");
    add_hash(out, embedded_report_js);
    strbuf_adds(out, "; base-uri 'none'; form-action 'none'\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                     "<meta name=\"generator\" content=\"diner " DINER_VERSION "\">\n<title>");
    html_add(out, title);
    strbuf_addf(out, "</title>\n<style>%s</style>\n</head>\n<body data-sort=\"%s\">\n",
                embedded_report_css, say(s, TEXT_SORT_HINT));
}

/* Fills that differ by pattern as well as by colour; used by all charts of the page. */
static void add_patterns(struct strbuf *out)
{
    static const struct {
        const char *id, *fill, *path;
    } patterns[] = {
        {"p0", "f0", ""},
        {"p1", "f1", "M-2 2L2-2M0 8L8 0M6 10L10 6"},
        {"p2", "f2", "M0 4H8"},
        {"p3", "f3", "M-2 6L2 10M0 0L8 8M6-2L10 2"},
        {"p4", "f4", "M4 0V8"},
        {"p5", "f5", "M0 4H8M4 0V8"},
        {"p6", "f6", "M2 4h1M6 0h1M6 8h1"},
        {"p7", "f7", ""},
        {"err", "fe", "M-2 2L2-2M0 8L8 0M6 10L10 6"},
        {"wait", "fw", "M-2 6L2 10M0 0L8 8M6-2L10 2"},
    };
    strbuf_adds(out, "<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>");
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        strbuf_addf(out,
                    "<pattern id=\"%s\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
                    "<rect class=\"%s\" width=\"8\" height=\"8\"/><path class=\"ph\" d=\"%s\"/>"
                    "</pattern>",
                    patterns[i].id, patterns[i].fill, patterns[i].path);
    strbuf_adds(out, "</defs></svg>\n");
}

static void add_nav(const struct sink *s)
{
    static const struct {
        const char *number, *anchor;
        enum report_text text;
    } links[] = {{"1", "analysis", TEXT_S1},     {"2", "plan", TEXT_S2},
                 {"3", "phases", TEXT_S3},       {"4", "verify", TEXT_S4},
                 {"5", "results", TEXT_S5},      {"6", "lessons", TEXT_S6},
                 {"", "appendix", TEXT_APPENDIX}};
    strbuf_addf(s->out, "<nav aria-label=\"%s\">", say(s, TEXT_CONTENTS));
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        strbuf_addf(s->out, "<a href=\"#%s\">%s%s%s</a>", links[i].anchor, links[i].number,
                    links[i].number[0] ? " " : "", say(s, links[i].text));
    strbuf_addf(s->out,
                "<button type=\"button\" id=\"fold\" hidden data-open=\"%s\" data-close=\"%s\">%s"
                "</button></nav>\n",
                say(s, TEXT_EXPAND), say(s, TEXT_COLLAPSE), say(s, TEXT_EXPAND));
}

static void add_meta(const struct sink *s)
{
    const struct perf_environment *e = &s->d->after->environment;
    const char *when = e->started_us != 0 ? say_instant(s->arena, e->started_us) : "";
    strbuf_adds(s->out, "<p class=\"meta\">");
    html_add(s->out, e->target);
    strbuf_adds(s->out, e->target && when[0] ? " \xC2\xB7 " : "");
    html_add(s->out, when);
    if (s->d->before_name != NULL) {
        strbuf_adds(s->out, " \xC2\xB7 ");
        html_add(s->out, text_fill(s->d, s->arena, TEXT_BASELINE_IS, s->d->before_name, NULL));
    }
    strbuf_adds(s->out, " \xC2\xB7 diner " DINER_VERSION "</p>\n");
}

void perf_render_html(const struct perf_document *d, struct strbuf *out)
{
    struct arena *arena = arena_new();
    struct sink s = {.ops = &sink_html, .d = d, .out = out, .arena = arena};
    const struct perf_environment *e = &d->after->environment;
    const char *title = e->title ? e->title : e->target;
    title = title ? arena_printf(arena, "%s - %s", title, text_of(d, TEXT_TITLE))
                  : text_of(d, TEXT_TITLE);
    add_head(&s, title);
    add_patterns(out);
    strbuf_adds(out, "<header>\n");
    section_title(&s);
    add_meta(&s);
    add_nav(&s);
    strbuf_adds(out, "</header>\n<main>\n");
    section_body(&s);
    strbuf_adds(out, "</main>\n<footer><div class=\"rule\">\n");
    section_footer(&s);
    strbuf_addf(out, "</div></footer>\n<script>%s</script>\n</body>\n</html>\n",
                embedded_report_js);
    arena_free(arena);
}
