/* lib/perf/config_fields.c - the grammar of perf.yaml. */
#include "net/loadgen.h"
#include "perf/config.h"

#define HOUR_MS ((int64_t)3600 * 1000)

#define PARAMETER(m) .offset = offsetof(struct perf_parameter, m)
static const struct field parameter_fields[] = {
    {"sql", FIELD_STRING, PARAMETER(sql),
     .help = "a SELECT of the database: its rows, at most 1000, are used one after the other"},
    {"csv", FIELD_STRING, PARAMETER(csv), .arg = "FILE",
     .help = "a UTF-8 file with a header line, in place of sql; beside this file"},
    {"values", FIELD_STRINGS, PARAMETER(values), .help = "the values themselves, in place of sql"},
    {0},
};
static const struct field_set parameter_set = {
    .name = "parameter",
    .help = "Values that requests are filled from: {NAME} in a path or body stands for the first "
            "column, {NAME.COLUMN} for a named one, all of the same row",
    .struct_size = sizeof(struct perf_parameter),
    .fields = parameter_fields,
};

#define BASIC(m) .offset = offsetof(struct perf_basic, m)
static const struct field basic_fields[] = {
    {"user", FIELD_STRING, BASIC(user), .flags = FIELD_REQUIRED, .help = "name of the user"},
    {"password", FIELD_STRING, BASIC(password), .flags = FIELD_REQUIRED | FIELD_SECRET,
     .help = "reference to the password: env:NAME, file:PATH or cmd:COMMAND"},
    {0},
};
static const struct field_set basic_set = {
    .name = "basic",
    .help = "HTTP basic authentication",
    .struct_size = sizeof(struct perf_basic),
    .fields = basic_fields,
};
#define AUTH(m) .offset = offsetof(struct perf_auth, m)
static const struct field auth_fields[] = {
    {"bearer", FIELD_STRING, AUTH(bearer), .flags = FIELD_SECRET,
     .help = "reference to a token: env:NAME, file:PATH or cmd:COMMAND"},
    {"basic", FIELD_OBJECT_PTR, AUTH(basic), .sub = &basic_set, .help = "user and password"},
    {"header", FIELD_STRING, AUTH(header), .help = "name of another header, X-Api-Key for example"},
    {"value", FIELD_STRING, AUTH(value), .flags = FIELD_SECRET,
     .help = "reference to that header's value"},
    {0},
};
static const struct field_set auth_set = {
    .name = "auth",
    .help = "How every request says who sends it; one of bearer, basic, header",
    .struct_size = sizeof(struct perf_auth),
    .fields = auth_fields,
};

#define LOAD(m) .offset = offsetof(struct perf_load_config, m)
static const struct field load_fields[] = {
    {"rate", FIELD_RATE, LOAD(rate),
     .help = "open model: requests that start each second, whether answers come or not"},
    {"connections", FIELD_INT, LOAD(connections), .def = "8", .min = 1,
     .max = LOADGEN_CONNECTIONS_MAX,
     .help = "closed model: so many at work all the time; with rate: at most"},
    {"rounds", FIELD_INT, LOAD(rounds), .def = "6", .min = 1, .max = 100,
     .help = "how often each endpoint is measured; the rounds are the samples of comparisons"},
    {"duration", FIELD_DURATION, LOAD(duration_ms), .def = "10s", .min = 100, .max = HOUR_MS,
     .help = "length of a round"},
    {"warmup", FIELD_DURATION, LOAD(warmup_ms), .def = "30s", .min = 0, .max = HOUR_MS,
     .help = "load before the first round until it is steady, for at most so long; not counted"},
    {"timeout", FIELD_DURATION, LOAD(timeout_ms), .def = "5s", .min = 1, .max = 600000,
     .help = "time limit of one request"},
    {"max_requests", FIELD_INT, LOAD(max_requests), .def = "10000000", .min = 1, .max = 1000000000,
     .help = "the most that all the loads may send to one address"},
    {"max_time", FIELD_DURATION, LOAD(max_time_ms), .def = "1h", .min = 1000, .max = 24 * HOUR_MS,
     .help = "the most that all the loads may take together; a plan that needs more is refused"},
    {0},
};
static const struct field_set load_set = {
    .name = "load",
    .help = "How the load is made",
    .struct_size = sizeof(struct perf_load_config),
    .fields = load_fields,
};

