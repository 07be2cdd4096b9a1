/* How the parts of an Office Open XML package refer to each other (ECMA-376 part 2). */
#ifndef EXTRACT_OOXML_H
#define EXTRACT_OOXML_H

#include "base/arena.h"
#include "extract/archive.h"
#include "extract/xml.h"

enum { PART_NAME_SIZE = 256, RELATION_ID_SIZE = 64 };

struct relation {
    struct relation *next;       /* in the order of the file */
    char id[RELATION_ID_SIZE];   /* "rId7" */
    const char *type;            /* what stands behind the last slash: "worksheet" */
    char target[PART_NAME_SIZE]; /* name of a part, from the root of the package */
};

/* What `part` ("" for the package itself) refers to, in the arena: *ret_first is NULL where that is
 * nothing. References to the outside are left out. */
int relations_read(struct archive *archive, const char *part, struct arena *arena,
                   struct relation **ret_first, struct emit *emit, dq_error *error);

/* The first of that id (or type), or NULL. */
const struct relation *relation_by_id(const struct relation *first, const char *id);
const struct relation *relation_by_type(const struct relation *first, const char *type);

/* The part that the package is about, and what that refers to. `usual` is where it stands when the
 * package does not say. DQ_CORRUPT where it is missing. */
struct main_part {
    int entry;
    struct relation *relations;
};
int main_part_find(struct archive *archive, const char *usual, struct arena *arena,
                   struct main_part *ret_part, struct emit *emit, dq_error *error);

/* The attribute r:id, by which an element names a relation. */
bool relation_id(const struct xml_attributes *attributes, char id[RELATION_ID_SIZE]);

/* Text of DrawingML: slides, text boxes, diagrams, charts, tables; a line for each paragraph. */
int drawing_read(struct archive *archive, int entry, struct emit *emit, dq_error *error);

/* The same without the placeholders of a layout, which show what a slide may put there. */
int drawing_read_fixed(struct archive *archive, int entry, struct emit *emit, dq_error *error);

/* What `part` refers to and what is drawn in it: charts, diagrams, drawings, at most two steps
 * away. A damaged one is a problem. */
int drawings_read(struct archive *archive, const struct relation *first, struct emit *emit,
                  dq_error *error);

#endif
