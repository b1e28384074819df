#include "core/trace.h"

#include "core/log.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static char current[33];

static uint64_t random_bits(void)
{
    uint64_t bits = 0;
    while (bits == 0) /* an id of zeros is none */
        if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
            bits = 1;
    return bits;
}

/* version-traceid-parentid-flags, lower-case hex; an id of zeros is invalid. */
static bool take_parent(const char *text)
{
    static const char zeros[] = "00000000000000000000000000000000";
    if (text == NULL || strlen(text) < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-' ||
        strspn(text + 3, "0123456789abcdef") != 32 || strncmp(text + 3, zeros, 32) == 0)
        return false;
    memcpy(current, text + 3, 32);
    return true;
}

void trace_begin(void)
{
    if (!take_parent(getenv("TRACEPARENT")))
        snprintf(current, sizeof current, "%016llx%016llx", (unsigned long long)random_bits(),
                 (unsigned long long)random_bits());
    log_context("trace_id", current);
}

const char *trace_id(void)
{
    return current[0] != '\0' ? current : NULL;
}

void trace_parent(char ret[TRACE_PARENT_MAX])
{
    ret[0] = '\0';
    if (current[0] != '\0')
        snprintf(ret, TRACE_PARENT_MAX, "00-%s-%016llx-01", current,
                 (unsigned long long)random_bits());
}
