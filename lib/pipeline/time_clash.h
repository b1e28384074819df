/* lib/pipeline/time_clash.h - whether the time formats of one column contradict each other. Decided
 * by trying: dates are written by one format and read by the other. */
#ifndef DINER_PIPELINE_TIME_CLASH_H
#define DINER_PIPELINE_TIME_CLASH_H

#include "core/datetime.h"

#define TIME_CLASH_TEXT_MAX 128

/* What a text is by each of two formats. The texts are one where a text fits both; else they differ
 * in what is no date: in a time of day, or in the digits of the year. */
struct time_clash {
    char texts[2][TIME_CLASH_TEXT_MAX];
    char readings[2]
                 [DATETIME_ISO_MAX]; /* 2026-04-03, with the time of day when only that differs */
};

/* Whether `first`, which is tried before `second`, takes a text of `second` for another time, or
 * for another day when `is_date`; or whether both have day and month in the same places of their
 * dates, and in different orders. The order counts: a text of `first` is read by nothing else. */
bool time_formats_clash(const char *first, const char *second, bool is_date,
                        struct time_clash *ret);

#endif
