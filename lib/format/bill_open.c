/* Opening a bill: unpacked, the member that has the rows, its header row found. */
#include "core/fileio.h"
#include "format/bill_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREAMBLE_LINES_MAX 100
#define ANSWER_MAX_BYTES   ((size_t)64 << 10)
#define MEMBERS_MAX        20

static const char ZONE[] = "Asia/Shanghai";

/* ---- the beginning ------------------------------------------------------------------------- */

enum head { HEAD_ROWS, HEAD_SUMMARY, HEAD_ANSWER, HEAD_UNKNOWN };

/* Statements that a person gets of their own account: other columns, other meanings, no totals. */
static int refuse_personal(const struct bill *b, struct span line, struct error *err)
{
    static const struct {
        const char *title, *whose;
    } personal[] = {{"微信支付账单明细", "a person's WeChat"},
                    {"交易时间,交易类型,交易对方", "a person's WeChat"},
                    {"电子客户回单", "a person's Alipay"},
                    {"支付宝交易记录明细查询", "a person's Alipay"},
                    {"支付宝账户：", "a person's Alipay"},
                    {"美团", "a person's Meituan"}};
    for (size_t i = 0; i < sizeof personal / sizeof *personal; i++) {
        if (bill_find(line, personal[i].title) == NULL)
            continue;
        bill_fault(b, err, "this is the statement of %s account, no bill of a merchant",
                   personal[i].whose);
        return error_hint(err, "fetch the merchant's bill: `diner payments bill fetch`, or the "
                               "merchant platform's download of bills (交易账单, 业务明细)");
    }
    return 0;
}

static int not_a_bill(const char *name, struct error *err)
{
    error_set(err, ERR_DATA, "'%s' is no bill of a payment channel that is known", name);
    return error_hint(err, "WeChat Pay's trade bill and fund flow, Alipay's trade and account bill "
                           "are read, as they were fetched");
}

static int read_answer(struct bill *b, struct span line, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    char reason[256];
    bool end = false;
    strbuf_init(&body, ANSWER_MAX_BYTES);
    for (; !end; end = end || body.overflow) {
        strbuf_add(&body, line.ptr, line.len);
        strbuf_addch(&body, '\n');
        TRY(bill_line(b, &line, &end, err));
    }
    switch (bill_answer_of((struct span){body.data, body.len}, &b->info.channel, reason,
                           sizeof reason)) {
    case BILL_ANSWER_NO_BILL:
        b->info.is_empty_day = true;
        b->info.variant = "none";
        return 0;
    case BILL_ANSWER_MAKING:
        error_set(err, ERR_UNAVAILABLE, "'%s' is no bill: the channel was still making it: %s",
                  b->name, reason);
        return error_hint(err, "fetch it again later: bills of a day are there from about 10:00");
    case BILL_ANSWER_REFUSED:
        return error_set(err, ERR_REMOTE, "'%s' is no bill, but the channel's refusal: %s", b->name,
                         reason);
    default: return not_a_bill(b->name, err);
    }
}

static int head_line(struct bill *b, struct span line, enum head *ret, struct error *err)
{
    bool is_header = false;
    TRY(refuse_personal(b, line, err));
    TRY(bill_wechat_header(b, line, &is_header, err));
    if (!is_header)
        TRY(bill_alipay_header(b, line, &is_header, err));
    if (is_header)
        *ret = HEAD_ROWS;
    else if (bill_alipay_is_summary(line))
        *ret = HEAD_SUMMARY;
    else
        bill_alipay_preamble(b, line);
    return 0;
}

/* Reads to the header row, which is the line at hand then. */
static int head_read(struct bill *b, enum head *ret, struct span *ret_line, struct error *err)
{
    *ret = HEAD_UNKNOWN;
    for (int i = 0; i < PREAMBLE_LINES_MAX && *ret == HEAD_UNKNOWN; i++) {
        bool end;
        TRY(bill_line(b, ret_line, &end, err));
        if (end)
            return 0;
        if (i == 0 && (ret_line->ptr[0] == '<' || ret_line->ptr[0] == '{')) {
            *ret = HEAD_ANSWER;
            return read_answer(b, *ret_line, err);
        }
        TRY(head_line(b, *ret_line, ret, err));
    }
    return 0;
}

