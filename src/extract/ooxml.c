/* Relations: word/_rels/document.xml.rels says what rId7 in word/document.xml is. */
#include "extract/ooxml.h"

#include "extract/budget.h"

#include <stdio.h>
#include <string.h>

struct reading {
    struct arena *arena;
    const char *part;
    struct relation *first, **last;
    int count;
};

static void on_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct reading *reading = context;
    char type[PART_NAME_SIZE], target[PART_NAME_SIZE], mode[16];
    if (strcmp(name, "Relationship") != 0 || reading->count++ >= LIMIT_ARCHIVE_ENTRIES)
        return;
    xml_attribute(attributes, "TargetMode", mode, sizeof mode);
    if (strcmp(mode, "External") == 0)
        return;
    struct relation *relation = arena_alloc(reading->arena, sizeof *relation);
    xml_attribute(attributes, "Id", relation->id, sizeof relation->id);
    xml_attribute(attributes, "Type", type, sizeof type);
    xml_attribute(attributes, "Target", target, sizeof target);
    relation->type =
        arena_strdup(reading->arena, strrchr(type, '/') ? strrchr(type, '/') + 1 : type);
    archive_resolve(reading->part, target, relation->target, sizeof relation->target);
    *reading->last = relation;
    reading->last = &relation->next;
}

int relations_read(struct archive *archive, const char *part, struct arena *arena,
                   struct relation **ret_first, struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {.start = on_start};
    struct reading reading = {.arena = arena, .part = part};
    char name[PART_NAME_SIZE + 16];
    const char *slash = strrchr(part, '/');
    size_t folder = slash ? (size_t)(slash - part) + 1 : 0;
    reading.last = &reading.first;
    snprintf(name, sizeof name, "%.*s_rels/%s.rels", (int)folder, part, part + folder);
    int entry = archive_find(archive, name);
    int result = entry < 0 ? 0 : xml_parse(archive, entry, &handler, &reading, emit, error);
    if (result == 0)
        *ret_first = reading.first;
    return result;
}

const struct relation *relation_by_id(const struct relation *first, const char *id)
{
    while (first && strcmp(first->id, id) != 0)
        first = first->next;
    return first;
}

const struct relation *relation_by_type(const struct relation *first, const char *type)
{
    while (first && strcmp(first->type, type) != 0)
        first = first->next;
    return first;
}

int main_part_find(struct archive *archive, const char *usual, struct arena *arena,
                   struct main_part *ret_part, struct emit *emit, dq_error *error)
{
    struct relation *relations = NULL;
    int result = relations_read(archive, "", arena, &relations, emit, error);
    if (result < 0)
        return result;
    const struct relation *main = relation_by_type(relations, "officeDocument");
    const char *part = main && archive_find(archive, main->target) >= 0 ? main->target : usual;
    struct main_part found = {.entry = archive_find(archive, part)};
    if (found.entry < 0)
        return error_set(error, DQ_CORRUPT, "The document has no main part.");
    result = relations_read(archive, part, arena, &found.relations, emit, error);
    if (result == 0)
        *ret_part = found;
    return result;
}

bool relation_id(const struct xml_attributes *attributes, char id[RELATION_ID_SIZE])
{
    return xml_attribute_of(attributes, "/relationships", "id", id, RELATION_ID_SIZE);
}
