/* The transition table and the names of states and events. */
#include "core/state.h"

#include <string.h>

static const char *const status_names[DQ_STATUS_MAX] = {
    [DQ_PENDING] = "pending", [DQ_IN_PROGRESS] = "in_progress", [DQ_COMPLETED] = "completed",
    [DQ_FAILED] = "failed",   [DQ_CANCELLED] = "cancelled",
};

static const char *const event_names[EVENT_MAX] = {
    [EVENT_CLAIM] = "claim",       [EVENT_HEARTBEAT] = "heartbeat",
    [EVENT_COMPLETE] = "complete", [EVENT_RETRY_LATER] = "retry_later",
    [EVENT_FAIL] = "fail",         [EVENT_RELEASE] = "release",
    [EVENT_LOSE] = "lose",         [EVENT_SUPERSEDE] = "supersede",
    [EVENT_CANCEL] = "cancel",     [EVENT_RETRY] = "retry",
};

static const struct transition transitions[] = {
    {DQ_PENDING, EVENT_CLAIM, DQ_IN_PROGRESS},
    {DQ_PENDING, EVENT_CANCEL, DQ_CANCELLED},
    {DQ_IN_PROGRESS, EVENT_HEARTBEAT, DQ_IN_PROGRESS},
    {DQ_IN_PROGRESS, EVENT_COMPLETE, DQ_COMPLETED},
    {DQ_IN_PROGRESS, EVENT_RETRY_LATER, DQ_PENDING},
    {DQ_IN_PROGRESS, EVENT_FAIL, DQ_FAILED},
    {DQ_IN_PROGRESS, EVENT_RELEASE, DQ_PENDING},
    {DQ_IN_PROGRESS, EVENT_LOSE, DQ_PENDING},
    {DQ_IN_PROGRESS, EVENT_SUPERSEDE, DQ_CANCELLED},
    {DQ_IN_PROGRESS, EVENT_CANCEL, DQ_CANCELLED},
    {DQ_FAILED, EVENT_RETRY, DQ_PENDING},
    {DQ_CANCELLED, EVENT_RETRY, DQ_PENDING},
};

const struct transition *transition_find(enum dq_status from, enum event event)
{
    for (size_t i = 0; i < sizeof transitions / sizeof transitions[0]; i++)
        if (transitions[i].from == from && transitions[i].event == event)
            return &transitions[i];
    return NULL;
}

const char *event_name(enum event event)
{
    return event_names[event];
}

bool status_is_final(enum dq_status status)
{
    return status != DQ_PENDING && status != DQ_IN_PROGRESS;
}

const char *dq_status_name(enum dq_status status)
{
    return (unsigned)status < DQ_STATUS_MAX ? status_names[status] : "unknown";
}

int dq_status_parse(const char *name, size_t length)
{
    for (int i = 0; i < DQ_STATUS_MAX; i++)
        if (strlen(status_names[i]) == length && memcmp(status_names[i], name, length) == 0)
            return i;
    return DQ_INVALID;
}
