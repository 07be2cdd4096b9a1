/* PostgreSQL as a driver of db.h: prepared statements, parameters and results in binary. */
#include "store/postgres_db.h"

#include "base/error.h"
#include "base/utf8.h"
#include "store/sql.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMETERS_MAX = 16, SQLSTATE_CLASS = 2 };

/* Type numbers of PostgreSQL's catalogue; they never change. */
enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_INT8 = 20,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_FLOAT8 = 701,
    TYPE_INT8_ARRAY = 1016,
    TYPE_TEXT_ARRAY = 1009,
    TYPE_UUID = 2950,
    TYPE_UUID_ARRAY = 2951,
};

static const struct {
    char kind;
    Oid type;
} types[] = {
    {'i', TYPE_INT8},       {'f', TYPE_FLOAT8},     {'t', TYPE_TEXT},
    {'b', TYPE_UUID},       {'d', TYPE_BYTEA},      {'y', TYPE_BYTEA},
    {'B', TYPE_UUID_ARRAY}, {'I', TYPE_INT8_ARRAY}, {'T', TYPE_TEXT_ARRAY},
};

struct pg_rows {
    enum sql name;
    bool prepared;
    PGresult *result;
    int row;
    int count; /* of parameters */
    Oid types[PARAMETERS_MAX];
    const char *values[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX];
    uint64_t numbers[PARAMETERS_MAX]; /* in network order */
    char *repaired[PARAMETERS_MAX];   /* texts that were not UTF-8 */
};

struct pg *pg_of(struct db *db)
{
    return db->handle;
}

/* ---- errors ---------------------------------------------------------------------------------- */

#define LOCK_NOT_AVAILABLE "55P03"

/* What a SQLSTATE means to us. */
static const struct {
    const char *state; /* or its beginning */
    int code;
    bool lost, again;
} states[] = {
    {"08", DQ_BUSY, true, false},               /* the connection */
    {"57P", DQ_BUSY, true, false},              /* shut down, crashed, cannot connect now */
    {"25006", DQ_BUSY, true, false},            /* read-only: this server is the primary no more */
    {"25P03", DQ_BUSY, true, false},            /* the session idled in a transaction too long */
    {"40", DQ_BUSY, false, true},               /* deadlock, moved row */
    {"23505", DQ_BUSY, false, true},            /* somebody else inserted it first */
    {"23503", DQ_BUSY, false, true},            /* its document is going */
    {LOCK_NOT_AVAILABLE, DQ_BUSY, false, true}, /* a lock is held for too long */
    {"53100", DQ_NO_SPACE, false, false},
    {"53", DQ_BUSY, false, false},
    {"XX001", DQ_CORRUPT, false, false},
};

static int pg_error(struct pg *pg, const PGresult *result, const char *what, dq_error *error)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *why = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    int code = DQ_STORE;
    if (!why)
        why = PQerrorMessage(pg->conn);
    for (size_t i = 0; state && i < sizeof states / sizeof states[0]; i++)
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0) {
            code = states[i].code;
            pg->lost = pg->lost || states[i].lost;
            pg->again = pg->again || states[i].again;
            pg->refused = pg->refused || strcmp(state, LOCK_NOT_AVAILABLE) == 0;
            break;
        }
    if (PQstatus(pg->conn) == CONNECTION_BAD) {
        pg->lost = true;
        code = DQ_BUSY;
    }
    return error_set(error, code, "%s: %.*s (%s)", what, (int)strcspn(why, "\n"), why,
                     state ? state : "no connection");
}

/* ---- statements ------------------------------------------------------------------------------ */

static void forget_result(struct pg_rows *own)
{
    PQclear(own->result);
    own->result = NULL;
    own->row = -1;
}

static void forget_parameters(struct pg_rows *own)
{
    for (int i = 0; i < own->count; i++) {
        free(own->repaired[i]);
        own->repaired[i] = NULL;
    }
    own->count = 0;
}

