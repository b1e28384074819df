/* lib/perf/chart_svg.c - see chart_svg.h. */
#include "perf/chart_svg.h"

#include "perf/quantity.h"
#include "perf/sink.h"

#include <math.h>

/* ---- scales ---------------------------------------------------------------------------------- */

static double fraction(const struct scale *s, double value)
{
    double f = s->log
                   ? (log10(fmax(value, s->low)) - log10(s->low)) / (log10(s->high) - log10(s->low))
                   : (value - s->low) / (s->high - s->low);
    return fmin(1, fmax(0, f));
}

double plot_x(const struct plot *p, double value)
{
    return p->left + p->width * fraction(&p->x, value);
}

double plot_y(const struct plot *p, double value)
{
    return p->top + p->height * (1 - fraction(&p->y, value));
}

/* 1, 2 or 5 times a power of ten, not below value. */
static double round_up(double value)
{
    double base = pow(10, floor(log10(value)));
    for (int i = 0; i < 3; i++) {
        static const double steps[] = {1, 2, 5};
        if (steps[i] * base >= value * (1 - 1e-9))
            return steps[i] * base;
    }
    return 10 * base;
}

struct scale scale_for(double low, double high, bool allow_log)
{
    struct scale s = {0, high, false};
    if (!(high > 0))
        return (struct scale){0, 1, false};
    if (allow_log && low > 0 && high > 30 * low) {
        s.log = true;
        s.low = pow(10, floor(log10(low) + 1e-9));
        s.high = round_up(high);
        return s;
    }
    double step = round_up(high / 5);
    s.high = ceil(high / step * (1 - 1e-9)) * step;
    return s;
}

static size_t log_ticks(const struct scale *s, size_t wanted, double ret[TICKS_MAX])
{
    static const double fine[] = {1, 2, 5}, coarse[] = {1};
    double decades = log10(s->high / s->low);
    bool is_fine = decades * 3 <= (double)wanted + 2;
    size_t n = 0, per = is_fine ? 3 : 1;
    int first = (int)floor(log10(s->low) + 1e-9), last = (int)floor(log10(s->high) + 1e-9);
    for (int decade = first; decade <= last; decade++)
        for (size_t i = 0; i < per && n < TICKS_MAX; i++) {
            double tick = pow(10, decade) * (is_fine ? fine[i] : coarse[i]);
            if (tick >= s->low * (1 - 1e-9) && tick <= s->high * (1 + 1e-9))
                ret[n++] = tick;
        }
    return n;
}

size_t scale_ticks(const struct scale *s, size_t wanted, double ret[TICKS_MAX])
{
    size_t n = 0;
    if (s->log)
        return log_ticks(s, wanted, ret);
    double step = round_up((s->high - s->low) / (double)wanted);
    double first = ceil(s->low / step);
    while (n < TICKS_MAX && (first + (double)n) * step <= s->high * (1 + 1e-9)) {
        double tick = (first + (double)n) * step;
        ret[n++] = fabs(tick) < step * 1e-6 ? 0 : tick;
    }
    return n;
}

/* ---- marks ----------------------------------------------------------------------------------- */

void svg_begin(struct strbuf *out, size_t serial, double width, double height, const char *title,
               const char *description)
{
    strbuf_addf(out,
                "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-labelledby=\"c%zu\"><title "
                "id=\"c%zu\">",
                width, height, serial, serial);
    html_add(out, title);
    strbuf_adds(out, "</title><desc>");
    html_add(out, description);
    strbuf_adds(out, "</desc>\n");
}

void svg_end(struct strbuf *out)
{
    strbuf_adds(out, "</svg>");
}

void svg_text(struct strbuf *out, double x, double y, enum svg_anchor anchor, const char *class,
              const char *text)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    strbuf_addf(out, "<text x=\"%.1f\" y=\"%.1f\"%s", x, y, anchors[anchor]);
    if (class != NULL)
        strbuf_addf(out, " class=\"%s\"", class);
    strbuf_addch(out, '>');
    html_add(out, text);
    strbuf_adds(out, "</text>\n");
}

