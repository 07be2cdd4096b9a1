/* The defaults of every limit. */
#include "http/http.h"

#define KIB           ((size_t)1024)
#define MIB           (1024 * KIB)
#define SECONDS_MS(n) ((int64_t)(n)*1000)

struct http_limits http_limits_default(void)
{
    return (struct http_limits){
        .connections_max = 4096,
        .pool_threads = 128,
        .request_line_bytes_max = 8 * KIB,
        .header_bytes_max = 32 * KIB,
        .headers_max = 100,
        .upload_bytes_max = (int64_t)(2048 * MIB),
        .json_bytes_max = 4 * MIB,
        .result_bytes_max = 64 * MIB,
        .pipeline_bytes_max = 64 * KIB,
        .chunk_bytes = 256 * KIB,
        .multipart_parts_max = 1000,
        .multipart_header_bytes_max = 8 * KIB,
        .header_ms = SECONDS_MS(10),
        .idle_ms = SECONDS_MS(60),
        .body_grace_ms = SECONDS_MS(10),
        .body_bytes_per_second_min = 1024,
        .body_ms = SECONDS_MS(3600),
        .write_ms = SECONDS_MS(30),
        .linger_ms = SECONDS_MS(2),
        .drain_ms = SECONDS_MS(20),
        .wait_seconds_max = 60,
        .cron_seconds_max = 300,
        .cron_runs_max = 4,
    };
}
