/* The grammar of a connector file: parsing, lint, JSON schema and reference come from here. */
#include "net/connector_spec.h"

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)

#define WHEN(m) .offset = offsetof(struct rule_when, m)
static const char *const exists_words[] = {"any", "true", "false", NULL};
static const struct field when_fields[] = {
    {"status", FIELD_STRINGS, WHEN(status), .help = "HTTP status, 404 or 5xx; any of a list"},
    {"pointer", FIELD_STRING, WHEN(pointer), .help = "JSON pointer into the answer's body"},
    {"equals", FIELD_STRINGS, WHEN(equals), .help = "the value there is this; any of a list"},
    {"not_equals", FIELD_STRINGS, WHEN(not_equals),
     .help = "the value there is missing or none of these"},
    {"exists", FIELD_CHOICE, WHEN(exists), .choices = exists_words, .def = "any",
     .help = "whether there is a value other than null"},
    {0},
};
const struct field_set connector_when_set = {
    .name = "when",
    .help = "What an answer must be like; all that is given must hold",
    .struct_size = sizeof(struct rule_when),
    .fields = when_fields,
};

#define RULE(m) .offset = offsetof(struct rule_spec, m)
static const char *const actions[] = {"fail",         "retry",  "rate_limited",
                                      "refresh_auth", "ignore", NULL};
static const struct field rule_fields[] = {
    {"when", FIELD_OBJECT, RULE(when), .sub = &connector_when_set,
     .help = "what the answer is like", .flags = FIELD_REQUIRED},
    {"do", FIELD_CHOICE, RULE(action), .choices = actions, .flags = FIELD_REQUIRED,
     .help = "what to make of it"},
    {"message_from", FIELD_STRINGS, RULE(message_from),
     .help = "JSON pointers to the reason, joined for the message"},
    {0},
};
static const struct field_set rule_set = {
    .name = "rule",
    .help = "The first rule that matches an answer decides what it means; without one its status "
            "does",
    .struct_size = sizeof(struct rule_spec),
    .fields = rule_fields,
};

#define PAGE(m) .offset = offsetof(struct paginate_spec, m)
static const char *const paginate_types[] = {"none",    "page",        "offset",   "cursor",
                                             "last_id", "link_header", "next_url", NULL};
static const char *const paginate_ends[] = {"empty", "short", NULL};
static const struct field paginate_fields[] = {
    {"type", FIELD_CHOICE, PAGE(type), .choices = paginate_types, .flags = FIELD_REQUIRED,
     .help = "how the next page is asked for"},
    {"param", FIELD_STRING, PAGE(param),
     .help = "query parameter of the page number, offset, cursor or last id; elsewhere it is "
             "${page.number}, ${page.offset}, ${page.cursor}, ${page.last_id}"},
    {"size_param", FIELD_STRING, PAGE(size_param), .help = "query parameter of the page size"},
    {"size", FIELD_INT, PAGE(size), .min = 0, .max = 100000, .help = "records asked for per page"},
    {"first", FIELD_NODE, PAGE(first),
     .help = "cursor or last id of the first page; an unquoted number is sent as a number"},
    {"from", FIELD_STRING, PAGE(from),
     .help = "JSON pointer to the next cursor or URL in the answer, or to the id in a record"},
    {"header", FIELD_STRING, PAGE(header),
     .help = "cursor: name of the header of the answer with the next one, in place of from"},
    {"pages", FIELD_STRING, PAGE(pages), .help = "JSON pointer to how many pages there are"},
    {"more", FIELD_STRING, PAGE(more),
     .help = "JSON pointer to whether there is another page (true or false, 1 or 0, Y or N)"},
    {"end", FIELD_CHOICE, PAGE(end), .choices = paginate_ends, .def = "empty",
     .help = "the last page: an empty one, or one with fewer records than size"},
    {"start", FIELD_INT, PAGE(start), .def = "-1", .min = -1, .max = 1000000000,
     .help = "first page number (-1: 1) or offset (-1: 0)"},
    {"max_pages", FIELD_INT, PAGE(max_pages), .def = "10000", .min = 1, .max = 100000000,
     .help = "more pages than this are an error"},
    {"cap", FIELD_INT, PAGE(cap_rows), .min = 0, .max = INT64_C(1000000000000),
     .help = "the system gives no more than so many records of one question: reaching it is an "
             "error, for the rest would be missing"},
    {0},
};
static const struct field_set paginate_set = {
    .name = "paginate",
    .help = "How a list is read to its end; a cursor, URL or page that comes twice is an error",
    .struct_size = sizeof(struct paginate_spec),
    .fields = paginate_fields,
    .scalar = "type",
};

