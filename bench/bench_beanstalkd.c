/*
 * The baseline: durable puts into beanstalkd (-f0, every put synced) from many connections, each
 * waiting for its answer. Prints one JSON object. Usage: bench_beanstalkd PORT CONNECTIONS SECONDS
 */
#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256 };

/* As long as docq's: {"document_id":"...","operation":"bench"} */
static const char put[] = "put 0 0 60 74\r\n"
                          "{\"document_id\":\"019ab0c2-0000-7000-8000-000000000000\","
                          "\"operation\":\"bench\"}\r\n";

static int port;
static int64_t deadline;

static void *client(void *counter)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char answer[64];
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("bench_beanstalkd: connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while (clock_tick() < deadline) {
        if (write(fd, put, sizeof put - 1) != sizeof put - 1 ||
            read(fd, answer, sizeof answer) < 10 || memcmp(answer, "INSERTED", 8) != 0) {
            fprintf(stderr, "bench_beanstalkd: the put was not accepted\n");
            exit(1);
        }
        ++*(int64_t *)counter;
    }
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    static int64_t counters[CONNECTIONS_MAX];
    pthread_t threads[CONNECTIONS_MAX];
    int count = argc == 4 ? (int)strtol(argv[2], NULL, 10) : 0;
    int64_t total = 0;
    if (count < 1 || count > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: bench_beanstalkd PORT CONNECTIONS SECONDS\n");
        return 2;
    }
    port = (int)strtol(argv[1], NULL, 10);
    int64_t start = clock_tick();
    deadline = start + strtoll(argv[3], NULL, 10) * US_PER_S;
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, client, &counters[i]) != 0)
            return 1;
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        total += counters[i];
    }
    printf("{\"requests\": %lld, \"microseconds\": %lld}\n", (long long)total,
           (long long)(clock_tick() - start));
    return 0;
}
