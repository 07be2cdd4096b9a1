/* The control words of RTF that mean something to a reader of text. */
#ifndef EXTRACT_RTF_WORDS_H
#define EXTRACT_RTF_WORDS_H

enum rtf_action {
    RTF_TEXT,      /* stands for `text` */
    RTF_PARAGRAPH, /* ends one */
    RTF_PAGE,      /* ends one */
    RTF_CELL,      /* ends one */
    RTF_ROW,       /* ends one */
    RTF_TAB,
    RTF_IN_TABLE,  /* this paragraph is in a table */
    RTF_PLAIN,     /* this one is not; nothing is hidden */
    RTF_HIDDEN,    /* unless its number is 0 */
    RTF_SHOWN,     /* ends hiding */
    RTF_CODE_PAGE, /* its number, or `value`, is the document's */
    RTF_FONT,      /* chooses one, or names one in the table */
    RTF_FONT_SET,  /* its number is the character set of the font */
    RTF_FONT_PAGE, /* its number is the code page of the font */
    RTF_UNICODE,   /* its number is a UTF-16 unit */
    RTF_FALLBACK,  /* its number is how many characters follow each \u for old readers */
    RTF_BINARY,    /* so many bytes follow */
    RTF_READ,      /* the group is text */
    RTF_ASIDE,     /* the group is text that follows the paragraph */
    RTF_SKIP,      /* the group is no text */
    RTF_FONTS,     /* the group is the table of fonts */
    RTF_FACT,      /* the group is the fact `value` */
    RTF_TIME,      /* the group is the fact `value`, as numbers */
    RTF_TIME_PART, /* year, month, ...: place `value` */
};

struct rtf_word {
    const char *word;
    enum rtf_action action;
    int value;
    const char *text;
};

/* NULL where the word is about looks only. */
const struct rtf_word *rtf_word_find(const char *word);

/* The code page of a font's character set: "cp932"; "" is the document's own. */
const char *rtf_font_page(int set);

#endif