#define WRITE(m) .offset = offsetof(struct write_spec, m)
static const struct field write_fields[] = {
    {"batch", FIELD_INT, WRITE(batch), .def = "1", .min = 1, .max = 10000,
     .help = "records in one request"},
    {"records", FIELD_STRING, WRITE(records),
     .help =
         "JSON pointer of the list of records in the body; without it the record is the body, or "
         "stands in the resource's body as ${records}, ${record} or ${record.NAME}"},
    {"results", FIELD_STRING, WRITE(results),
     .help = "JSON pointer of the list of results in the answer, one for each record"},
    {"result_ok", FIELD_STRING, WRITE(result_ok),
     .help = "key of a result that is true or 'ok' when its record was accepted"},
    {"result_error", FIELD_STRING, WRITE(result_error), .help = "key of a result with the reason"},
    {"resend", FIELD_BOOL, WRITE(resend), .def = "true",
     .help = "false: the system knows no idempotency keys, so a request whose answer was lost is "
             "not sent again: the next run reads first and decides"},
    {0},
};
static const struct field_set write_set = {
    .name = "write",
    .help = "How records are written through this resource",
    .struct_size = sizeof(struct write_spec),
    .fields = write_fields,
};

#define PARAM(m) .offset = offsetof(struct param_spec, m)
static const char *const param_types[] = {"text", "number",  "boolean", "json",
                                          "list", "numbers", "time",    NULL};
static const struct field param_fields[] = {
    {"type", FIELD_CHOICE, PARAM(type), .choices = param_types, .def = "text",
     .help = "what it is in JSON; list and numbers are given with commas, time as ISO 8601"},
    {"default", FIELD_NODE, PARAM(def),
     .help = "its value when none is given; null is JSON's null"},
    {"required", FIELD_BOOL, PARAM(required), .def = "false",
     .help = "it is an error to give none"},
    {"format", FIELD_STRING, PARAM(format),
     .help = "time: iso, epoch_s, epoch_ms, or letters %Y %m %d %H %M %S %L %f %z %:z (iso)"},
    {"timezone", FIELD_STRING, PARAM(timezone), .help = "time: the zone it is written in (UTC)"},
    {"words", FIELD_STRING_MAP, PARAM(words),
     .help = "its values, and what they are called there; any other is an error"},
    {"help", FIELD_STRING, PARAM(help), .help = "what it is for"},
    {0},
};
static const struct field_set param_set = {
    .name = "parameter",
    .help =
        "A value that pipelines give. Alone in a JSON body, as \"${limit}\", it is what its type "
        "says; a time also has parts, ${since.year} to ${since.microsecond}",
    .struct_size = sizeof(struct param_spec),
    .fields = param_fields,
    .scalar = "type",
};

#define CASE(m) .offset = offsetof(struct map_case, m)
static const struct field case_fields[] = {
    {"when", FIELD_OBJECT, CASE(when), .sub = &connector_when_set, .flags = FIELD_REQUIRED,
     .help = "what the record is like"},
    {"is", FIELD_STRING, CASE(is), .flags = FIELD_REQUIRED, .help = "what the member is then"},
    {0},
};
static const struct field_set case_set = {
    .name = "case",
    .help = "What a member of a mapped record is where a condition on the record holds",
    .struct_size = sizeof(struct map_case),
    .fields = case_fields,
};

#define MAP(m) .offset = offsetof(struct map_spec, m)
static const char *const map_types[] = {"text",          "minor_units", "time",
                                        "business_date", "index",       NULL};
/* The same for members of records and for those of the records in a list of theirs. */
#define MAP_MEMBER_FIELDS                                                                          \
    {"from", FIELD_STRING, MAP(from), .help = "JSON pointer into the record"},                     \
        {"value", FIELD_STRING, MAP(value), .help = "it is always this"},                          \
        {"cases", FIELD_OBJECTS, MAP(cases), .sub = &case_set,                                     \
         .help = "it is what the first case says that holds"},                                     \
        {"words", FIELD_STRING_MAP, MAP(words),                                                    \
         .help = "the system's words, and what they are called here; others stay as they are"},    \
        {"otherwise", FIELD_STRING, MAP(otherwise),                                                \
         .help = "what it is where there is nothing, no case holds, or the word is unknown"},      \
        {"type",                                                                                   \
         FIELD_CHOICE,                                                                             \
         MAP(type),                                                                                \
         .choices = map_types,                                                                     \
         .def = "text",                                                                            \
         .help = "how it is written there: minor_units are an amount of money as an integer, "     \
                 "business_date is the business day of a time, index the place in the list"},      \
        {"currency", FIELD_STRING, MAP(currency),                                                  \
         .help = "minor_units: JSON pointer to the currency, which must be that of the settings"}, \
    {                                                                                              \
        "format", FIELD_STRING, MAP(format),                                                       \
            .help = "of a time: iso (default), epoch_s, epoch_ms, or letters with %z"              \
    }
