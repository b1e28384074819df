/* Records of a document that comes in chunks. */
#include "scratch.h"

#include "core/strbuf.h"
#include "format/jstream.h"

struct feed {
    const char *rest;
    size_t chunk;
    char copy[256];
};

static int fill(void *self, struct span *ret, bool *ret_end, struct error *err)
{
    struct feed *f = self;
    (void)err;
    size_t n = strlen(f->rest) < f->chunk ? strlen(f->rest) : f->chunk;
    memcpy(f->copy, f->rest, n);
    memset(f->copy + n, '#', sizeof f->copy - n);
    f->rest += n;
    *ret = (struct span){f->copy, n};
    *ret_end = n == 0;
    return 0;
}

/* Records joined by '|', or the error's text; the same for every size of chunk. */
static void gives(const char *document, const char *pointer, const char *expect)
{
    for (size_t chunk = 1; chunk < 100; chunk += chunk < 8 ? 1 : 30) {
        struct feed feed = {.rest = document, .chunk = chunk};
        struct jstream_options o = {"d", pointer, 40, fill, &feed};
        struct jstream *j = NULL;
        struct error err = ERROR_INIT;
        AUTO_STRBUF struct strbuf got = {0};
        strbuf_init(&got, 0);
        int code = jstream_new(&o, &j, &err);
        for (bool end = false; code == 0 && !end;) {
            struct span record = SPAN("");
            code = jstream_next(j, &record, &end, &err);
            if (code == 0 && !end)
                strbuf_addf(&got, "%s%.*s", got.len > 0 ? "|" : "", (int)record.len, record.ptr);
        }
        if (code != 0)
            strbuf_addf(&got, "%s%s", got.len > 0 ? "|" : "", err.message);
        assert_string_equal(got.data, expect);
        jstream_free(j);
    }
}

static void records_are_found_by_their_pointer(void **state)
{
    (void)state;
    gives("[]", "", "");
    gives(" [ 1 , \"a]\" , {\"x\":[2]} ] ", "", "1|\"a]\"|{\"x\":[2]}");
    gives("{\"a\":{\"b\":[1,2]},\"c\":[3]}", "/a/b", "1|2");
    gives("{\"x\":[[\"}\"]],\"a/b~\":[true]}", "/a~1b~0", "true");
    gives("[0,{\"r\":[null]},[]]", "/1/r", "null");
    gives("{\"\\u0061\":[1]}", "/a", "1");
}

static void what_is_not_there_is_told(void **state)
{
    (void)state;
    gives("{\"a\":1}", "/b", "d: nothing at '/b'");
    gives("{\"a\":1}", "/a/b", "d: nothing at '/a/b'");
    gives("[1]", "/3", "d: nothing at '/3'");
    gives("[1]", "/x", "d: nothing at '/x'");
    gives("{\"a\":{}}", "/a", "d: byte 6: expected the array of records, found '{'");
    gives("{\"a\":null}", "/a", "d: byte 6: expected the array of records, found 'n'");
    gives("{\"a\":[1],\"a\":[2]}", "/a", "1|d: the member 'a' stands twice");
}

static void a_document_that_is_cut_or_goes_on_is_an_error(void **state)
{
    (void)state;
    gives("", "", "d: the document is cut off at byte 0: expected the array of records");
    gives("[1", "", "1|d: the document is cut off at byte 2: expected ',' or ']'");
    gives("[1,", "", "1|d: the document is cut off at byte 3: expected a value");
    gives("[1,]", "", "1|d: byte 4: expected a record, found ']'");
    gives("[\"a", "", "d: the document is cut off at byte 3: expected the end of a string");
    gives("{\"a\":[1]", "/a", "1|d: the document is cut off at byte 8: expected ',' or '}'");
    gives("[1] x", "", "1|d: byte 5: expected the end of the document, found 'x'");
    gives("[1 2]", "", "1|d: byte 4: expected ',' or ']', found '2'");
    gives("[{]", "", "d: byte 3: expected a value, found ']'");
}

static void a_record_is_bounded(void **state)
{
    (void)state;
    gives("[1,\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]", "",
          "1|d: a record is longer than 40 bytes");
    struct error err = ERROR_INIT;
    struct jstream *j = NULL;
    struct feed feed = {.rest = "[]", .chunk = 1};
    assert_int_equal(jstream_new(&(struct jstream_options){"d", "x", 40, fill, &feed}, &j, &err),
                     ERR_SPEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_found_by_their_pointer),
        cmocka_unit_test(what_is_not_there_is_told),
        cmocka_unit_test(a_document_that_is_cut_or_goes_on_is_an_error),
        cmocka_unit_test(a_record_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
