/* What each element does to the text around it. */
#include "extract/html_tree.h"

static const struct {
    GumboTag tag;
    enum effect effect;
} effects[] = {
    {GUMBO_TAG_SCRIPT, SKIP},      {GUMBO_TAG_STYLE, SKIP},
    {GUMBO_TAG_TEMPLATE, SKIP},    {GUMBO_TAG_HEAD, SKIP},
    {GUMBO_TAG_NOSCRIPT, INLINE},  {GUMBO_TAG_IFRAME, SKIP},
    {GUMBO_TAG_SVG, INLINE},       {GUMBO_TAG_BR, LINE_BREAK},
    {GUMBO_TAG_P, PARAGRAPH},      {GUMBO_TAG_H1, PARAGRAPH},
    {GUMBO_TAG_H2, PARAGRAPH},     {GUMBO_TAG_H3, PARAGRAPH},
    {GUMBO_TAG_H4, PARAGRAPH},     {GUMBO_TAG_H5, PARAGRAPH},
    {GUMBO_TAG_H6, PARAGRAPH},     {GUMBO_TAG_BLOCKQUOTE, PARAGRAPH},
    {GUMBO_TAG_UL, PARAGRAPH},     {GUMBO_TAG_OL, PARAGRAPH},
    {GUMBO_TAG_DL, PARAGRAPH},     {GUMBO_TAG_TABLE, TABLE},
    {GUMBO_TAG_PRE, PREFORMATTED}, {GUMBO_TAG_TEXTAREA, PREFORMATTED},
    {GUMBO_TAG_LI, ITEM},          {GUMBO_TAG_DT, BLOCK},
    {GUMBO_TAG_DD, BLOCK},         {GUMBO_TAG_TR, ROW},
    {GUMBO_TAG_TD, CELL},          {GUMBO_TAG_TH, CELL},
    {GUMBO_TAG_CAPTION, BLOCK},    {GUMBO_TAG_DIV, BLOCK},
    {GUMBO_TAG_SECTION, BLOCK},    {GUMBO_TAG_ARTICLE, BLOCK},
    {GUMBO_TAG_HEADER, BLOCK},     {GUMBO_TAG_FOOTER, BLOCK},
    {GUMBO_TAG_NAV, BLOCK},        {GUMBO_TAG_ASIDE, BLOCK},
    {GUMBO_TAG_MAIN, BLOCK},       {GUMBO_TAG_FORM, BLOCK},
    {GUMBO_TAG_FIELDSET, BLOCK},   {GUMBO_TAG_ADDRESS, BLOCK},
    {GUMBO_TAG_FIGURE, BLOCK},     {GUMBO_TAG_FIGCAPTION, BLOCK},
    {GUMBO_TAG_HR, BLOCK},         {GUMBO_TAG_CENTER, BLOCK},
    {GUMBO_TAG_DETAILS, BLOCK},    {GUMBO_TAG_SUMMARY, BLOCK},
    {GUMBO_TAG_BODY, BLOCK},       {GUMBO_TAG_HTML, BLOCK},
    {GUMBO_TAG_OPTION, BLOCK},     {GUMBO_TAG_LEGEND, BLOCK},
};

enum effect html_effect(const GumboNode *node)
{
    if (node->type == GUMBO_NODE_TEMPLATE)
        return SKIP;
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++)
        if (effects[i].tag == node->v.element.tag)
            return effects[i].effect;
    return INLINE;
}

bool html_is_element(const GumboNode *node)
{
    return node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE;
}

const char *html_attribute(const GumboNode *node, const char *name)
{
    const GumboAttribute *found = gumbo_get_attribute(&node->v.element.attributes, name);
    return found ? found->value : "";
}

bool html_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
