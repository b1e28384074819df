/* lib/format/json_time.h - a date or time as a JSON object of its parts. */
#ifndef DINER_FORMAT_JSON_TIME_H
#define DINER_FORMAT_JSON_TIME_H

#include "core/datetime.h"
#include "core/mem.h"

/* {"year": 2026, "month": 11, "day": 22, "hour": 5, "minute": 15, "second": 0, "microsecond": 0}:
 * the format "parts" of columns. A civil time, without a zone; what is missing of hour to
 * microsecond is 0. Members whose names begin with "__" are passed over; any other, or a value that
 * is no whole number, does not fit. Source: Tryton's JSON-RPC, "__class__": "date" | "datetime". */
bool json_time_parse(struct span object, struct datetime *ret);

#endif
