/* lib/core/zone.c - time zones from the TZif files of the system (RFC 8536).
 *
 * A zone is a table of spans of constant offset. The rule of the footer is written out for more
 * than 400 years behind the last explicit change; later instants are mapped back by whole
 * cycles of 400 years, after which dates and weekdays repeat exactly. So every look-up is one
 * search in a table, and mostly none: the span last used is tried first. */
#include "core/datetime.h"
#include "core/fileio.h"
#include "core/mem.h"
#include "core/message.h"
#include "core/zone_rule.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_DIRECTORY   "/usr/share/zoneinfo"
#define ZONE_FILE_MAX    ((size_t)256 << 10)
#define ZONE_NAME_MAX    64
#define CYCLE_YEARS      400
#define CYCLE_S          ((int64_t)146097 * 86400)
#define OFFSET_MAX_S     93600                     /* 26 h, RFC 8536 3.2 */
#define SECOND_MAX       (INT64_MAX / 1000000 - 1) /* of what microseconds can say */
#define CHANGES_FILE_MAX 5000

struct zone_change {
    int64_t at_s; /* from here on, UTC */
    int32_t offset_s;
};

/* The span of the last answer, in microseconds: of UTC for one direction, of local time for the
 * other. */
struct zone_cache {
    int64_t utc_from_us, utc_to_us, utc_offset_us;
    int64_t local_from_us, local_to_us, local_offset_us;
};

struct zone {
    char *name;
    struct zone_change *changes; /* ascending; the first at -SECOND_MAX */
    size_t count;
    size_t capacity;
    bool endless;             /* the last change holds for ever */
    struct zone_cache *cache; /* behind a pointer: look-ups take a const zone */
};

static struct zone **zones;
static size_t zone_count;
static size_t zone_capacity;

/* ---- TZif ---------------------------------------------------------------------------------- */

struct tzif_header {
    size_t isutc, isstd, leap, time, type, chars;
};

static uint32_t read_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t read_i64(const unsigned char *p)
{
    return (int64_t)((uint64_t)read_u32(p) << 32 | read_u32(p + 4));
}

static const char *tzif_header_read(const unsigned char *p, size_t n, struct tzif_header *ret)
{
    if (n < 44 || memcmp(p, "TZif", 4) != 0) {
        return message_text("it is no TZif file");
    }
    if (p[4] < '2') {
        return message_text("it is of version 1, which ends in 2037");
    }
    ret->isutc = read_u32(p + 20);
    ret->isstd = read_u32(p + 24);
    ret->leap = read_u32(p + 28);
    ret->time = read_u32(p + 32);
    ret->type = read_u32(p + 36);
    ret->chars = read_u32(p + 40);
    if (ret->isutc > 256 || ret->isstd > 256 || ret->leap > 1000 || ret->type > 256 ||
        ret->chars > 4096 || ret->time > CHANGES_FILE_MAX) {
        return message_text("its header is broken");
    }
    return NULL;
}

static size_t tzif_body_bytes(const struct tzif_header *h, size_t time_size)
{
    return h->time * time_size + h->time + h->type * 6 + h->chars + h->leap * (time_size + 4) +
           h->isstd + h->isutc;
}

static void zone_add(struct zone *z, int64_t at_s, int32_t offset_s)
{
    if (z->count > 0 && z->changes[z->count - 1].at_s == at_s) {
        z->changes[z->count - 1].offset_s = offset_s; /* of two at once the later holds */
        return;
    }
    if (z->count > 0 && z->changes[z->count - 1].offset_s == offset_s) {
        return; /* only the name or the isdst flag changes */
    }
    z->changes = mem_grow(z->changes, &z->capacity, z->count + 1, sizeof *z->changes);
    z->changes[z->count++] = (struct zone_change){at_s, offset_s};
}

/* The explicit changes; *ret_last_s is the instant of the last one. */
static const char *tzif_changes_read(const unsigned char *p, const struct tzif_header *h,
                                     struct zone *z, int64_t *ret_last_s)
{
    const unsigned char *indexes = p + h->time * 8;
    const unsigned char *types = indexes + h->time;
    for (size_t i = 0; i < h->type; i++) {
        int32_t offset_s = (int32_t)read_u32(types + i * 6);
        if (offset_s < -OFFSET_MAX_S || offset_s > OFFSET_MAX_S) {
            return message_text("an offset is out of range");
        }
    }
    zone_add(z, -SECOND_MAX, (int32_t)read_u32(types));
    int64_t last_s = -SECOND_MAX;
    for (size_t i = 0; i < h->time; i++) {
        int64_t at_s = read_i64(p + i * 8);
        if (indexes[i] >= h->type || at_s > SECOND_MAX || (i > 0 && at_s <= last_s)) {
            return message_text("its changes are broken");
        }
        last_s = at_s < -SECOND_MAX ? -SECOND_MAX : at_s; /* some files begin with the big bang */
        zone_add(z, last_s, (int32_t)read_u32(types + (size_t)indexes[i] * 6));
    }
    *ret_last_s = last_s;
    return NULL;
}

