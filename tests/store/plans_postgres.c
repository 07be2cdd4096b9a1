/*
 * Every statement is prepared and explained on PostgreSQL, with the settings that docq runs under:
 * none may read a table that grows from end to end, or sort what is not bounded.
 */
#include "suite.h"

#include "store/sql.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* Tables that grow with the work done. */
static const char *const growing[] = {"item_hot", "item_done", "document", "chunk",
                                      "attempt",  "page",      "result",   "batch"};

/* Scans of an index in its order that end with their LIMIT. */
static const char *const bounded[] = {"next_due", "next_expiry", "finished_recent"};

/* What they sort is bounded by a batch, by the number of operations, or by that of sessions. */
static const char *const sorted[] = {
    "session_list",  "token_list",      "claim_plan",     "claim_batch",  "counter_fold",
    "enqueue_fresh", "enqueue_waiting", "complete_batch", "counter_list", "operation_list"};

static bool is_in(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}
#define IN(name, list) is_in(name, list, sizeof list / sizeof list[0])

/* The table that a line of a plan scans, or "". */
static void scanned_table(const char *line, char table[64])
{
    const char *on = strstr(line, "Scan") ? strstr(line, " on ") : NULL;
    size_t length = on ? strcspn(on + 4, " ") : 0;
    table[0] = '\0';
    if (!on || length >= 64)
        return;
    memcpy(table, on + 4, length);
    table[length] = '\0';
}

/* The condition of a node stands below it, before the next node. */
static bool has_condition(const PGresult *plan, int row)
{
    for (int i = row + 1; i < PQntuples(plan); i++) {
        const char *line = PQgetvalue(plan, i, 0);
        if (strstr(line, "Index Cond:"))
            return true;
        if (strstr(line, "->") || strstr(line, "CTE "))
            return false;
    }
    return false;
}

static int faults_of_plan(const PGresult *plan, const char *name)
{
    int faults = 0;
    for (int i = 0; i < PQntuples(plan); i++) {
        const char *line = PQgetvalue(plan, i, 0);
        char table[64];
        scanned_table(line, table);
        bool whole =
            table[0] && IN(table, growing) && !strstr(line, "Tid Scan") && !has_condition(plan, i);
        bool sort = strstr(line, "Sort  (") && !IN(name, sorted);
        if ((whole && !IN(name, bounded)) || sort) {
            print_error("%s: %s\n", name, line);
            faults++;
        }
    }
    return faults;
}

static int explain(PGconn *conn, const char *name, const char *text)
{
    char command[512];
    PGresult *prepared = PQprepare(conn, name, text, 0, NULL);
    if (PQresultStatus(prepared) != PGRES_COMMAND_OK) {
        print_error("%s: %s\n", name, PQerrorMessage(conn));
        PQclear(prepared);
        return 1;
    }
    PQclear(prepared);
    PGresult *described = PQdescribePrepared(conn, name);
    int count = PQnparams(described);
    PQclear(described);
    int length = snprintf(command, sizeof command, "EXPLAIN EXECUTE \"%s\"", name);
    for (int i = 0; i < count; i++)
        length += snprintf(command + length, sizeof command - (size_t)length, "%s",
                           i == 0 ? "(NULL" : ", NULL");
    if (count > 0)
        snprintf(command + length, sizeof command - (size_t)length, ")");
    PGresult *plan = PQexec(conn, command);
    int faults = 1;
    if (PQresultStatus(plan) == PGRES_TUPLES_OK)
        faults = faults_of_plan(plan, name);
    else
        print_error("%s: %s\n", name, PQerrorMessage(conn));
    PQclear(plan);
    return faults;
}

static bool can_be_explained(const struct sql_row *row)
{
    static const char *const verbs[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"};
    for (size_t i = 0; row->postgres && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strncmp(row->postgres, verbs[i], strlen(verbs[i])) == 0)
            return strncmp(row->name, "postgres_", strlen("postgres_")) != 0;
    return false;
}

static PGconn *connect_as_docq(void)
{
    PGconn *conn = PQconnectdb(store_url());
    PGresult *result = PQexec(conn, sql_rows[SQL_POSTGRES_SETTINGS].postgres);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    PQclear(result);
    return conn;
}

/* The planner's guesses for tables never analyzed, then for tables that it knows to be empty. */
static void no_statement_scans(void **state)
{
    PGconn *conn = connect_as_docq();
    int faults = 0, explained = 0;
    bool analyzed = *state == NULL;
    if (analyzed)
        PQclear(PQexec(conn, "ANALYZE"));
    for (int i = 0; i < SQL_MAX; i++)
        if (can_be_explained(&sql_rows[i])) {
            faults += explain(conn, sql_rows[i].name, sql_rows[i].postgres);
            explained++;
        }
    PQfinish(conn);
    assert_int_equal(faults, 0);
    assert_true(explained > 60);
}

static void nor_on_tables_known_as_empty(void **state)
{
    void *none = NULL;
    (void)state;
    no_statement_scans(&none);
}

static void a_planted_scan_is_caught(void **state)
{
    PGconn *conn = connect_as_docq();
    (void)state;
    assert_true(explain(conn, "p1", "SELECT id FROM item_hot WHERE priority = 1") > 0);
    assert_true(explain(conn, "p2",
                        "SELECT id FROM item_done WHERE document_id = $1 ORDER BY priority") > 0);
    assert_true(explain(conn, "p3", "SELECT id FROM item WHERE epoch = $1 ORDER BY id") > 0);
    PQfinish(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_statement_scans, fresh, drop),
        cmocka_unit_test_setup_teardown(nor_on_tables_known_as_empty, fresh, drop),
        cmocka_unit_test_setup_teardown(a_planted_scan_is_caught, fresh, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
