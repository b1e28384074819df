#include "core/trace.h"

#include "core/log.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static char current[33], caller[17];

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    while (bits == 0) /* an id of zeros is none */
        if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
            bits = 1;
    return bits;
}

static bool is_hex(const char *text, size_t n)
{
    return strspn(text, "0123456789abcdef") >= n;
}

static bool is_zero(const char *text, size_t n)
{
    return strspn(text, "0") >= n;
}

/* A later version may have more fields behind the four. */
static bool is_version(const char *text, size_t length)
{
    return is_hex(text, 2) && strncmp(text, "ff", 2) != 0 &&
           (length == 55 || (strncmp(text, "00", 2) != 0 && text[55] == '-'));
}

bool trace_parse(const char *parent, char ret_id[TRACE_ID_MAX], bool *ret_sampled)
{
    size_t length = parent != NULL ? strlen(parent) : 0;
    if (length < 55 || !is_version(parent, length) || parent[2] != '-' || parent[35] != '-' ||
        parent[52] != '-' || !is_hex(parent + 3, 32) || is_zero(parent + 3, 32) ||
        !is_hex(parent + 36, 16) || is_zero(parent + 36, 16) || !is_hex(parent + 53, 2))
        return false;
    memcpy(ret_id, parent + 3, TRACE_ID_MAX - 1);
    ret_id[TRACE_ID_MAX - 1] = '\0';
    *ret_sampled = strchr("13579bdf", parent[54]) != NULL;
    return true;
}

void trace_begin(void)
{
    bool is_sampled;
    const char *parent = getenv("TRACEPARENT");
    if (trace_parse(parent, current, &is_sampled))
        snprintf(caller, sizeof caller, "%.16s", parent + 36);
    else
        snprintf(current, sizeof current, "%016llx%016llx", (unsigned long long)random_bits(),
                 (unsigned long long)random_bits());
    log_context("trace_id", current);
}

const char *trace_id(void)
{
    return current[0] != '\0' ? current : NULL;
}

void trace_caller(char ret[17])
{
    memcpy(ret, caller, sizeof caller);
}

void trace_parent(char ret[TRACE_PARENT_MAX])
{
    ret[0] = '\0';
    if (current[0] != '\0')
        snprintf(ret, TRACE_PARENT_MAX, "00-%s-%016llx-01", current,
                 (unsigned long long)random_bits());
}