#define CAPACITY(m) .offset = offsetof(struct perf_capacity_config, m)
static const struct field capacity_fields[] = {
    {"connections_max", FIELD_INT, CAPACITY(connections_max), .def = "256", .min = 1,
     .max = LOADGEN_CONNECTIONS_MAX, .help = "the most connections tried, doubling from one"},
    {"step", FIELD_DURATION, CAPACITY(step_ms), .def = "3s", .min = 100, .max = 600000,
     .help = "length of a step"},
    {0},
};
static const struct field_set capacity_set = {
    .name = "capacity",
    .help = "A search for what the API bears: more connections until the P95 misses its target, "
            "more than 1 % fail, or more connections bring no more answers",
    .struct_size = sizeof(struct perf_capacity_config),
    .fields = capacity_fields,
};

#define ATTRIBUTE(m) .offset = offsetof(struct perf_attribute_config, m)
static const struct field attribute_fields[] = {
    {"requests", FIELD_INT, ATTRIBUTE(requests), .def = "40", .min = 1, .max = 100000,
     .help = "requests sent to each endpoint alone, one after the other"},
    {"page_sizes", FIELD_STRINGS, ATTRIBUTE(page_sizes), .def = "2,5,10",
     .help = "page sizes that show which statements run once for each row"},
    {"background", FIELD_DURATION, ATTRIBUTE(background_ms), .def = "2s", .min = 0, .max = 600000,
     .help = "how long the database is watched without a load, to subtract what others do"},
    {0},
};
static const struct field_set attribute_set = {
    .name = "attribute",
    .help = "How the statements of each endpoint are found",
    .struct_size = sizeof(struct perf_attribute_config),
    .fields = attribute_fields,
};

#define ENDPOINT(m) .offset = offsetof(struct perf_endpoint_config, m)
static const struct field endpoint_fields[] = {
    {"path", FIELD_STRING, ENDPOINT(path), .flags = FIELD_REQUIRED,
     .help = "path and query behind target; {NAME} is filled from parameters"},
    {"name", FIELD_STRING, ENDPOINT(name), .help = "what reports call it; else method and path"},
    {"method", FIELD_STRING, ENDPOINT(method), .def = "GET",
     .help = "HTTP method; other than GET and HEAD only if methods names it"},
    {"weight", FIELD_INT, ENDPOINT(weight), .def = "1", .min = 1, .max = 1000000,
     .help = "its share of the mixed load"},
    {"headers", FIELD_STRING_MAP, ENDPOINT(headers), .help = "headers besides those of all"},
    {"body", FIELD_STRING, ENDPOINT(body), .help = "what is sent; {NAME} is filled as JSON text"},
    {"body_file", FIELD_STRING, ENDPOINT(body_file), .arg = "FILE",
     .help = "a file with the body, in place of body; beside this file"},
    {"expect", FIELD_INT, ENDPOINT(expect), .min = 0, .max = 599, .def = "0",
     .help = "the status of a right answer; else any 2xx or 304"},
    {"size_parameter", FIELD_STRING, ENDPOINT(size_parameter),
     .help = "query parameter that sets the page size, to prove what grows with it"},
    {"page_parameter", FIELD_STRING, ENDPOINT(page_parameter),
     .help = "query parameter that has the page's number, from 1, to try a deep page"},
    {"offset_parameter", FIELD_STRING, ENDPOINT(offset_parameter),
     .help = "query parameter that has the rows to skip, in place of page_parameter"},
    {"deep_offset", FIELD_INT, ENDPOINT(deep_offset), .def = "1000", .min = 1, .max = 100000000,
     .help = "rows before the deep page"},
    {"targets", FIELD_NODE, ENDPOINT(targets_node),
     .help = "a list of what must hold for this endpoint, besides the targets of all"},
    {0},
};
static const struct field_set endpoint_set = {
    .name = "endpoint",
    .help = "One request of the API",
    .struct_size = sizeof(struct perf_endpoint_config),
    .fields = endpoint_fields,
    .scalar = "path",
};