static const struct field map_item_fields[] = {MAP_MEMBER_FIELDS, {0}};
static const struct field_set map_item_set = {
    .name = "list_member",
    .help = "A member of a record in a list of a mapped record",
    .struct_size = sizeof(struct map_spec),
    .fields = map_item_fields,
    .scalar = "from",
};
static const struct field map_fields[] = {MAP_MEMBER_FIELDS,
                                          {"each", FIELD_OBJECT_MAP, MAP(each),
                                           .sub = &map_item_set,
                                           .help = "from is a list of records: their members"},
                                          {0}};
static const struct field_set map_set = {
    .name = "member",
    .help = "A member of the record that the commands print, and what it is made of",
    .struct_size = sizeof(struct map_spec),
    .fields = map_fields,
    .scalar = "from",
};

#define JOB(m) .offset = offsetof(struct job_spec, m)
static const struct field job_fields[] = {
    {"take", FIELD_STRING_MAP, JOB(take),
     .help = "names for what the answers say: NAME: JSON pointer; ${NAME} in poll and download"},
    {"poll", FIELD_STRING, JOB(poll),
     .help = "the resource that says how far it is; without it the first answer says where it is"},
    {"until", FIELD_OBJECT, JOB(until), .sub = &connector_when_set,
     .help = "the answer to poll once it is ready"},
    {"failed", FIELD_OBJECT, JOB(failed), .sub = &connector_when_set,
     .help = "the answer to poll when it never will be"},
    {"message_from", FIELD_STRINGS, JOB(message_from),
     .help = "JSON pointers to the reason, when it failed"},
    {"interval", FIELD_DURATION, JOB(interval_ms), .def = "5s", .min = 10, .max = HOUR_MS,
     .help = "between two polls; Retry-After may make it longer"},
    {"timeout", FIELD_DURATION, JOB(timeout_ms), .def = "30m", .min = 1000, .max = 24 * HOUR_MS,
     .help = "longest wait for it"},
    {"download", FIELD_STRING, JOB(download), .flags = FIELD_REQUIRED,
     .help = "the resource that gives it, or the JSON pointer to its URL in the last answer"},
    {"hosts", FIELD_STRINGS, JOB(hosts),
     .help = "hosts beside the system's own that the URL may lead to, files.example.com or "
             "*.example.com; they get no credentials"},
    {0},
};
static const struct field_set job_set = {
    .name = "job",
    .help = "An export that takes its time: the resource's own request orders it, poll asks until "
            "it is ready, download reads it",
    .struct_size = sizeof(struct job_spec),
    .fields = job_fields,
};

#define CACHE(m) .offset = offsetof(struct cache_spec, m)
static const char *const cache_ons[] = {"unavailable", NULL};
static const char *const cache_words[] = {"refuse", "allow", NULL};
static const struct field cache_fields[] = {
    {"for", FIELD_DURATION, CACHE(for_ms), .flags = FIELD_REQUIRED, .min = 1000,
     .max = 30 * 24 * HOUR_MS, .help = "answers older than this are not used"},
    {"on", FIELD_CHOICE, CACHE(on), .choices = cache_ons, .def = "unavailable",
     .help =
         "when they are used: the system cannot be reached, or is overloaded, after all retries"},
    {"deletes", FIELD_CHOICE, CACHE(deletes), .choices = cache_words, .def = "refuse",
     .help = "whether a stream that removes rows may be fed from them"},
    {"max", FIELD_SIZE, CACHE(max_bytes), .def = "16MiB", .min = 1024, .max = (int64_t)256 << 20,
     .help = "a list with larger answers is not kept"},
    {0},
};
static const struct field_set cache_set = {
    .name = "cache",
    .help = "The last good answers, used where the system has none and marked as degraded; never "
            "for incremental streams. Kept below state_dir, readable by their owner only",
    .struct_size = sizeof(struct cache_spec),
    .fields = cache_fields,
};