/* Writes the footer's rule out behind the last explicit change. */
static void zone_expand(struct zone *z, const struct zone_rule *rule, int64_t last_s)
{
    if (!rule->has_dst) {
        zone_add(z, last_s, rule->std_offset_s);
        z->endless = true;
        return;
    }
    int year = 1;
    if (last_s > -SECOND_MAX) {
        int month;
        int day;
        int64_t days = last_s / 86400 - (last_s % 86400 < 0);
        civil_from_days((int32_t)days, &year, &month, &day);
    }
    for (int y = year; y <= year + CYCLE_YEARS + 4; y++) {
        int64_t start_s = zone_rule_start(rule, y);
        int64_t end_s = zone_rule_end(rule, y);
        bool north = start_s < end_s;
        int64_t first_s = north ? start_s : end_s;
        int64_t second_s = north ? end_s : start_s;
        if (first_s > last_s) {
            zone_add(z, first_s, north ? rule->dst_offset_s : rule->std_offset_s);
        }
        if (second_s > last_s) {
            zone_add(z, second_s, north ? rule->std_offset_s : rule->dst_offset_s);
        }
    }
}

/* NULL, or what is wrong with the file. */
static const char *tzif_read(const struct strbuf *file, struct zone *z)
{
    const unsigned char *p = (const unsigned char *)file->data;
    const unsigned char *end = p + file->len;
    struct tzif_header h = {0};
    const char *wrong = tzif_header_read(p, file->len, &h);
    if (wrong != NULL) {
        return wrong;
    }
    size_t skip = 44 + tzif_body_bytes(&h, 4);
    if (skip > file->len) {
        return message_text("it is cut short");
    }
    p += skip; /* the block of version 1 */
    wrong = tzif_header_read(p, (size_t)(end - p), &h);
    if (wrong != NULL) {
        return wrong;
    }
    p += 44;
    size_t body = tzif_body_bytes(&h, 8);
    if (body > (size_t)(end - p) || h.type == 0) {
        return message_text("it is cut short");
    }
    if (h.leap != 0) {
        return message_text("it counts leap seconds");
    }
    int64_t last_s = 0;
    wrong = tzif_changes_read(p, &h, z, &last_s);
    if (wrong != NULL) {
        return wrong;
    }
    const char *footer = (const char *)p + body;
    const char *stop = footer < (const char *)end && *footer == '\n'
                           ? memchr(footer + 1, '\n', (size_t)((const char *)end - footer - 1))
                           : NULL;
    if (stop == NULL) {
        return message_text("its footer is missing");
    }
    z->endless = stop == footer + 1; /* no rule: the last offset stays */
    if (!z->endless) {
        struct zone_rule rule;
        if (!zone_rule_parse(footer + 1, (size_t)(stop - footer - 1), &rule)) {
            return message_text("its footer rule is broken");
        }
        zone_expand(z, &rule, last_s);
    }
    return NULL;
}

/* ---- loading ------------------------------------------------------------------------------- */

static bool zone_name_is_valid(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= ZONE_NAME_MAX && name[0] != '/' && strstr(name, "..") == NULL &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == n;
}

static void zone_free(struct zone *z)
{
    free(z->name);
    free(z->changes);
    free(z->cache);
    free(z);
}

static int zone_unknown(const char *name, const char *why, struct error *err)
{
    error_set(err, ERR_CONFIG, "unknown time zone '%s'%s%s", name, why != NULL ? ": " : "",
              why != NULL ? why : "");
    return error_hint(err, "use a name of the IANA database such as Asia/Shanghai; "
                           "the package tzdata must be installed");
}

static int zone_read(const char *name, struct zone *z, struct error *err)
{
    const char *directory = getenv("TZDIR"); /* as glibc has it: where the files are, not which */
    AUTO_STRBUF struct strbuf path = {0};
    AUTO_STRBUF struct strbuf file = {0};
    strbuf_init(&path, 0);
    strbuf_init(&file, 0);
    strbuf_addf(&path, "%s/%s",
                directory != NULL && *directory != '\0' ? directory : ZONE_DIRECTORY, name);
    if (file_read(path.data, ZONE_FILE_MAX, &file, err) != 0) {
        return zone_unknown(name, NULL, err);
    }
    const char *wrong = tzif_read(&file, z);
    return wrong != NULL ? zone_unknown(name, wrong, err) : 0;
}