#define CONFIG(m) .offset = offsetof(struct perf_config, m)
static const struct field config_fields[] = {
    {"version", FIELD_INT, CONFIG(version), .flags = FIELD_REQUIRED, .min = 1, .max = 1,
     .help = "version of this grammar"},
    {"title", FIELD_STRING, CONFIG(title), .help = "title of the report"},
    {"owner", FIELD_STRING, CONFIG(owner), .help = "who answers for it"},
    {"related", FIELD_STRING, CONFIG(related), .help = "related documents"},
    {"cost_per_month", FIELD_STRING, CONFIG(cost_text), .arg = "AMOUNT",
     .help = "what the API's servers cost, to tell gains in money"},
    {"currency", FIELD_STRING, CONFIG(currency), .help = "currency of cost_per_month"},
    {"requests_per_day", FIELD_INT, CONFIG(requests_per_day), .min = 0, .max = (int64_t)1e12,
     .def = "0", .help = "requests on a usual day, to tell gains a day"},
    {"target", FIELD_STRING, CONFIG(target), .arg = "URL", .help = "base address of the API"},
    {"before", FIELD_STRING, CONFIG(before), .arg = "URL",
     .help = "base address of the API as it was: both are loaded in turns and compared"},
    {"database", FIELD_STRING, CONFIG(database), .arg = "DSN", .flags = FIELD_SECRET,
     .help = "the API's database: a connection of diner.yaml, env:NAME, file:PATH, a DSN without "
             "password"},
    {"database_before", FIELD_STRING, CONFIG(database_before), .arg = "DSN", .flags = FIELD_SECRET,
     .help = "the database of before"},
    {"ca_file", FIELD_STRING, CONFIG(ca_file), .arg = "FILE",
     .help = "authority that https certificates are checked by"},
    {"allow_hosts", FIELD_STRINGS, CONFIG(allow_hosts),
     .help = "hosts besides this machine that may be loaded: ask who runs them first"},
    {"methods", FIELD_STRINGS, CONFIG(methods),
     .help = "methods besides GET and HEAD that may be sent: they change data"},
    {"headers", FIELD_STRING_MAP, CONFIG(headers), .help = "headers of every request"},
    {"auth", FIELD_OBJECT_PTR, CONFIG(auth), .sub = &auth_set, .help = "who sends the requests"},
    {"load", FIELD_OBJECT, CONFIG(load), .sub = &load_set, .help = "how the load is made"},
    {"capacity", FIELD_OBJECT_PTR, CONFIG(capacity), .sub = &capacity_set,
     .help = "also search how much the API bears"},
    {"attribute", FIELD_OBJECT, CONFIG(attribute), .sub = &attribute_set,
     .help = "how the statements of each endpoint are found"},
    {"parameters", FIELD_OBJECT_MAP, CONFIG(parameters), .sub = &parameter_set,
     .help = "values that requests are filled from"},
    {"endpoints", FIELD_OBJECTS, CONFIG(endpoints), .sub = &endpoint_set,
     .help = "what is asked; none: the database alone is looked at"},
    {"targets", FIELD_NODE, CONFIG(targets_node),
     .help = "a list of what must hold: p(95)<200, rate<0.01, db.calls_per_req<=3, "
             "delta(p95)<10% and so on"},
    {0},
};
const struct field_set perf_config_fields = {
    .name = "perf",
    .help = "What diner perf-report measures, and what must hold",
    .struct_size = sizeof(struct perf_config),
    .fields = config_fields,
};