#define HASH(m) .offset = offsetof(struct file_hash_spec, m)
static const char *const hash_algorithms[] = {"md5", "sha1", "sha256", NULL};
static const char *const hash_ofs[] = {"file", "content", NULL};
static const struct field hash_fields[] = {
    {"from", FIELD_STRING, HASH(from), .flags = FIELD_REQUIRED,
     .help = "where it stands, hex or base64: JSON pointer into the last answer of the job, or "
             "header:NAME of the file's own answer"},
    {"algorithm", FIELD_CHOICE, HASH(algorithm), .choices = hash_algorithms, .def = "sha256",
     .help = "how it is made"},
    {"of", FIELD_CHOICE, HASH(of), .choices = hash_ofs, .def = "file",
     .help = "of the file as it comes, or of its content: what a gzip or zstd unpacks to"},
    {0},
};
static const struct field_set hash_set = {
    .name = "hash",
    .help = "What the system says the file's hash is: nothing is read of one that has another",
    .struct_size = sizeof(struct file_hash_spec),
    .fields = hash_fields,
};

#define FILE_(m) .offset = offsetof(struct file_spec, m)
static const struct field file_fields[] = {
    {"max", FIELD_SIZE, FILE_(max_bytes), .def = "1GiB", .min = 1024, .max = (int64_t)1 << 40,
     .help = "a larger one is an error; it waits in TMPDIR to be read"},
    {"timeout", FIELD_DURATION, FILE_(timeout_ms), .def = "30m", .min = 1000, .max = 24 * HOUR_MS,
     .help = "longest time for its transfer"},
    {"hash", FIELD_OBJECT_PTR, FILE_(hash), .sub = &hash_set,
     .help = "what the system says its hash is"},
    {0},
};
static const struct field_set file_set = {
    .name = "file",
    .help = "An answer that is a file, CSV or packed for example",
    .struct_size = sizeof(struct file_spec),
    .fields = file_fields,
};

static const char *const no_records_words[] = {"error", "empty", NULL};
static const char *const resource_formats[] = {"json", "jsonl", "file", NULL};
#define RESOURCE(m) .offset = offsetof(struct resource_spec, m)
const char *const connector_methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};
static const struct field resource_fields[] = {
    {"method", FIELD_CHOICE, RESOURCE(method), .choices = connector_methods, .def = "GET",
     .help = "HTTP method"},
    {"path", FIELD_STRING, RESOURCE(path), .flags = FIELD_REQUIRED | FIELD_LATE,
     .help = "path behind base_url; ${name} is a parameter, percent-encoded"},
    {"params", FIELD_OBJECT_MAP, RESOURCE(params), .sub = &param_set,
     .help = "its parameters with types and defaults; those not named here are texts"},
    {"query", FIELD_NODE, RESOURCE(query), .flags = FIELD_LATE,
     .help = "query parameters; one whose ${name} has no value is left out, lists and maps are "
             "sent as JSON"},
    {"headers", FIELD_STRING_MAP, RESOURCE(headers), .flags = FIELD_LATE,
     .help = "headers of this resource"},
    {"body", FIELD_NODE, RESOURCE(body), .flags = FIELD_LATE,
     .help = "JSON body, written as YAML; quoted text and ${name} are strings, unless the type of "
             "the parameter says otherwise"},
    {"form", FIELD_NODE, RESOURCE(form), .flags = FIELD_LATE, .help = "body of a form, as query"},
    {"json_text", FIELD_STRINGS, RESOURCE(json_text),
     .help = "JSON pointers into body: what stands there is sent as a string holding its JSON"},
    {"repeatable", FIELD_BOOL, RESOURCE(repeatable), .def = "false",
     .help = "a POST that may be sent twice without harm, such as a search"},
    {"format", FIELD_CHOICE, RESOURCE(format), .choices = resource_formats, .def = "json",
     .help = "what the answer is: a document, a record a line, or a file that a pipeline says how "
             "to read"},
    {"file", FIELD_OBJECT, RESOURCE(file), .sub = &file_set, .help = "bounds and proof of a file"},
    {"job", FIELD_OBJECT_PTR, RESOURCE(job), .sub = &job_set,
     .help = "the answer is not the records but the order of an export"},
    {"cache", FIELD_OBJECT_PTR, RESOURCE(cache), .sub = &cache_set,
     .help = "a fallback for when the system cannot be reached"},
    {"records", FIELD_STRING, RESOURCE(records), .def = "",
     .help = "JSON pointer to the list of records in the answer"},
    {"no_records", FIELD_CHOICE, RESOURCE(no_records), .choices = no_records_words, .def = "error",
     .help = "what an answer is that has nothing at records: an error, or an empty list"},
    {"fields", FIELD_STRINGS, RESOURCE(fields),
     .help = "names of the values of records that are arrays, in order; in a request "
             "${fields} is their list, ${fields.text} has commas between them, ${fields.json} is "
             "JSON in a text; the pipeline's "
             "parameter `fields` takes its place"},
    {"single", FIELD_BOOL, RESOURCE(single), .def = "false",
     .help = "the object at records is the one record"},
    {"map_as", FIELD_STRING, RESOURCE(map_as),
     .help = "another resource whose map holds here, too; map adds members"},
    {"map", FIELD_OBJECT_MAP, RESOURCE(map), .sub = &map_set,
     .help = "what the commands make of a record: MEMBER: JSON pointer, or more; without it the "
             "record has the members already"},
    {"paginate", FIELD_OBJECT_PTR, RESOURCE(paginate), .sub = &paginate_set,
     .help = "how the pages of the list follow each other"},
    {"expect_total", FIELD_STRING, RESOURCE(expect_total),
     .help = "JSON pointer to how many records the source says there are"},
    {"write", FIELD_OBJECT_PTR, RESOURCE(write), .sub = &write_set,
     .help = "how records are written"},
    {"sign", FIELD_OBJECT_PTR, RESOURCE(sign), .sub = &sign_set,
     .help = "how its requests are signed, in place of the connector's; none: not at all"},
    {"verify", FIELD_OBJECT_PTR, RESOURCE(verify), .sub = &verify_set,
     .help = "how its answers are signed, in place of the connector's; none: not at all"},
    {0},
};
static const struct field_set resource_set = {
    .name = "resource",
    .help = "One thing of the outside system that can be read or written",
    .struct_size = sizeof(struct resource_spec),
    .fields = resource_fields,
};