/* ---- one file ------------------------------------------------------------------------------ */

static struct bill *bill_new(const char *name, const struct zone *zone)
{
    struct bill *b = mem_alloc(sizeof(*b));
    b->arena = arena_new();
    b->name = arena_strdup(b->arena, name);
    b->zone = zone;
    strbuf_init(&b->unknown, 4096);
    strbuf_init(&b->time_text, 256);
    b->info.unknown_columns = "";
    b->info.variant = "";
    return b;
}

void bill_close(struct bill *b)
{
    if (b == NULL)
        return;
    linesio_close(b->lines);
    if (b->zip != NULL)
        archive_zip_close(b->zip);
    bill_balance_release(&b->balance);
    strbuf_release(&b->unknown);
    strbuf_release(&b->time_text);
    arena_free(b->arena);
    free(b);
}

const struct bill_info *bill_info(const struct bill *b)
{
    return &b->info;
}

static void identity_set(struct bill *b)
{
    memcpy(b->info.sha256, linesio_sha256(b->lines), sizeof b->info.sha256);
    b->info.encoding = linesio_encoding(b->lines)->name;
}

static int open_single(struct bill *b, struct error *err)
{
    struct span line;
    enum head head;
    TRY(head_read(b, &head, &line, err));
    identity_set(b);
    if (head == HEAD_SUMMARY) {
        bill_fault(b, err, "this is the summary that comes with Alipay's bill: it has no rows");
        return error_hint(err, "take the zip that holds both, or the other member of it");
    }
    return head == HEAD_UNKNOWN ? not_a_bill(b->name, err) : 0;
}

/* ---- a zip --------------------------------------------------------------------------------- */

/* The zip of a bill and what was found in it. */
struct members {
    struct archive_zip *zip;
    const char *name;
    struct bill *rows;    /* the one with the rows */
    struct bill *summary; /* its figures, by bill_alipay_summary */
};

static int refuse_member(const struct members *m, const struct archive_member *member,
                         struct error *err)
{
    if (member->is_encrypted) {
        error_set(err, ERR_DATA, "'%s' is encrypted: '%s'", m->name, member->name);
        return error_hint(err, "bills of a merchant are not; statements of a person are");
    }
    if (strcmp(member->name, "xl/workbook.xml") == 0) {
        error_set(err, ERR_DATA, "'%s' is a spreadsheet", m->name);
        return error_hint(err, "bills are text, as they were fetched; statements of a person come "
                               "as spreadsheets");
    }
    return 0;
}

static int member_read(struct members *m, struct bill *b, struct error *err)
{
    struct span line;
    enum head head;
    TRY(head_read(b, &head, &line, err));
    if (head == HEAD_SUMMARY)
        return bill_alipay_summary(b, line, m->summary, err);
    if (head != HEAD_ROWS)
        return 0;
    if (m->rows != NULL) {
        error_set(err, ERR_DATA, "'%s' has two bills: '%s' and '%s'", m->name, m->rows->name,
                  b->name);
        return error_hint(err, "one bill at a time: unpack it");
    }
    identity_set(b);
    m->rows = b;
    return 0;
}

static int member_open(struct members *m, const struct archive_member *member, struct error *err)
{
    struct byte_source *source = NULL;
    struct bill *b = bill_new("", m->summary->zone);
    b->name = arena_printf(b->arena, "%s:%s", m->name, member->name);
    int code = archive_zip_read(m->zip, member, b->name, &source, err);
    if (code == 0)
        code = linesio_open_source(source, b->name, NULL, BILL_LINE_MAX_BYTES, &b->lines, err);
    if (code == 0)
        code = member_read(m, b, err);
    if (m->rows != b)
        bill_close(b);
    return code;
}

