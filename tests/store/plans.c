/* Every statement is prepared and explained: none may scan or sort a table that grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <string.h>

#include "store/fts.h"
#include "store/sql.h"

/* Small tables, read whole on purpose. */
static const char *const small_tables[] = {"operation", "counter", "session", "token", "s"};

static bool is_listed(const char *detail)
{
    for (size_t i = 0; i < sizeof small_tables / sizeof small_tables[0]; i++) {
        size_t length = strlen(small_tables[i]);
        if (strncmp(detail + 5, small_tables[i], length) == 0 &&
            (detail[5 + length] == ' ' || detail[5 + length] == '\0'))
            return true;
    }
    /* the index of full text: M = only what matches, = or < : only such rows */
    if (strncmp(detail, "SCAN page_text VIRTUAL TABLE INDEX", 34) == 0)
        return strstr(detail, ":M") != NULL;
    return strcmp(detail, "SCAN (subquery-1)") == 0 || strcmp(detail, "SCAN CONSTANT ROW") == 0;
}

/* A scan of an index that ends with its LIMIT is a seek to the end of the key; these are named. */
static const char *const bounded[] = {"item_page", "document_page", "next_due", "next_expiry",
                                      "indexed_max"};

static bool is_bounded(const char *name)
{
    for (size_t i = 0; i < sizeof bounded / sizeof bounded[0]; i++)
        if (strcmp(name, bounded[i]) == 0)
            return true;
    return false;
}

static int faults_in(sqlite3 *db, const char *name, const char *text)
{
    char explain[4096];
    sqlite3_stmt *rows = NULL;
    int faults = 0;
    sqlite3_snprintf(sizeof explain, explain, "EXPLAIN QUERY PLAN %s", text);
    if (sqlite3_prepare_v2(db, explain, -1, &rows, NULL) != SQLITE_OK) {
        print_error("%s: %s\n", name, sqlite3_errmsg(db));
        return 1;
    }
    while (sqlite3_step(rows) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(rows, 3);
        bool scan = strncmp(detail, "SCAN", 4) == 0 && !is_listed(detail) && !is_bounded(name);
        bool sort = strstr(detail, "TEMP B-TREE") && strcmp(name, "session_list") != 0 &&
                    strcmp(name, "token_list") != 0;
        if (scan || sort) {
            print_error("%s: %s\n", name, detail);
            faults++;
        }
    }
    sqlite3_finalize(rows);
    return faults;
}

static bool is_schema(const char *name)
{
    return strncmp(name, "schema_", strlen("schema_")) == 0;
}

/* The versions stand in sql_rows in their order. */
static sqlite3 *with_schema(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(fts_register(db), SQLITE_OK);
    for (int i = 0; i < SQL_MAX; i++)
        if (is_schema(sql_rows[i].name))
            assert_int_equal(sqlite3_exec(db, sql_rows[i].text, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void no_statement_scans(void **state)
{
    sqlite3 *db = with_schema();
    int faults = 0;
    (void)state;
    for (int i = 0; i < SQL_MAX; i++)
        if (sql_rows[i].text && !is_schema(sql_rows[i].name))
            faults += faults_in(db, sql_rows[i].name, sql_rows[i].text);
    sqlite3_close(db);
    assert_int_equal(faults, 0);
}

static void a_planted_scan_is_caught(void **state)
{
    sqlite3 *db = with_schema();
    (void)state;
    assert_true(faults_in(db, "planted", "SELECT id FROM item WHERE priority = 1") > 0);
    assert_true(faults_in(db, "planted",
                          "SELECT id FROM item WHERE document_id = ?1 ORDER BY priority") > 0);
    assert_true(faults_in(db, "planted", "SELECT rowid FROM page_text") > 0);
    assert_true(faults_in(db, "planted",
                          "SELECT 1 FROM page_text WHERE page_text MATCH ?1 "
                          "ORDER BY length(name)") > 0);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_statement_scans),
        cmocka_unit_test(a_planted_scan_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