#define RETRY(m) .offset = offsetof(struct retry_spec, m)
static const struct field retry_fields[] = {
    {"max", FIELD_INT, RETRY(max), .def = "-1", .min = -1, .max = 100,
     .help = "repeats of a request that may succeed later; -1: setting retry.max"},
    {"base", FIELD_DURATION, RETRY(base_ms), .min = 1, .max = HOUR_MS,
     .help = "first wait, doubled each time (setting retry.base)"},
    {"cap", FIELD_DURATION, RETRY(cap_ms), .min = 1, .max = HOUR_MS,
     .help = "longest single wait (setting retry.cap)"},
    {"budget", FIELD_DURATION, RETRY(budget_ms), .min = 1, .max = 24 * HOUR_MS,
     .help = "all attempts of one request together (setting retry.budget)"},
    {0},
};
static const struct field_set retry_set = {
    .name = "retry",
    .help = "What is tried again: failures of the transport, 408, 429, 5xx; never a write that has "
            "no idempotency key",
    .struct_size = sizeof(struct retry_spec),
    .fields = retry_fields,
};

#define BREAKER(m)                                                                                 \
    .offset = offsetof(struct connector_spec, breaker.m) - offsetof(struct connector_spec, breaker)
static const struct field breaker_fields[] = {
    {"failures", FIELD_INT, BREAKER(failures), .min = 1, .max = 1000,
     .help = "failures in a row after which the host is left alone (setting breaker.failures)"},
    {"open_for", FIELD_DURATION, BREAKER(open_ms), .min = 1, .max = 24 * HOUR_MS,
     .help = "for how long, before one request tries (setting breaker.open)"},
    {0},
};
static const struct field_set breaker_set = {
    .name = "breaker",
    .help = "When a failing host is left alone",
    .struct_size = sizeof(((struct connector_spec *)NULL)->breaker),
    .fields = breaker_fields,
};

