/* lib/perf/render_markdown.c - the report for a pull request. */
#include "perf/section.h"

static size_t characters_of(const char *text, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

/* Where the report may end: before the last heading within the limit, so that no table, code or
 * fold is left open. */
static size_t cut_at(const char *text, size_t characters)
{
    size_t best = 0, n = 0;
    bool fenced = false, line_start = true;
    for (size_t i = 0; text[i] != '\0' && n < characters; i++) {
        if (line_start && strncmp(text + i, "```", 3) == 0)
            fenced = !fenced;
        if (line_start && !fenced && text[i] == '#')
            best = i;
        line_start = text[i] == '\n';
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return best;
}

void perf_render_markdown(const struct perf_document *d, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf whole = {0};
    struct arena *arena = arena_new();
    struct sink s = {.ops = &sink_markdown, .d = d, .out = &whole, .arena = arena};
    strbuf_init(&whole, 0);
    section_title(&s);
    section_body(&s);
    strbuf_adds(&whole, "\n---\n\n");
    section_footer(&s);
    const char *text = whole.data + (whole.data[0] == '\n');
    if (characters_of(text, strlen(text)) <= PERF_MARKDOWN_MAX && !whole.overflow) {
        strbuf_adds(out, text);
    } else {
        strbuf_add(out, text, cut_at(text, PERF_MARKDOWN_MAX - 300));
        strbuf_addf(out, "\n---\n\n%s\n",
                    text_fill(d, arena, TEXT_TRUNCATED,
                              arena_printf(arena, "%d", PERF_MARKDOWN_MAX), NULL));
    }
    arena_free(arena);
}
