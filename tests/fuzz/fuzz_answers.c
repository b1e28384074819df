/* What comes from outside into lib/net as data: answers of lists, tapes, values of parameters. The
 * first byte chooses how a list is read; what stands before the first NUL is also a text. */
#include "core/datetime.h"
#include "format/jsonx.h"
#include "net/connector_page.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* The elements are those that one gets one by one. */
static void check_elements(const struct page_facts *f)
{
    struct error err = ERROR_INIT;
    struct jpull_array array;
    struct span element = {0};
    bool end = false;

    must(jpull_array_begin(f->records, &array, &err) == 0);
    for (size_t i = 0; i < f->count; i++) {
        must(jpull_array_next(&array, &element, &end, &err) == 0 && !end);
        must(span_equal(element, f->elements[i]));
    }
    must(jpull_array_next(&array, &element, &end, &err) == 0 && end);
}

static void fuzz_page(unsigned how, const char *text, size_t n)
{
    struct paginate_spec paginate = {.type = how & 1 ? PAGINATE_CURSOR : PAGINATE_PAGE,
                                     .from = "/next",
                                     .more = how & 2 ? "/more" : NULL,
                                     .pages = how & 4 ? "/d/pages" : NULL};
    struct resource_spec resource = {.records = how & 8 ? "/d/items" : "",
                                     .expect_total = how & 16 ? "/d/total" : NULL,
                                     .single = (how & 32) != 0,
                                     .format = how & 64 ? RESOURCE_JSONL : RESOURCE_JSON,
                                     .paginate = &paginate};
    struct page_reader *r = page_reader_new(&resource);
    struct page_facts facts;
    struct jpull_value id;
    struct error err = ERROR_INIT;
    struct span body = {text, n};

    for (int i = 0; i < 2; i++) { /* a reader is used again */
        if (page_reader_read(r, body, &facts, &err) != 0)
            continue;
        must(resource.format == RESOURCE_JSONL || jpull_check(body, false, &err) == 0);
        if (resource.format == RESOURCE_JSON)
            check_elements(&facts);
        if (facts.count > 0)
            (void)page_reader_id(r, facts.elements[facts.count - 1], "/id", &id, &err);
    }
    page_reader_free(r);
}

/* Another document of the same shape, that can be read again. */
static void fuzz_disguise(const char *text, size_t n)
{
    static const char *const names[] = {"phone", "name"};
    const struct disguise d = {.salt = "salt", .names = names, .nnames = 2};
    AUTO_STRBUF struct strbuf once = {0}, twice = {0}, pairs = {0};
    struct jwriter w;
    struct error err = ERROR_INIT;

    strbuf_init(&once, 0);
    strbuf_init(&twice, 0);
    strbuf_init(&pairs, 0);
    disguise_pairs(&d, (struct span){text, n}, &pairs);
    jwriter_init(&w, &once);
    if (disguise_json(&d, (struct span){text, n}, &w, &err) != 0)
        return;
    must(jpull_check((struct span){once.data, once.len}, false, &err) == 0);
    jwriter_init(&w, &twice);
    must(disguise_json(&d, (struct span){text, n}, &w, &err) == 0);
    must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
}

static void fuzz_tape(const char *text, size_t n)
{
    const struct exchange e = {
        .connector = "a", .base_url = "http://h", .method = "GET", .url = "/l"};
    static const struct field_strings none = {0};
    struct http_response response = {0};
    struct tape *tape = NULL;
    struct error err = ERROR_INIT;
    char path[64];
    int fd = memfd_create("tape", 0);

    must(fd >= 0 && write(fd, text, n) == (ssize_t)n);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (tape_open(path, TAPE_REPLAY, &tape, &err) == 0) {
        while (tape_answer(tape, &e, &none, &response, &err) == 0)
            http_response_release(&response);
        must(tape_unused(tape) <= tape_count(tape));
    }
    tape_free(tape);
    close(fd);
}

static void fuzz_params(const char *text)
{
    struct arena *arena = arena_new();

    for (int type = PARAM_TEXT; type <= PARAM_TIME; type++) {
        struct param_spec spec = {.type = type, .timezone = "Asia/Shanghai"};
        struct param_value value = {0};
        struct error err = ERROR_INIT;
        if (param_convert(&spec, "p", NULL, text, arena, &value, &err) == 0)
            must(value.json && (jpull_check(span_of(value.json), false, &err) == 0 ||
                                strstr(err.message, "UTF-8")));
        spec = (struct param_spec){.type = PARAM_TIME, .format = text};
        (void)param_convert(&spec, "p", NULL, "2026-11-22T05:15:00Z", arena, &value, &err);
    }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    char *text = mem_strndup((const char *)bytes + 1, n - 1);

    fuzz_page(bytes[0], text, n - 1);
    fuzz_disguise(text, n - 1);
    fuzz_tape(text, n - 1);
    fuzz_params(text);
    free(text);
    return 0;
}
