/* lib/perf/quantity.h - figures as texts that people read: three significant digits, thousands
 * apart, the unit after a no-break space. The same in both languages. */
#ifndef DINER_PERF_QUANTITY_H
#define DINER_PERF_QUANTITY_H

#include "core/strbuf.h"
#include "perf/figure.h"

/* "1.23 ms", "345 ms", "12.5 s" */
void quantity_ms(double ms, struct strbuf *out);
/* "0.12 %", "45.0 %" of 0..1 */
void quantity_share(double share, struct strbuf *out);
/* "1,234", "3.2", "0.05" */
void quantity_number(double value, struct strbuf *out);
void quantity_of(enum figure_unit unit, double value, struct strbuf *out);
/* With + or a minus sign. */
void quantity_signed(enum figure_unit unit, double value, struct strbuf *out);
void quantity_percent_change(double share, struct strbuf *out); /* "+12.3 %" */

#endif
