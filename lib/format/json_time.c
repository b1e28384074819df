#include "format/json_time.h"

#include "format/jpull.h"
#include <string.h>

enum part { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, MICROSECOND, PARTS };
static const char *const part_names[PARTS] = {"year",   "month",  "day",        "hour",
                                              "minute", "second", "microsecond"};

static bool small_number(struct span text, int *ret)
{
    int n = 0;

    if (text.len == 0 || text.len > 6)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        n = n * 10 + (text.ptr[i] - '0');
    }
    *ret = n;
    return true;
}

static bool part_set(struct span key, struct span value, int parts[PARTS])
{
    if (key.len >= 2 && memcmp(key.ptr, "__", 2) == 0)
        return true;
    for (int i = 0; i < PARTS; i++)
        if (span_equal(key, span_of(part_names[i])))
            return parts[i] < 0 && small_number(value, &parts[i]);
    return false;
}

static bool parts_read(struct span object, struct strbuf *scratch, int parts[PARTS])
{
    struct jpull_array members;
    struct span key, value;
    struct error ignored = ERROR_INIT;
    bool end = false;

    if (jpull_object_begin(object, &members, &ignored) != 0)
        return false;
    for (;;) {
        if (jpull_object_next(&members, &key, &value, &end, scratch, &ignored) != 0)
            return false;
        if (end)
            return true;
        if (!part_set(key, value, parts))
            return false;
    }
}

bool json_time_parse(struct span object, struct datetime *ret)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    int parts[PARTS] = {-1, -1, -1, -1, -1, -1, -1};

    strbuf_init(&scratch, 4096);
    if (object.len == 0 || object.ptr[0] != '{' || !parts_read(object, &scratch, parts))
        return false;
    bool has_time = parts[HOUR] >= 0;
    for (int i = HOUR; i < PARTS; i++)
        if (parts[i] < 0)
            parts[i] = 0;
    if (parts[YEAR] < 0 || !civil_date_is_valid(parts[YEAR], parts[MONTH], parts[DAY]) ||
        parts[HOUR] > 23 || parts[MINUTE] > 59 || parts[SECOND] > 59)
        return false;
    struct civil civil = {.year = parts[YEAR],
                          .month = parts[MONTH],
                          .day = parts[DAY],
                          .hour = parts[HOUR],
                          .minute = parts[MINUTE],
                          .second = parts[SECOND],
                          .microsecond = parts[MICROSECOND]};
    *ret = (struct datetime){.us = civil_to_us(&civil), .has_time = has_time};
    return true;
}
