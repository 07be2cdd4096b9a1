/* Helpers of the conformance tests. */
#include "suite.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER_START_MAX (20 * S)

static char directory[64], url[256];
static pid_t server; /* of the kind "http" */

const char *store_url(void)
{
    return url;
}

bool is_remote(void)
{
    return strcmp(STORE_KIND, "http") == 0;
}

/* The server writes its address when it listens. */
static bool read_address(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/server.address", directory);
    FILE *file = fopen(path, "re");
    bool read = file && fgets(url, sizeof url, file);
    if (file)
        fclose(file);
    url[strcspn(url, "\n")] = '\0';
    return read;
}

static bool start_server(void)
{
    const char *program = getenv("DOCQ_BINARY");
    server = fork();
    if (server == 0) {
        execl(program, "docq", "serve", "--quiet", "--workers", "0", "--listen", "127.0.0.1:0",
              "--log-level", "error", "--data", directory, (char *)NULL);
        _exit(1);
    }
    for (int64_t waited = 0; waited < SERVER_START_MAX; waited += 5000) {
        if (read_address())
            return true;
        nap(5000);
    }
    return false;
}

static void stop_server(void)
{
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    server = 0;
}

/* Each case has a schema of its own in the server that DOCQ_TEST_POSTGRES names. */
static bool clear_postgres(void)
{
    const char *given = getenv("DOCQ_TEST_POSTGRES");
    snprintf(url, sizeof url, "%s", given ? given : "");
    PGconn *conn = PQconnectdb(url);
    PGresult *result =
        PQexec(conn, "SET client_min_messages = error; DROP SCHEMA IF EXISTS docq CASCADE");
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!good)
        print_error("%s\n", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return good;
}

static bool name_store(void)
{
    snprintf(directory, sizeof directory, "/tmp/docq-test-XXXXXX");
    if (!mkdtemp(directory))
        return false;
    if (is_remote())
        return start_server();
    if (strcmp(STORE_KIND, "postgres") == 0)
        return clear_postgres();
    snprintf(url, sizeof url, "sqlite:%s",
             strcmp(STORE_KIND, "memory") == 0 ? ":memory:" : directory);
    return true;
}

int fresh(void **state)
{
    dq_queue *queue = NULL;
    dq_error error = {0};
    if (!name_store())
        return -1;
    if (dq_open(url, NULL, &queue, &error) < 0) {
        print_error("%s\n", error.detail);
        return -1;
    }
    dq_operation quick = {.name = "process",
                          .kind = "builtin",
                          .backoff_base = 1,
                          .backoff_cap = 1,
                          .backoff_factor = 1};
    dq_operation remote = {.name = "translate"};
    if (dq_define_operation(queue, &quick, &error) < 0 ||
        dq_define_operation(queue, &remote, &error) < 0)
        return -1;
    *state = queue;
    return 0;
}

int remove_tree(const char *path)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", path, (char *)NULL);
        _exit(1);
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

int drop(void **state)
{
    dq_queue *queue = *state;
    dq_close(&queue);
    stop_server();
    return remove_tree(directory);
}

void upload(dq_queue *queue, const char *text, char ret_id[DQ_ID_SIZE], char *ret_item_id)
{
    dq_upload document = {.filename = "a.txt"};
    dq_document_list *list;
    expect(0, dq_upload_begin(queue, 0, &document.incoming, error));
    expect(0, dq_upload_write(document.incoming, text, strlen(text), error));
    expect(0, dq_upload_commit(queue, &document, 1, &list, error));
    assert_int_equal(list->documents[0].status, DQ_PENDING);
    memcpy(ret_id, list->documents[0].id, DQ_ID_SIZE);
    if (ret_item_id)
        memcpy(ret_item_id, list->documents[0].item->id, DQ_ID_SIZE);
    dq_free(list);
}

bool claim_one(dq_queue *queue, char ret_token[DQ_TOKEN_SIZE], char ret_item_id[DQ_ID_SIZE])
{
    dq_claim_options options = {.limit = 1};
    dq_lease_list *list;
    expect(0, dq_claim(queue, &options, &list, error));
    bool found = list->count == 1;
    if (found) {
        memcpy(ret_token, list->leases[0].token, DQ_TOKEN_SIZE);
        memcpy(ret_item_id, list->leases[0].item.id, DQ_ID_SIZE);
    }
    dq_free(list);
    return found;
}

dq_item *item_of(dq_queue *queue, const char *item_id)
{
    dq_item *item = NULL;
    expect(0, dq_get_item(queue, item_id, &item, error));
    return item;
}

enum dq_status status_of(dq_queue *queue, const char *item_id)
{
    dq_item *item = item_of(queue, item_id);
    enum dq_status status = item->status;
    dq_free(item);
    return status;
}

void nap(int64_t microseconds)
{
    struct timespec ts = {.tv_sec = microseconds / S, .tv_nsec = microseconds % S * 1000};
    nanosleep(&ts, NULL);
}
