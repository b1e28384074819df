/* lib/perf/report_text.c - see report_text.h. */
#include "perf/report_text.h"

#include <ctype.h>
#include <string.h>

#define ARGUMENTS_MAX 6

static const struct {
    const char *english, *chinese;
} TEXTS[TEXT_COUNT] = {[TEXT_NONE] = {"", ""},
#define X(name, en, zh) [TEXT_##name] = {en, zh},
                       REPORT_TEXTS(X)
#undef X
};

const char *text_of(const struct perf_document *d, enum report_text text)
{
    return text_pick(d, TEXTS[text].english, TEXTS[text].chinese);
}

const char *text_pick(const struct perf_document *d, const char *english, const char *chinese)
{
    return d->language == PERF_CHINESE && chinese != NULL ? chinese : english;
}

static bool is_argument(const char *p)
{
    return p[0] == '{' && isdigit((unsigned char)p[1]) && p[2] == '}' && p[1] - '0' < ARGUMENTS_MAX;
}

static void add_filled(const char *text, const char *const *arguments, struct strbuf *out)
{
    size_t n = 0;
    while (n < ARGUMENTS_MAX && arguments[n] != NULL)
        n++;
    while (*text != '\0') {
        if (is_argument(text)) {
            size_t i = (size_t)(text[1] - '0');
            strbuf_adds(out, i < n ? arguments[i] : "");
            text += 3;
        } else {
            strbuf_addch(out, *text++);
        }
    }
}

static const char *filled(const char *text, const char *const *arguments, struct arena *arena)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    add_filled(text, arguments, &out);
    return arena_strdup(arena, out.data);
}

void text_add_filled(const struct perf_document *d, struct strbuf *out, enum report_text text,
                     const char *const *arguments)
{
    add_filled(text_of(d, text), arguments, out);
}

const char *text_filled(const struct perf_document *d, struct arena *arena, enum report_text text,
                        const char *const *arguments)
{
    return filled(text_of(d, text), arguments, arena);
}

/* What the measuring parts and the gate say in English; {0} to {2} stand for what they put in,
 * which is a reason itself where there is one for it. */
