/* lib/core/datetime.h - civil dates, time zones, formats, business dates.
 *
 * Instants are int64 microseconds since 1970-01-01T00:00:00Z, civil days are int32 days since
 * 1970-01-01 (proleptic Gregorian). Zones are read from the TZif files of the system (RFC 8536),
 * footer rule included; a missing or broken zone is an error, never UTC in silence. No function
 * here touches TZ or the process locale. Loaded zones live until the process ends.
 */
#ifndef DINER_CORE_DATETIME_H
#define DINER_CORE_DATETIME_H

#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATETIME_ISO_MAX 40

struct civil {
    int year, month, day;     /* month 1..12 */
    int hour, minute, second; /* second 0..59; a leap second 60 is refused */
    int microsecond;
};

bool civil_date_is_valid(int year, int month, int day); /* years 1..9999 */
int32_t civil_to_days(int year, int month, int day);
void civil_from_days(int32_t days, int *ret_year, int *ret_month, int *ret_day);
int64_t civil_to_us(const struct civil *c); /* as if UTC */
void civil_from_us(int64_t us, struct civil *ret);

struct zone;
/* name as in the IANA database ("Asia/Shanghai", "UTC"). Cached: a second call is cheap.
 * ERR_CONFIG when there is no such zone. */
int zone_load(const char *name, const struct zone **ret_zone, struct error *err);
const char *zone_name(const struct zone *z);
int32_t zone_offset_s(const struct zone *z, int64_t utc_us); /* east of UTC positive */
/* Local civil time to the instant. A time in a gap is the first instant after the gap, a time in
 * a fold its first occurrence. Fast for repeated nearby values. */
int64_t zone_local_to_utc(const struct zone *z, int64_t local_us);
int64_t zone_utc_to_local(const struct zone *z, int64_t utc_us);

/* Parsing with an explicit format. Letters: %Y %m %d %H %M %S %y(two digits, 00-68 are 20xx)
 * %f (1 to 6 fraction digits) %p (AM/PM, 上午/下午; with %I) %I %z (+08:00, +0800, +08, Z) %b
 * (Jan..)
 * %%; %m %d %H %M %S accept one or two digits unless followed directly by another digit field.
 * A space in the format matches any run of blanks. Special formats: "iso" (YYYY-MM-DD[ T]hh:mm[:ss
 * [.ffffff]][zone], or a date alone), "epoch_s", "epoch_ms", "excel" (serial day number, 1900
 * system), "excel_1904" (the 1904 system), "odata_ms" ("/Date(1700000000000)/"; civil time unless
 * it has an offset), "parts" (a JSON object, read by format/json_time.h only). The whole input must
 * be consumed. */
struct datetime {
    int64_t us;    /* civil time as if UTC; with has_zone it is already the UTC instant */
    bool has_zone; /* an offset or epoch format decided the instant */
    bool has_time; /* a time of day was given */
};
/* False when the text does not fit the format or is no valid date. Never allocates. */
bool datetime_parse(const char *format, const char *s, size_t n, struct datetime *ret);
bool datetime_parse_iso(const char *s, size_t n, struct datetime *ret); /* the fast path of "iso" */
/* ERR_SPEC when the format has an unknown letter. */
int datetime_format_check(const char *format, struct error *err);

/* "2026-11-22" ; "2026-11-22T05:15:00.123456+08:00" (fraction only when not zero; zone NULL: Z). */
void date_print(int32_t days, char ret[11]);
void datetime_print(int64_t utc_us, const struct zone *z, char ret[DATETIME_ISO_MAX]);

/* A business date: the civil date a sale belongs to, given the store's zone and cut-off. With
 * cut-off 04:00, 03:59 local belongs to the day before. Source of the rule: Toast closeoutHour. */
struct bizday {
    const struct zone *zone;
    int32_t cutoff_s; /* seconds after local midnight, 0..86399 */
};
int32_t bizday_of(const struct bizday *b, int64_t utc_us); /* civil days */
/* [start, end) of a business date as instants: 23 or 25 hours long where clocks change. */
void bizday_range(const struct bizday *b, int32_t days, int64_t *ret_start_us, int64_t *ret_end_us);
/* The last business date closed at `now`: what `yesterday` means. */
int32_t bizday_last_closed(const struct bizday *b, int64_t now_us);
/* "YYYY-MM-DD", "today" (the open business date), "yesterday" (last closed), "N days ago". */
int bizday_parse(const struct bizday *b, const char *text, int64_t now_us, int32_t *ret_days,
                 struct error *err);
int time_of_day_parse(const char *text, int32_t *ret_seconds, struct error *err); /* "04:00" */

#endif
