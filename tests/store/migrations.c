/* A store of every earlier version opens, keeps its rows, and ends with the schema of a new one. */
#include "suite.h"

#include "index_check.h"
#include "store/fts.h"
#include "store/sql.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSIONS_MAX = 1000 };

static char directory[64], url[80], database[96];

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/docq-migrate-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(url, sizeof url, "sqlite:%s", directory);
    snprintf(database, sizeof database, "%s/docq.db", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return remove_tree(directory);
}

/* The text of version `number`, or NULL behind the last one. */
static const char *schema(int number)
{
    char name[32];
    snprintf(name, sizeof name, "schema_%d", number);
    for (int i = 0; i < SQL_MAX; i++)
        if (strcmp(sql_rows[i].name, name) == 0)
            return sql_rows[i].text;
    return NULL;
}

static void run(sqlite3 *db, const char *text)
{
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
}

/* Every object of the schema, in order: what two databases must have in common. */
static void describe(char *text, size_t size)
{
    sqlite3 *db;
    sqlite3_stmt *rows;
    size_t length = 0;
    assert_int_equal(sqlite3_open_v2(database, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT coalesce(sql, name) FROM sqlite_master "
                                        "UNION ALL SELECT 'version ' || user_version "
                                        "FROM pragma_user_version ORDER BY 1",
                                        -1, &rows, NULL),
                     SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        length += (size_t)snprintf(text + length, size - length, "%s;\n",
                                   (const char *)sqlite3_column_text(rows, 0));
        assert_true(length < size);
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
}

static void make_version(int version)
{
    sqlite3 *db;
    char pragma[64];
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    assert_int_equal(fts_register(db), SQLITE_OK);
    for (int i = 1; i <= version; i++)
        run(db, schema(i));
    run(db, "INSERT INTO meta VALUES ('secret', randomblob(32))");
    run(db, "INSERT INTO document (id, filename, content_type, size, sha256, metadata, owner, pack,"
            " pack_offset, created_at) VALUES (x'019ab0c2000070008000000000000001', 'old.txt',"
            " 'text/plain', 3, zeroblob(32), '{}', 'default', 'gone', 0, 1)");
    run(db,
        "INSERT INTO item (id, document_id, operation, priority, status, gate, rank, created_at,"
        " due_at) VALUES (x'019ab0c2000070008000000000000002',"
        " x'019ab0c2000070008000000000000001', 'process', 0, 'pending', 'ready', 1, 1, 1)");
    run(db, "INSERT INTO counter VALUES ('process', 'pending', 1), ('', 'documents', 1)");
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", version);
    run(db, pragma);
    sqlite3_close(db);
}

static void open_and_look(bool old)
{
    dq_queue *queue = NULL;
    dq_queue_stats *stats;
    dq_document *document;
    expect(0, dq_open(url, NULL, &queue, error));
    expect(0, dq_get_queue_stats(queue, &stats, error));
    assert_int_equal(stats->counts[DQ_PENDING], old);
    assert_int_equal(stats->documents, old);
    dq_free(stats);
    if (old) {
        expect(0, dq_get_document(queue, "019ab0c2-0000-7000-8000-000000000001", &document, error));
        assert_string_equal(document->filename, "old.txt");
        assert_int_equal(document->status, DQ_PENDING);
        dq_free(document);
    }
    dq_close(&queue);
}

static void every_version_climbs_to_the_newest(void **state)
{
    static char fresh_schema[65536], climbed[65536];
    open_and_look(false);
    describe(fresh_schema, sizeof fresh_schema);
    assert_non_null(schema(1));
    for (int version = 1; version < VERSIONS_MAX && schema(version); version++) {
        teardown(state);
        setup(state);
        make_version(version);
        open_and_look(true);
        describe(climbed, sizeof climbed);
        assert_string_equal(climbed, fresh_schema);
        open_and_look(true); /* the second time there is nothing to do */
    }
}

/* What was processed before there was an index is found, and only once. */
static void old_text_is_indexed(void **state)
{
    enum { DOCUMENTS = 700 }; /* more than one slice */
    static const char *const again[] = {
        "INSERT INTO meta VALUES ('index_after', zeroblob(16))", /* as if stopped at the start */
        "INSERT INTO meta SELECT 'index_after', id FROM document WHERE filename = '350.txt'"};
    dq_queue *queue = NULL;
    dq_hit_list *list;
    sqlite3 *db;
    (void)state;
    make_version(1);
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    run(db, "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 700)"
            "INSERT INTO document SELECT randomblob(16), i || '.txt', 'text/plain', 3,"
            " zeroblob(32), '{}', 'default', 'gone', 3 * i, 1 FROM n");
    run(db, "INSERT INTO result SELECT id, randomblob(16), 2, 40, 0, '{}', '[]', 1 FROM document;"
            "INSERT INTO page SELECT id, 1, 'page of ' || filename FROM document;"
            "INSERT INTO page SELECT id, 2, 'another side of ' || filename FROM document");
    sqlite3_close(db);
    for (int round = 0; round < 3; round++) {
        expect(0, dq_open(url, NULL, &queue, error));
        expect(0, dq_search(queue, "another side 350", 10, NULL, &list, error));
        assert_int_equal(list->count, 1);
        assert_int_equal(list->hits[0].page, 2);
        dq_free(list);
        dq_close(&queue);
        assert_int_equal(index_differences(database), 0);
        assert_true(index_places(database) > 10 * DOCUMENTS);
        if (round == 2)
            break;
        assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
        run(db, again[round]);
        sqlite3_close(db);
    }
}

static void newer_is_left_alone(void **state)
{
    static char before[65536], after[65536];
    dq_queue *queue = NULL;
    dq_error error = {0};
    (void)state;
    make_version(1);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    run(db, "PRAGMA user_version=999");
    sqlite3_close(db);
    describe(before, sizeof before);
    assert_int_equal(dq_open(url, NULL, &queue, &error), DQ_VERSION);
    assert_non_null(strstr(error.detail, "upgrade docq"));
    describe(after, sizeof after);
    assert_string_equal(after, before);
}

/* Something in the way of one statement: nothing of any version stays. */
static void a_failed_climb_leaves_nothing(void **state)
{
    static char before[65536], after[65536];
    dq_queue *queue = NULL;
    dq_error error = {0};
    sqlite3 *db;
    (void)state;
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    run(db, "CREATE TABLE token (stranger INTEGER)");
    sqlite3_close(db);
    describe(before, sizeof before);
    assert_int_equal(dq_open(url, NULL, &queue, &error), DQ_STORE);
    assert_non_null(strstr(error.detail, "token"));
    describe(after, sizeof after);
    assert_string_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_version_climbs_to_the_newest, setup, teardown),
        cmocka_unit_test_setup_teardown(old_text_is_indexed, setup, teardown),
        cmocka_unit_test_setup_teardown(newer_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_climb_leaves_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