static const char *const REASONS[][2] = {
    {"no database was given", "未指定数据库"},
    {"pg_stat_statements cannot be read", "无法读取 pg_stat_statements"},
    {"no baseline was given", "未提供基线"},
    {"it was not driven", "未对其施压"},
    {"no endpoint was driven", "未对任何接口施压"},
    {"no figure", "无数据"},
    {"not measured", "未测量"},
    {"this figure is not compared", "该指标不参与比较"},
    {"the server does not count it", "数据库未统计该项"},
    {"it is measured of endpoints driven alone", "仅在单独压测接口时测量"},
    {"there is no histogram to read it from", "没有可读取的直方图"},
    {"not all endpoints have a histogram", "部分接口没有直方图"},
    {"the endpoints were driven one at a time, and capacity was not searched",
     "各接口逐一压测，且未进行容量测试"},
    {"a test needs at least 4 rounds a side", "检验要求每侧至少 4 轮"},
    {"capacity was searched on one side only", "仅一侧进行了容量测试"},
    {"capacity is searched once, not in rounds", "容量测试只进行一次，没有多轮样本"},
    {"there are no rounds to test", "没有可供检验的轮次"},
    {"the load generator could not keep up: times say nothing", "压测端未能跟上设定负载，时间无效"},
    {"not the same endpoints were driven before", "与基线压测的接口不一致"},
    {"the limit lies within the 95 % interval", "限值落在 95% 区间之内"},
    {"the load offered less than the limit", "施加的负载低于限值"},
    {"it was 0 before: there is no relative change", "优化前为 0，无相对变化"},
    {"the test does not establish the change", "检验未能确认该变化"},
    {"no request was finished", "没有完成的请求"},
    {"every answer was 429", "所有响应均为 429"},
    {"which lock or thread it is, only a profile of the application tells",
     "具体是哪把锁或哪个线程，需对应用做性能剖析才能确定"},
    {"how often the tables change in production was not measured",
     "未测量生产环境中相关表的变更频率"},
    {"an estimate from average widths; pgstattuple measures it",
     "按平均宽度估算，可用 pgstattuple 实测"},
    {"an estimate from average widths; pgstattuple's pgstatindex() measures it",
     "按平均宽度估算，可用 pgstattuple 的 pgstatindex() 实测"},
    {"without pg_stat_statements the statements are not known",
     "没有 pg_stat_statements，语句未知"},
    {"the endpoint was not measured at several page sizes", "未在多个页大小下测量该接口"},
    {"the calls do not grow in step with the page size", "调用次数未随页大小同步增长"},
    {"the requests were of one size", "所有请求的大小相同"},
    {"whether the rows grow with the table takes a second data set",
     "行数是否随表增长，需要第二份数据集才能验证"},
    {"no deep page was asked for", "未请求深分页"},
    {"no request succeeded", "没有成功的请求"},
    {"no request was answered", "没有得到响应的请求"},
    {"no statement was finished", "没有执行完成的语句"},
    {"there was no round", "没有轮次"},
    {"no baseline", "无基线"},
    {"see the comparison", "见对比结果"},
    {"the file does not have it", "文件中没有该项"},
    {"run wrk with --latency", "请以 --latency 运行 wrk"},
    {"the k6 summary has no http_req_failed", "k6 摘要中没有 http_req_failed"},
    {"the counters were evicted or reset meanwhile", "期间计数器被淘汰或重置"},
    {"it is told of the whole database", "该项只针对整个数据库统计"},
    {"{0} does not report it", "{0} 未报告该项"},
    {"{0} requests, a P{1} needs {2}", "只有 {0} 个请求，P{1} 至少需要 {2} 个"},
    {"not measured before: {0}", "优化前未测量：{0}"},
    {"not measured after: {0}", "优化后未测量：{0}"},
    {"wrk prints P{0} and P{1}", "wrk 只输出 P{0} 和 P{1}"},
    {"the load generator used {0} % of a core, more than {1} %: it, not the API, may have set the "
     "pace",
     "压测端占用单核 {0}%，超过 {1}%：决定速度的可能是压测端而不是 API"},
    {"1 % of the requests were sent over {0} ms late (at most {1} ms may be): the machine was too "
     "busy to time them",
     "有 1% 的请求晚发超过 {0} ms（最多允许 {1} ms）：机器过忙，计时不可信"},
    {"the extension hypopg is not created in this database: a superuser runs CREATE EXTENSION "
     "hypopg once",
     "本库未创建扩展 hypopg：超级用户执行一次 CREATE EXTENSION hypopg 即可"},
    {"the extension hypopg is not installed on the server (Debian: postgresql-15-hypopg); then a "
     "superuser runs CREATE EXTENSION hypopg once",
     "服务器未安装扩展 hypopg（Debian 软件包 postgresql-15-hypopg），安装后由超级用户执行一次 "
     "CREATE "
     "EXTENSION hypopg"},
    /* notes of a load */
    {"{0} of {1} answers were 429 (too many requests): the server's own rate limit shaped this "
     "run; they count neither as errors nor as successes",
     "{1} 个响应中有 {0} 个为 "
     "429（请求过多）：本次结果受服务端限流影响；它们既不计为错误，也不计为成功"},
    {"{0} answers had the status {1}", "有 {0} 个响应的状态码为 {1}"},
    {"{0} requests never went out: all {1} connections were busy for the whole time limit; they "
     "count as timed out",
     "有 {0} 个请求未能发出：{1} 个连接在整个时限内都被占用；它们计为超时"},
    {"the first connection that failed said: {0}", "首个失败的连接报告：{0}"},
    {"the load ended early, at its limit of requests", "已达到请求数上限，压测提前结束"},
    {"hey sends the next request only after the answer to the last: a stall of the server is one "
     "slow request in its latencies; it tells times to 0.1 ms",
     "hey 收到响应后才发下一个请求：服务端的一次停顿在其延迟中只是一个慢请求；计时精度为 0.1 ms"},
    {"hey keeps the latencies of its first 1,000,000 requests only",
     "hey 只保留前 1,000,000 个请求的延迟"},
    {"hey's latencies include failed answers and 429s", "hey 的延迟包含失败的响应和 429"},
    {"hey's csv has no row for a request that got no answer: connection failures and timeouts are "
     "not in the error rate",
     "hey 的 csv 不含没有得到响应的请求：连接失败和超时不在错误率中"},
    {"k6's latencies include failed answers here", "此处 k6 的延迟包含失败的响应"},
    {"k6 does not tell 429 (rate limit) from other failures", "k6 不区分 429（限流）与其他失败"},
    {"k6 dropped {0} iterations because all its users were busy: their waiting is missing in the "
     "latencies",
     "k6 的虚拟用户全忙，丢弃了 {0} 次迭代：其等待时间不在延迟中"},
    {"vegeta times a request from when a worker took it: when its workers ran out, waiting is not "
     "in its latencies",
     "vegeta 从 worker 取到请求时开始计时：worker 不足时的等待不在延迟中"},
    {"vegeta's latencies include failed requests and 429s", "vegeta 的延迟包含失败的请求和 429"},
    {"wrk sends the next request only after the answer to the last: a stall of the server is one "
     "slow request in its latencies",
     "wrk 收到响应后才发下一个请求：服务端的一次停顿在其延迟中只是一个慢请求"},
    {"wrk does not tell 429 (rate limit) from other failures, and its latencies include failed "
     "answers",
     "wrk 不区分 429（限流）与其他失败，其延迟包含失败的响应"},
    /* an endpoint's reason; last, for it fits most others too */
    {"{0}: {1}", "{0}：{1}"},
};