void svg_line(struct strbuf *out, double x1, double y1, double x2, double y2, const char *class)
{
    strbuf_addf(out, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", class, x1, y1, x2, y2);
}

static void add_hover(struct strbuf *out, const char *tag, const char *hover)
{
    if (hover == NULL) {
        strbuf_adds(out, "/>\n");
        return;
    }
    strbuf_adds(out, "><title>");
    html_add(out, hover);
    strbuf_addf(out, "</title></%s>\n", tag);
}

void svg_rect(struct strbuf *out, double x, double y, double width, double height,
              const char *class, const char *hover)
{
    strbuf_addf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"",
                class, x, y, fmax(0, width), fmax(0, height));
    add_hover(out, "rect", hover);
}

void svg_dot(struct strbuf *out, double x, double y, double radius, const char *class,
             const char *hover)
{
    strbuf_addf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"", class, x, y,
                radius);
    add_hover(out, "circle", hover);
}

void plot_path(const struct plot *p, const double *xs, const double *ys, size_t n,
               const char *class)
{
    bool pen_down = false;
    strbuf_addf(p->out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < n; i++) {
        if (isnan(ys[i])) {
            pen_down = false;
            continue;
        }
        strbuf_addf(p->out, "%c%.1f %.1f", pen_down ? 'L' : 'M', plot_x(p, xs[i]),
                    plot_y(p, ys[i]));
        pen_down = true;
    }
    strbuf_adds(p->out, "\"/>\n");
}

/* ---- axes ------------------------------------------------------------------------------------ */

static void tick_label(struct strbuf *text, enum figure_unit unit, double value, double highest)
{
    strbuf_clear(text);
    if (unit == UNIT_MS && highest >= 10000)
        strbuf_addf(text, "%.10g", value / 1000);
    else if (unit == UNIT_SHARE)
        strbuf_addf(text, "%.10g", value * 100);
    else
        quantity_number(value, text);
    if (unit == UNIT_MS)
        strbuf_adds(text, highest >= 10000 ? " s" : " ms");
    strbuf_adds(text, unit == UNIT_SHARE ? " %" : unit == UNIT_PER_S ? "/s" : "");
}

void plot_grid_y(const struct plot *p, enum figure_unit unit, size_t wanted)
{
    AUTO_STRBUF struct strbuf text = {0};
    double ticks[TICKS_MAX];
    size_t n = scale_ticks(&p->y, wanted, ticks);
    strbuf_init(&text, 256);
    for (size_t i = 0; i < n; i++) {
        double y = plot_y(p, ticks[i]);
        svg_line(p->out, p->left, y, p->left + p->width, y, "g");
        tick_label(&text, unit, ticks[i], p->y.high);
        svg_text(p->out, p->left - 8, y + 4, SVG_END, NULL, text.data);
    }
}

void plot_grid_x(const struct plot *p, enum figure_unit unit, size_t wanted)
{
    AUTO_STRBUF struct strbuf text = {0};
    double ticks[TICKS_MAX], bottom = p->top + p->height;
    size_t n = scale_ticks(&p->x, wanted, ticks);
    strbuf_init(&text, 256);
    for (size_t i = 0; i < n; i++) {
        double x = plot_x(p, ticks[i]);
        svg_line(p->out, x, p->top, x, bottom, "g");
        tick_label(&text, unit, ticks[i], p->x.high);
        svg_text(p->out, x, bottom + 17, SVG_MIDDLE, NULL, text.data);
    }
}

/* Columns of half an em that a text takes, roughly: what is not ASCII counts two. */
static size_t columns_of(const char *text, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            n += (unsigned char)text[i] >= 0xE0 ? 2 : 1;
    return n;
}

double svg_key(struct strbuf *out, double x, double y, const char *class, bool line,
               const char *text)
{
    if (line)
        svg_line(out, x, y - 4, x + 18, y - 4, class);
    else
        svg_rect(out, x, y - 9, 12, 10, class, NULL);
    double start = x + (line ? 24 : 17);
    svg_text(out, start, y, SVG_START, NULL, text);
    return start + (double)columns_of(text, strlen(text)) * 6.6 + 18;
}

const char *svg_shorten(const char *text, size_t columns, struct arena *arena)
{
    size_t bytes = strlen(text);
    if (columns_of(text, bytes) <= columns)
        return text;
    while (bytes > 0 &&
           (columns_of(text, bytes) >= columns || ((unsigned char)text[bytes] & 0xC0) == 0x80))
        bytes--;
    return arena_printf(arena, "%.*s\xE2\x80\xA6", (int)bytes, text);
}