static int members_open(struct members *m, struct error *err)
{
    size_t n;
    const struct archive_member *all = archive_zip_members(m->zip, &n);
    for (size_t i = 0; i < n; i++)
        TRY(refuse_member(m, &all[i], err));
    if (n > MEMBERS_MAX)
        return not_a_bill(m->name, err);
    for (size_t i = 0; i < n; i++) {
        if (all[i].is_data)
            TRY(member_open(m, &all[i], err));
    }
    return m->rows != NULL ? 0 : not_a_bill(m->name, err);
}

static int open_zip(int fd, const char *name, const struct zone *zone, struct bill **ret,
                    struct error *err)
{
    struct members m = {.name = name, .summary = bill_new(name, zone)};
    int code = archive_zip_open(fd, name, &m.zip, err);
    if (code == 0)
        code = members_open(&m, err);
    if (code == 0) {
        bill_alipay_take_summary(m.rows, m.summary);
        m.rows->zip = m.zip;
        *ret = m.rows;
    } else {
        bill_close(m.rows);
        if (m.zip != NULL)
            archive_zip_close(m.zip);
    }
    bill_close(m.summary);
    return code;
}

/* ---- any ----------------------------------------------------------------------------------- */

static int lines_open(struct bill *b, int fd, enum archive_kind kind, struct error *err)
{
    struct byte_source *source = NULL;
    if (kind == ARCHIVE_NONE)
        return linesio_open(fd, b->name, NULL, BILL_LINE_MAX_BYTES, &b->lines, err);
    TRY(archive_open(fd, b->name, kind, SPAN(""), &source, err));
    return linesio_open_source(source, b->name, NULL, BILL_LINE_MAX_BYTES, &b->lines, err);
}

/* fd is a file. */
static int open_file(int fd, const char *name, struct bill **ret, struct error *err)
{
    char magic[ARCHIVE_MAGIC_BYTES];
    const struct zone *zone = NULL;
    ssize_t n = pread(fd, magic, sizeof magic, 0);
    int code = zone_load(ZONE, &zone, err);
    if (code == 0 && n < 0)
        code = error_set_errno(err, ERR_IO, errno, "cannot read '%s'", name);
    if (code == 0 && n == 0)
        code = error_set(err, ERR_DATA, "'%s' is empty: a day without trades has a bill too", name);
    if (code != 0) {
        close(fd);
        return code;
    }
    enum archive_kind kind = archive_kind_of(magic, (size_t)n);
    if (kind == ARCHIVE_ZIP)
        return open_zip(fd, name, zone, ret, err);
    struct bill *b = bill_new(name, zone);
    code = lines_open(b, fd, kind, err);
    if (code == 0)
        code = open_single(b, err);
    if (code != 0)
        bill_close(b);
    else
        *ret = b;
    return code;
}

int bill_open_fd(int fd, const char *name, struct bill **ret, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return error_set(err, ERR_IO, "'%s' is a directory", name);
    }
    if (!S_ISREG(st.st_mode))
        TRY(archive_spool(fd, name, SPAN(""), &fd, err));
    return open_file(fd, name, ret, err);
}

int bill_open(const char *path, struct bill **ret, struct error *err)
{
    const char *name;
    int fd;
    TRY(file_open_input(path, &fd, &name, err));
    return bill_open_fd(fd, name, ret, err);
}

int bill_next(struct bill *b, struct bill_row *ret, bool *ret_end, struct error *err)
{
    *ret_end = b->info.is_empty_day || b->is_done;
    if (*ret_end)
        return 0;
    int code = b->info.channel == BILL_WECHAT ? bill_wechat_next(b, ret, ret_end, err)
                                              : bill_alipay_next(b, ret, ret_end, err);
    b->is_done = code == 0 && *ret_end;
    return code;
}
