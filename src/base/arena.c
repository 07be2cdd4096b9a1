/* A chain of blocks; big requests get a block of their own. */
#include "base/arena.h"

#include "base/error.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 4000 };

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *blocks;
    alignas(max_align_t) unsigned char reply[];
};

static struct block *block_new(size_t size)
{
    struct block *block = malloc(sizeof *block + size);
    if (!block)
        bug("out of memory (%zu bytes)", size);
    *block = (struct block){.size = size};
    return block;
}

static struct arena *arena_with(size_t reply_bytes)
{
    struct arena *arena = calloc(1, sizeof *arena + reply_bytes);
    if (!arena)
        bug("out of memory (%zu bytes)", reply_bytes);
    return arena;
}

struct arena *arena_new(void)
{
    return arena_with(0);
}

void *reply_new(size_t size, struct arena **ret_arena)
{
    struct arena *arena = arena_with(size);
    *ret_arena = arena;
    return arena->reply;
}

void dq_free(const void *reply)
{
    if (reply)
        arena_free((struct arena *)((uintptr_t)reply - offsetof(struct arena, reply)));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

void arena_release(struct arena **arena)
{
    arena_free(*arena);
    *arena = NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    size = (size + align - 1) / align * align;
    struct block *block = arena->blocks;
    if (!block || block->size - block->used < size) {
        struct block *fresh = block_new(size > BLOCK_BYTES ? size : BLOCK_BYTES);
        if (block && size > BLOCK_BYTES / 2) { /* keep filling the current block */
            fresh->next = block->next;
            block->next = fresh;
        } else {
            fresh->next = block;
            arena->blocks = fresh;
        }
        block = fresh;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memset(memory, 0, size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = arena_alloc(arena, (size_t)(length < 0 ? 0 : length) + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
