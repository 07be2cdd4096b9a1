/* A table sorted by word; RTF 1.9.1. */
#include "extract/rtf_words.h"

#include "extract/emit.h"

#include <stdlib.h>
#include <string.h>

static const struct rtf_word words[] = {
    {"aftnsep", RTF_SKIP, 0, ""},
    {"aftnsepc", RTF_SKIP, 0, ""},
    {"annotation", RTF_ASIDE, 0, ""},
    {"ansi", RTF_CODE_PAGE, 1252, ""},
    {"ansicpg", RTF_CODE_PAGE, 0, ""},
    {"author", RTF_FACT, FACT_AUTHOR, ""},
    {"bin", RTF_BINARY, 0, ""},
    {"bullet", RTF_TEXT, 0, "\xe2\x80\xa2"},
    {"category", RTF_SKIP, 0, ""},
    {"cell", RTF_CELL, 0, ""},
    {"colortbl", RTF_SKIP, 0, ""},
    {"column", RTF_PARAGRAPH, 0, ""},
    {"company", RTF_SKIP, 0, ""},
    {"cpg", RTF_FONT_PAGE, 0, ""},
    {"creatim", RTF_TIME, FACT_CREATED, ""},
    {"deleted", RTF_HIDDEN, 0, ""},
    {"doccomm", RTF_FACT, FACT_DESCRIPTION, ""},
    {"dy", RTF_TIME_PART, 2, ""},
    {"emdash", RTF_TEXT, 0, "\xe2\x80\x94"},
    {"emspace", RTF_TEXT, 0, " "},
    {"endash", RTF_TEXT, 0, "\xe2\x80\x93"},
    {"enspace", RTF_TEXT, 0, " "},
    {"f", RTF_FONT, 0, ""},
    {"fcharset", RTF_FONT_SET, 0, ""},
    {"fldrslt", RTF_READ, 0, ""},
    {"fonttbl", RTF_FONTS, 0, ""},
    {"footer", RTF_ASIDE, 0, ""},
    {"footerf", RTF_ASIDE, 0, ""},
    {"footerl", RTF_ASIDE, 0, ""},
    {"footerr", RTF_ASIDE, 0, ""},
    {"footnote", RTF_ASIDE, 0, ""},
    {"ftnsep", RTF_SKIP, 0, ""},
    {"ftnsepc", RTF_SKIP, 0, ""},
    {"generator", RTF_FACT, FACT_PRODUCER, ""},
    {"header", RTF_ASIDE, 0, ""},
    {"headerf", RTF_ASIDE, 0, ""},
    {"headerl", RTF_ASIDE, 0, ""},
    {"headerr", RTF_ASIDE, 0, ""},
    {"hr", RTF_TIME_PART, 3, ""},
    {"info", RTF_SKIP, 0, ""},
    {"intbl", RTF_IN_TABLE, 0, ""},
    {"keywords", RTF_FACT, FACT_KEYWORDS, ""},
    {"ldblquote", RTF_TEXT, 0, "\xe2\x80\x9c"},
    {"line", RTF_PARAGRAPH, 0, ""},
    {"listtext", RTF_READ, 0, ""},
    {"lquote", RTF_TEXT, 0, "\xe2\x80\x98"},
    {"mac", RTF_CODE_PAGE, 10000, ""},
    {"min", RTF_TIME_PART, 4, ""},
    {"mo", RTF_TIME_PART, 1, ""},
    {"nestcell", RTF_CELL, 0, ""},
    {"nestrow", RTF_ROW, 0, ""},
    {"nonshppict", RTF_SKIP, 0, ""},
    {"page", RTF_PAGE, 0, ""},
    {"par", RTF_PARAGRAPH, 0, ""},
    {"pard", RTF_PLAIN, 0, ""},
    {"pc", RTF_CODE_PAGE, 437, ""},
    {"pca", RTF_CODE_PAGE, 850, ""},
    {"pict", RTF_SKIP, 0, ""},
    {"plain", RTF_SHOWN, 0, ""},
    {"pntext", RTF_READ, 0, ""},
    {"qmspace", RTF_TEXT, 0, " "},
    {"rdblquote", RTF_TEXT, 0, "\xe2\x80\x9d"},
    {"revtim", RTF_TIME, FACT_MODIFIED, ""},
    {"row", RTF_ROW, 0, ""},
    {"rquote", RTF_TEXT, 0, "\xe2\x80\x99"},
    {"sec", RTF_TIME_PART, 5, ""},
    {"sect", RTF_PARAGRAPH, 0, ""},
    {"shpinst", RTF_READ, 0, ""},
    {"shprslt", RTF_SKIP, 0, ""},
    {"shptxt", RTF_ASIDE, 0, ""},
    {"sp", RTF_SKIP, 0, ""},
    {"stylesheet", RTF_SKIP, 0, ""},
    {"subject", RTF_FACT, FACT_SUBJECT, ""},
    {"tab", RTF_TAB, 0, ""},
    {"tc", RTF_SKIP, 0, ""},
    {"title", RTF_FACT, FACT_TITLE, ""},
    {"trowd", RTF_IN_TABLE, 0, ""},
    {"u", RTF_UNICODE, 0, ""},
    {"uc", RTF_FALLBACK, 0, ""},
    {"ud", RTF_READ, 0, ""},
    {"upr", RTF_SKIP, 0, ""},
    {"v", RTF_HIDDEN, 0, ""},
    {"xe", RTF_SKIP, 0, ""},
    {"yr", RTF_TIME_PART, 0, ""},
};

static int compare(const void *word, const void *row)
{
    return strcmp(word, ((const struct rtf_word *)row)->word);
}

const struct rtf_word *rtf_word_find(const char *word)
{
    return bsearch(word, words, sizeof words / sizeof words[0], sizeof words[0], compare);
}

const char *rtf_font_page(int set)
{
    static const struct {
        int set;
        const char *page;
    } pages[] = {{0, "cp1252"},   {77, "cp10000"}, {128, "cp932"},  {129, "cp949"},
                 {130, "cp1361"}, {134, "cp936"},  {136, "cp950"},  {161, "cp1253"},
                 {162, "cp1254"}, {163, "cp1258"}, {177, "cp1255"}, {178, "cp1256"},
                 {186, "cp1257"}, {204, "cp1251"}, {222, "cp874"},  {238, "cp1250"},
                 {254, "cp437"},  {255, "cp850"}};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (pages[i].set == set)
            return pages[i].page;
    return "";
}
