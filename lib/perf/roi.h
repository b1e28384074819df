/* lib/perf/roi.h - what the change is worth, computed: database seconds saved a day against the
 * size of indexes and the cost of writes; in money when the monthly cost of the database is known.
 */
#ifndef DINER_PERF_ROI_H
#define DINER_PERF_ROI_H

#include "perf/document.h"

struct roi {
    bool known;            /* a saving could be computed */
    bool measured;         /* between two studies; else expected from the findings, at most */
    double ms_per_request; /* database time saved; below 0: added */
    double share;          /* of the database time before */
    double requests;       /* that `seconds` is for: of a day, or a million */
    bool per_day;
    double seconds; /* of database time */
    double index_bytes;
    size_t indexes;
    bool has_money;
    double money_per_month;
    double payback_months;    /* below 0: the cost of the work is not given, or nothing is saved */
    double break_even_effort; /* what 12 months save */
};
struct roi roi_compute(const struct perf_document *d, struct arena *arena);

#endif