#define DISCOVER(m) .offset = offsetof(struct discover_spec, m)
static const struct field discover_fields[] = {
    {"consul", FIELD_STRING, DISCOVER(consul), .flags = FIELD_REQUIRED,
     .help = "where Consul's HTTP API answers, http://127.0.0.1:8500; empty: it is not asked"},
    {"service", FIELD_STRING, DISCOVER(service), .flags = FIELD_REQUIRED,
     .help = "name of the service"},
    {"tag", FIELD_STRING, DISCOVER(tag), .help = "only instances with this tag"},
    {"token", FIELD_STRING, DISCOVER(token), .flags = FIELD_SECRET,
     .help = "Consul's token, or where it is kept: env:NAME, file:PATH, cmd:COMMAND"},
    {"max_age", FIELD_DURATION, DISCOVER(max_age_ms), .def = "30s", .min = 0, .max = HOUR_MS,
     .help = "its answer serves for so long, and longer while it has none"},
    {0},
};
static const struct field_set discover_set = {
    .name = "discover",
    .help = "The instances of a service that pass their checks, by Consul: their host and port in "
            "place of those of base_url, which is tried last",
    .struct_size = sizeof(struct discover_spec),
    .fields = discover_fields,
};

#define TOP(m) .offset = offsetof(struct connector_spec, m)
static const struct field fields[] = {
    {"version", FIELD_INT, TOP(version), .flags = FIELD_REQUIRED, .min = 1, .max = 1000,
     .help = "version of this grammar: 1"},
    {"name", FIELD_STRING, TOP(name), .help = "the connector's name, which is that of its file"},
    {"description", FIELD_STRING, TOP(description), .help = "what is reached by it"},
    {"base_url", FIELD_STRING, TOP(base_url), .flags = FIELD_REQUIRED,
     .help = "http or https URL that all paths stand behind"},
    {"addresses", FIELD_STRINGS, TOP(addresses),
     .help = "further URLs of the same system, tried in turn when one cannot be reached"},
    {"discover", FIELD_OBJECT_PTR, TOP(discover), .sub = &discover_set,
     .help = "where its addresses are asked for"},
    {"values", FIELD_STRING_MAP, TOP(values),
     .help = "named values for texts: of auth and sign, and of resources that are not given a "
             "parameter of "
             "the name"},
    {"secrets", FIELD_STRING_MAP, TOP(secrets), .flags = FIELD_SECRET,
     .help = "named secrets for the texts of auth and sign, or where they are kept: env:NAME, "
             "file:PATH, "
             "cmd:COMMAND"},
    {"auth", FIELD_OBJECT, TOP(auth), .sub = &connector_auth_set, .help = "who sends the requests"},
    {"sign", FIELD_OBJECT_PTR, TOP(sign), .sub = &sign_set, .help = "how requests are signed"},
    {"verify", FIELD_OBJECT_PTR, TOP(verify), .sub = &verify_set,
     .help = "how answers are signed: none is believed that is not"},
    {"rate", FIELD_RATE, TOP(rate), .help = "most requests per time, 20/s or 100/m"},
    {"concurrency", FIELD_STRING, TOP(concurrency_text), .def = "8",
     .help = "requests under way at once, 1 to 64; adaptive: as many as the system bears, by its "
             "times and its 429 and 503"},
    {"timeout", FIELD_DURATION, TOP(timeout_ms), .min = 1, .max = HOUR_MS,
     .help = "longest attempt (setting http.timeout)"},
    {"idle_timeout", FIELD_DURATION, TOP(idle_timeout_ms), .min = 1, .max = HOUR_MS,
     .help = "longest silence within it (as timeout)"},
    {"body_max", FIELD_SIZE, TOP(body_max_bytes), .min = 1024, .max = (int64_t)1 << 30,
     .help = "largest answer accepted (setting http.body_max)"},
    {"retry", FIELD_OBJECT, TOP(retry), .sub = &retry_set, .help = "what is tried again"},
    {"breaker", FIELD_OBJECT, TOP(breaker), .sub = &breaker_set,
     .help = "when a failing host is left alone"},
    {"ca_file", FIELD_STRING, TOP(ca_file), .complete = "file",
     .help = "certificates trusted besides none, for a private authority"},
    {"headers", FIELD_STRING_MAP, TOP(headers), .help = "headers of every request"},
    {"personal", FIELD_STRINGS, TOP(personal),
     .help = "JSON members and parameters that are personal data: never kept as they are in "
             "recorded answers"},
    {"rules", FIELD_OBJECTS, TOP(rules), .sub = &rule_set,
     .help = "what answers mean, the first match decides"},
    {"resources", FIELD_OBJECT_MAP, TOP(resources), .sub = &resource_set,
     .help = "what can be read and written", .flags = FIELD_REQUIRED},
    {0},
};
const struct field_set connector_fields = {
    .name = "connector",
    .help = "How one outside system is reached",
    .struct_size = sizeof(struct connector_spec),
    .fields = fields,
};