static struct rows *pg_statement(struct db *db, enum sql name)
{
    struct rows *rows = &db->prepared[name];
    if (!rows->statement) {
        struct pg_rows *own = calloc(1, sizeof *own);
        if (!own)
            bug("out of memory");
        own->name = name;
        *rows = (struct rows){.driver = db->driver, .statement = own};
    }
    forget_result(rows->statement);
    forget_parameters(rows->statement);
    return rows;
}

/* A message that was cut within a character must not cost the whole step. */
static char *repair(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    if (!copy)
        bug("out of memory");
    memcpy(copy, text, length);
    for (size_t i = 0; i < length;) {
        i += utf8_prefix(copy + i, length - i);
        if (i < length)
            copy[i++] = '?';
    }
    for (char *nul = copy; (nul = memchr(nul, '\0', length - (size_t)(nul - copy)));)
        *nul = '?';
    copy[length] = '\0';
    return copy;
}

static void pg_bind(struct rows *rows, int index, const struct value *value)
{
    struct pg_rows *own = rows->statement;
    if (index >= PARAMETERS_MAX)
        bug("statement %s has more than %d parameters", sql_rows[own->name].name, PARAMETERS_MAX);
    own->count = index + 1;
    own->types[index] = 0;
    own->values[index] = value->bytes;
    own->lengths[index] = (int)value->length;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].kind == value->kind)
            own->types[index] = types[i].type;
    if (value->kind == 'i' || value->kind == 'f') {
        uint64_t bits = (uint64_t)value->integer;
        if (value->kind == 'f')
            memcpy(&bits, &value->real, sizeof bits);
        own->numbers[index] = htobe64(bits);
        own->values[index] = (const char *)&own->numbers[index];
        own->lengths[index] = (int)sizeof bits;
    } else if (value->kind == 't' && (!utf8_valid(value->bytes, value->length) ||
                                      memchr(value->bytes, '\0', value->length))) {
        own->repaired[index] = repair(value->bytes, value->length);
        own->values[index] = own->repaired[index];
    }
}

static int prepare(struct pg *pg, struct pg_rows *own, dq_error *error)
{
    const struct sql_row *row = &sql_rows[own->name];
    PGresult *result = PQprepare(pg->conn, row->name, row->postgres, own->count, own->types);
    int r = 0;
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        char what[100];
        snprintf(what, sizeof what, "statement %s", row->name);
        r = pg_error(pg, result, what, error);
    }
    PQclear(result);
    own->prepared = r >= 0;
    return r;
}

