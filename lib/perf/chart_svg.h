/* lib/perf/chart_svg.h - what charts are drawn with: a plot with scales, and SVG that looks come to
 * by class (report.css), so that it follows light, dark and print. Coordinates have one decimal:
 * the same study gives the same bytes. Private to lib/perf. */
#ifndef DINER_PERF_CHART_SVG_H
#define DINER_PERF_CHART_SVG_H

#include "core/strbuf.h"
#include "perf/figure.h"

struct scale {
    double low, high;
    bool log;
};
struct plot {
    struct strbuf *out;
    double left, top, width, height; /* of the plotting area */
    struct scale x, y;
};
double plot_x(const struct plot *p, double value);
double plot_y(const struct plot *p, double value);

/* A scale from 0, or logarithmic when the values span more than 30 times; high is a tick. */
struct scale scale_for(double low, double high, bool allow_log);
/* Ticks of a scale, at most TICKS_MAX. */
#define TICKS_MAX 12
size_t scale_ticks(const struct scale *s, size_t wanted, double ret[TICKS_MAX]);

void svg_begin(struct strbuf *out, size_t serial, double width, double height, const char *title,
               const char *description);
void svg_end(struct strbuf *out);
enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };
void svg_text(struct strbuf *out, double x, double y, enum svg_anchor anchor, const char *class,
              const char *text);
void svg_line(struct strbuf *out, double x1, double y1, double x2, double y2, const char *class);
/* hover: the text shown for it, or NULL. */
void svg_rect(struct strbuf *out, double x, double y, double width, double height,
              const char *class, const char *hover);
void svg_dot(struct strbuf *out, double x, double y, double radius, const char *class,
             const char *hover);
/* Through n points; NAN in ys breaks it. */
void plot_path(const struct plot *p, const double *xs, const double *ys, size_t n,
               const char *class);
/* Lines and labels; the unit gives the labels' form. */
void plot_grid_y(const struct plot *p, enum figure_unit unit, size_t wanted);
void plot_grid_x(const struct plot *p, enum figure_unit unit, size_t wanted);
/* Entries of a legend from x on, in one line; returns where the next would start. */
double svg_key(struct strbuf *out, double x, double y, const char *class, bool line,
               const char *text);
/* The text, cut to a width (in columns of half an em: CJK takes two) with "…". Lives in the arena.
 */
const char *svg_shorten(const char *text, size_t columns, struct arena *arena);

#endif