int zone_load(const char *name, const struct zone **ret_zone, struct error *err)
{
    for (size_t i = 0; i < zone_count; i++) {
        if (strcmp(zones[i]->name, name) == 0) {
            *ret_zone = zones[i];
            return 0;
        }
    }
    if (!zone_name_is_valid(name)) {
        return zone_unknown(name, NULL, err);
    }
    struct zone *z = mem_alloc(sizeof *z);
    z->name = mem_strdup(name);
    z->cache = mem_alloc(sizeof *z->cache);
    int code = zone_read(name, z, err);
    if (code != 0) {
        zone_free(z);
        return code;
    }
    zones = mem_grow(zones, &zone_capacity, zone_count + 1, sizeof(void *));
    zones[zone_count++] = z;
    *ret_zone = z;
    return 0;
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

/* ---- look-up ------------------------------------------------------------------------------- */

static int64_t floor_seconds(int64_t us)
{
    return us / 1000000 - (us % 1000000 < 0);
}

/* By how much an instant is moved back to lie within the table, a multiple of the cycle. A week is
 * left to the end of the table, so that the spans around it are there. */
static int64_t zone_shift_s(const struct zone *z, int64_t s)
{
    int64_t end_s = z->changes[z->count - 1].at_s - 7 * 86400;
    return z->endless || s < end_s ? 0 : ((s - end_s) / CYCLE_S + 1) * CYCLE_S;
}

/* The last change at or before s; the first for what lies before all. */
static size_t zone_find(const struct zone *z, int64_t s)
{
    size_t low = 0;
    size_t high = z->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (z->changes[middle].at_s <= s) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static int64_t zone_end_s(const struct zone *z, size_t i)
{
    return i + 1 < z->count ? z->changes[i + 1].at_s : SECOND_MAX;
}

static void zone_cache_utc(const struct zone *z, int64_t utc_us)
{
    int64_t s = floor_seconds(utc_us);
    int64_t shift_s = zone_shift_s(z, s);
    size_t i = zone_find(z, s - shift_s);
    int64_t to_s = zone_end_s(z, i);
    z->cache->utc_from_us = i == 0 ? INT64_MIN : (z->changes[i].at_s + shift_s) * 1000000;
    z->cache->utc_to_us = to_s == SECOND_MAX ? INT64_MAX : (to_s + shift_s) * 1000000;
    z->cache->utc_offset_us = z->changes[i].offset_s * (int64_t)1000000;
}

static int64_t zone_offset_us(const struct zone *z, int64_t utc_us)
{
    const struct zone_cache *c = z->cache;
    if (utc_us < c->utc_from_us || utc_us >= c->utc_to_us) {
        zone_cache_utc(z, utc_us);
    }
    return c->utc_offset_us;
}

int32_t zone_offset_s(const struct zone *z, int64_t utc_us)
{
    return (int32_t)(zone_offset_us(z, utc_us) / 1000000);
}

int64_t zone_utc_to_local(const struct zone *z, int64_t utc_us)
{
    return utc_us + zone_offset_us(z, utc_us);
}

/* The first span that has not yet ended by its own clock at local time s. Its predecessor's clock
 * has passed s, so this is the first occurrence; when its own has not reached s, s is in a gap. */
static size_t zone_find_local(const struct zone *z, int64_t s)
{
    size_t i = zone_find(z, s - 2 * OFFSET_MAX_S);
    while (i + 1 < z->count && s >= z->changes[i + 1].at_s + z->changes[i].offset_s) {
        i++;
    }
    return i;
}

static int64_t zone_local_slow(const struct zone *z, int64_t local_us)
{
    int64_t s = floor_seconds(local_us);
    int64_t shift_s = zone_shift_s(z, s);
    size_t i = zone_find_local(z, s - shift_s);
    const struct zone_change *span = &z->changes[i];
    int64_t start_s = span->at_s + span->offset_s;
    if (i > 0 && s - shift_s < start_s) {
        return (span->at_s + shift_s) * 1000000; /* a gap */
    }
    /* In a fold the beginning of this span belongs to the one before. */
    int64_t before_end_s = i > 0 ? span->at_s + span[-1].offset_s : start_s;
    int64_t from_s = start_s > before_end_s ? start_s : before_end_s;
    int64_t to_s = zone_end_s(z, i);
    struct zone_cache *c = z->cache;
    c->local_from_us = i == 0 ? INT64_MIN : (from_s + shift_s) * 1000000;
    c->local_to_us = to_s == SECOND_MAX ? INT64_MAX : (to_s + span->offset_s + shift_s) * 1000000;
    c->local_offset_us = span->offset_s * (int64_t)1000000;
    return local_us - c->local_offset_us;
}

int64_t zone_local_to_utc(const struct zone *z, int64_t local_us)
{
    const struct zone_cache *c = z->cache;
    if (local_us >= c->local_from_us && local_us < c->local_to_us) {
        return local_us - c->local_offset_us;
    }
    return zone_local_slow(z, local_us);
}