static int execute(struct pg *pg, struct pg_rows *own, dq_error *error)
{
    static const int binary[PARAMETERS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const struct sql_row *row = &sql_rows[own->name];
    int r = own->prepared ? 0 : prepare(pg, own, error);
    if (r < 0)
        return r;
    own->result =
        PQexecPrepared(pg->conn, row->name, own->count, own->values, own->lengths, binary, 1);
    ExecStatusType status = PQresultStatus(own->result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        char what[100];
        snprintf(what, sizeof what, "the database refused %s", row->name);
        return pg_error(pg, own->result, what, error);
    }
    const char *command = PQcmdStatus(own->result);
    if (strncmp(command, "SELECT", 6) != 0 && strtol(PQcmdTuples(own->result), NULL, 10) > 0)
        pg->wrote = true;
    return 0;
}

static int pg_row(struct db *db, struct rows *rows, dq_error *error)
{
    struct pg_rows *own = rows->statement;
    const char *text = sql_rows[own->name].postgres;
    if (!text)
        return error_set(error, DQ_UNSUPPORTED,
                         "%s is not there yet on PostgreSQL; use a store of the kind sqlite:",
                         sql_rows[own->name].name);
    if (!*text)
        return 0;
    if (!own->result) {
        int r = execute(pg_of(db), own, error);
        if (r < 0) {
            forget_result(own);
            return r;
        }
    }
    if (++own->row < PQntuples(own->result))
        return 1;
    own->row--;
    return 0;
}

static int pg_changes(struct db *db, struct rows *rows)
{
    struct pg_rows *own = rows->statement;
    (void)db;
    return own->result ? (int)strtol(PQcmdTuples(own->result), NULL, 10) : 0;
}

static void pg_done(struct rows *rows)
{
    forget_result(rows->statement);
}

static const void *pg_bytes(struct rows *rows, int column, size_t *ret_length)
{
    struct pg_rows *own = rows->statement;
    *ret_length = 0;
    if (own->row < 0 || PQgetisnull(own->result, own->row, column))
        return NULL;
    *ret_length = (size_t)PQgetlength(own->result, own->row, column);
    return PQgetvalue(own->result, own->row, column);
}

static int64_t pg_integer(struct rows *rows, int column)
{
    struct pg_rows *own = rows->statement;
    size_t length;
    const char *bytes = pg_bytes(rows, column, &length);
    uint64_t wide;
    uint32_t narrow;
    if (!bytes)
        return 0;
    switch (PQftype(own->result, column)) {
    case TYPE_INT8:
        memcpy(&wide, bytes, sizeof wide);
        return (int64_t)be64toh(wide);
    case TYPE_INT4:
        memcpy(&narrow, bytes, sizeof narrow);
        return (int32_t)be32toh(narrow);
    case TYPE_BOOL:
        return *bytes != 0;
    case TYPE_TEXT:
        return strtoll(bytes, NULL, 10);
    default:
        bug("column %d of %s is no number", column, sql_rows[own->name].name);
    }
}

static double pg_real(struct rows *rows, int column)
{
    size_t length;
    const char *bytes = pg_bytes(rows, column, &length);
    uint64_t bits = 0;
    double real;
    if (bytes && length == sizeof bits)
        memcpy(&bits, bytes, sizeof bits);
    bits = be64toh(bits);
    memcpy(&real, &bits, sizeof real);
    return real;
}

/* ---- transactions ---------------------------------------------------------------------------- */

int postgres_exec(struct db *db, enum sql name, dq_error *error)
{
    struct pg *pg = pg_of(db);
    PGresult *result = PQexec(pg->conn, sql_rows[name].postgres);
    ExecStatusType status = PQresultStatus(result);
    int r = 0;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        r = pg_error(pg, result, sql_rows[name].name, error);
    PQclear(result);
    return r;
}

int postgres_commit(struct db *db, dq_error *error)
{
    struct pg *pg = pg_of(db);
    PGresult *result = PQexec(pg->conn, sql_rows[SQL_COMMIT].postgres);
    int r = 0;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        r = pg_error(pg, result, "the database refused the commit", error);
    else if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
        r = error_set(error, DQ_STORE, "the database rolled the commit back");
    PQclear(result);
    return r;
}

void postgres_rollback(struct db *db)
{
    if (!pg_of(db)->lost && PQtransactionStatus(pg_of(db)->conn) != PQTRANS_IDLE)
        (void)postgres_exec(db, SQL_ROLLBACK, NULL);
}

/* ---- arrays ---------------------------------------------------------------------------------- */

static void add_number(struct buf *array, uint32_t number)
{
    number = htobe32(number);
    buf_append(array, &number, sizeof number);
}

void array_begin(struct buf *array, char kind, size_t count)
{
    enum { DIMENSIONS = 1, NO_NULLS = 0, FIRST_INDEX = 1 };
    *array = BUF(ARRAY_BYTES_MAX);
    add_number(array, count > 0 ? DIMENSIONS : 0);
    add_number(array, NO_NULLS);
    add_number(array, kind == 'B' ? TYPE_UUID : kind == 'I' ? TYPE_INT8 : TYPE_TEXT);
    if (count == 0)
        return;
    add_number(array, (uint32_t)count);
    add_number(array, FIRST_INDEX);
}

void array_add_id(struct buf *array, const struct id *id)
{
    add_number(array, ID_BYTES);
    buf_append(array, id->bytes, ID_BYTES);
}

void array_add_int(struct buf *array, int64_t number)
{
    uint64_t bits = htobe64((uint64_t)number);
    add_number(array, sizeof bits);
    buf_append(array, &bits, sizeof bits);
}

void array_add_text(struct buf *array, const char *text)
{
    add_number(array, (uint32_t)strlen(text));
    buf_append(array, text, strlen(text));
}

/* ---- counts ---------------------------------------------------------------------------------- */

static size_t changed_counts(const struct tally *tally, const char **operations,
                             const char **statuses, int64_t *numbers)
{
    size_t count = 0;
    if (tally->documents) {
        operations[count] = "";
        statuses[count] = "documents";
        numbers[count++] = tally->documents;
    }
    for (int i = 0; i < tally->count; i++)
        for (int s = 0; s < DQ_STATUS_MAX; s++)
            if (tally->rows[i].by_status[s]) {
                operations[count] = tally->rows[i].operation;
                statuses[count] = dq_status_name((enum dq_status)s);
                numbers[count++] = tally->rows[i].by_status[s];
            }
    return count;
}

static int pg_flush(struct db *db, int64_t now, dq_error *error)
{
    enum { COUNTS_MAX = OPERATIONS_MAX * DQ_STATUS_MAX + 1, MINUTE = 60000000 };
    const char *operations[COUNTS_MAX], *statuses[COUNTS_MAX];
    int64_t numbers[COUNTS_MAX];
    const struct tally *tally = &db->group;
    size_t count = changed_counts(tally, operations, statuses, numbers);
    autobuf names = {0}, states_array = {0}, amounts = {0};
    array_begin(&names, 'T', count);
    array_begin(&states_array, 'T', count);
    array_begin(&amounts, 'I', count);
    for (size_t i = 0; i < count; i++) {
        array_add_text(&names, operations[i]);
        array_add_text(&states_array, statuses[i]);
        array_add_int(&amounts, numbers[i]);
    }
    int r = db_run(db,
                   db_bind(db, SQL_COUNTER_CHANGES, "TTIiiiibi", &names, &states_array, &amounts,
                           now / MINUTE, tally->enqueued, tally->completed, tally->failed,
                           &db->batch, now),
                   error);
    return r < 0 ? r : 0;
}

/* ---- connections ----------------------------------------------------------------------------- */

static const struct db_driver pg_driver = {
    .statement = pg_statement,
    .bind = pg_bind,
    .row = pg_row,
    .changes = pg_changes,
    .done = pg_done,
    .integer = pg_integer,
    .real = pg_real,
    .bytes = pg_bytes,
    .flush = pg_flush,
};

/* What the server remarks upon is in its own log. */
static void no_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

int postgres_connect(const char *url, struct db *db, dq_error *error)
{
    /* A peer that fell silent is noticed within five seconds. The URL may say otherwise. */
    static const char *const names[] = {
        "application_name",    "connect_timeout",  "keepalives_idle",
        "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "client_encoding",     "dbname",           NULL};
    const char *const values[] = {"docq", "3", "2", "1", "3", "5000", "UTF8", url, NULL};
    struct pg *pg = calloc(1, sizeof *pg);
    *db = (struct db){.driver = &pg_driver, .handle = pg};
    db->prepared = calloc(SQL_MAX, sizeof *db->prepared);
    if (!pg || !db->prepared)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    pg->conn = PQconnectdbParams(names, values, 1);
    PQsetNoticeProcessor(pg->conn, no_notice, NULL);
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        const char *why = PQerrorMessage(pg->conn);
        pg->lost = true;
        return error_set(error, DQ_UNREACHABLE, "cannot reach the database: %.*s",
                         (int)strcspn(why, "\n"), why);
    }
    return postgres_exec(db, SQL_POSTGRES_SETTINGS, error);
}

void postgres_disconnect(struct db *db)
{
    for (int i = 0; db->prepared && i < SQL_MAX; i++) {
        struct pg_rows *own = db->prepared[i].statement;
        if (!own)
            continue;
        forget_result(own);
        forget_parameters(own);
        free(own);
    }
    if (pg_of(db))
        PQfinish(pg_of(db)->conn);
    free(db->changes.bytes);
    free(db->prepared);
    free(db->handle);
    *db = (struct db){0};
}