/* Whether the text is the pattern with something in place of each argument, which ends where what
 * follows it in the pattern is found. */
static bool reason_matches(const char *pattern, const char *text, struct span *arguments)
{
    while (*pattern != '\0') {
        if (!is_argument(pattern)) {
            if (*pattern++ != *text++)
                return false;
            continue;
        }
        struct span *argument = &arguments[pattern[1] - '0'];
        size_t literal = 0;
        pattern += 3;
        while (pattern[literal] != '\0' && !is_argument(pattern + literal))
            literal++;
        const char *end =
            literal == 0 ? text + strlen(text) : memmem(text, strlen(text), pattern, literal);
        if (end == NULL || end == text)
            return false;
        *argument = (struct span){text, (size_t)(end - text)};
        text = end;
    }
    return *text == '\0';
}

const char *text_reason(const struct perf_document *d, struct arena *arena, const char *why)
{
    if (why == NULL)
        return text_of(d, TEXT_NO_FIGURE);
    if (d->language != PERF_CHINESE)
        return why;
    for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++) {
        struct span found[ARGUMENTS_MAX] = {{0}};
        const char *arguments[ARGUMENTS_MAX + 1] = {NULL};
        if (!reason_matches(REASONS[i][0], why, found))
            continue;
        for (size_t k = 0; k < ARGUMENTS_MAX && found[k].len > 0; k++)
            arguments[k] = text_reason(d, arena, arena_strndup(arena, found[k].ptr, found[k].len));
        return filled(REASONS[i][1], arguments, arena);
    }
    return why;
}

enum report_text text_figure(enum figure_kind kind)
{
    static const enum report_text texts[FIGURES] = {
        [FIGURE_P95] = TEXT_F_P95,     [FIGURE_DATABASE] = TEXT_F_DATABASE,
        [FIGURE_RPS] = TEXT_F_RPS,     [FIGURE_ERRORS] = TEXT_F_ERRORS,
        [FIGURE_MEAN] = TEXT_F_MEAN,   [FIGURE_P50] = TEXT_F_P50,
        [FIGURE_P90] = TEXT_F_P90,     [FIGURE_P99] = TEXT_F_P99,
        [FIGURE_MAX] = TEXT_F_MAX,     [FIGURE_PERCENTILE] = TEXT_F_PERCENTILE,
        [FIGURE_COUNT] = TEXT_F_COUNT, [FIGURE_CALLS] = TEXT_F_CALLS,
        [FIGURE_ROWS] = TEXT_F_ROWS,   [FIGURE_BLOCKS] = TEXT_F_BLOCKS,
        [FIGURE_TEMP] = TEXT_F_TEMP,   [FIGURE_WAL] = TEXT_F_WAL,
    };
    return texts[kind];
}

enum report_text text_severity(enum perf_severity s)
{
    static const enum report_text texts[] = {TEXT_NOTE, TEXT_LOW, TEXT_MEDIUM, TEXT_HIGH};
    return texts[s];
}

enum report_text text_proof(enum perf_proof p)
{
    static const enum report_text texts[] = {TEXT_PROOF_NONE, TEXT_PROOF_SUSPECTED,
                                             TEXT_PROOF_CONFIRMED, TEXT_PROOF_PLANNER};
    return texts[p];
}

enum report_text text_check(enum check_state s)
{
    static const enum report_text texts[] = {TEXT_PASSED, TEXT_NOT_MEASURED, TEXT_INCONCLUSIVE,
                                             TEXT_FAILED};
    return texts[s];
}

enum report_text text_change(enum change_verdict v)
{
    static const enum report_text texts[] = {TEXT_C_NOT_COMPARED, TEXT_C_SAME, TEXT_C_IMPROVED,
                                             TEXT_C_INCONCLUSIVE, TEXT_C_WORSE};
    return texts[v];
}
