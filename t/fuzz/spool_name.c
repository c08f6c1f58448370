/* link: src/core/mxt_spool_name.c */

/*
 * Fuzzes the names of batches.  The input is a name once, and once the numbers
 * that a name is made of.
 *
 * What must hold: what is written is read as what it was, and what is read is
 * to the letter what is written.  One mark before it (".tmp-") or behind it
 * (".bad") makes it another kind of name, all else a foreign one.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/mxt_spool_name.h"


#define FUZZ_MS_MAX  9999999999999ULL
#define FUZZ_WHOLE   (MXT_SPOOL_NAME_MAX + 16)

#define check(cond)                                                          \
    if (!(cond)) {                                                           \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        abort();                                                             \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
fuzz_same(const mxt_spool_name_t *a, const mxt_spool_name_t *b)
{
    return a->created == b->created && a->oldest == b->oldest
           && a->events == b->events && a->writer == b->writer
           && a->seq == b->seq && a->destination == b->destination
           && a->gzip == b->gzip;
}


/* it is of that kind, and has these parts and no others */

static void
fuzz_kind(const char *file, mxt_spool_kind_e want,
    const mxt_spool_name_t *name)
{
    char              again[MXT_SPOOL_NAME_MAX], whole[FUZZ_WHOLE];
    mxt_spool_name_t  got;

    static const char *const  before[] = { "", "", ".tmp-", "" };
    static const char *const  behind[] = { "", "", "", ".bad" };

    check(mxt_spool_kind(file, &got) == want);

    if (want != MXT_SPOOL_IS_FOREIGN) {
        check(fuzz_same(&got, name));

        mxt_spool_format(&got, again);
        (void) snprintf(whole, sizeof(whole), "%s%s%s", before[want], again,
                        behind[want]);
        check(strcmp(file, whole) == 0);
    }
}


/* of its exact size, for the sanitizers to see a byte too far */

static char *
fuzz_copy(const void *data, size_t size)
{
    char  *s;

    s = malloc(size + 1);
    memcpy(s, data, size);
    s[size] = '\0';

    return s;
}


static void
fuzz_parse(const uint8_t *data, size_t size)
{
    char              *file, *part, again[MXT_SPOOL_NAME_MAX];
    size_t             len;
    mxt_spool_kind_e   kind;
    mxt_spool_name_t   name;

    file = fuzz_copy(data, size);
    len = strlen(file);
    kind = MXT_SPOOL_IS_FOREIGN;

    if (mxt_spool_parse(file, &name) == 0) {
        check(name.gzip <= 1);
        check(name.created <= FUZZ_MS_MAX && name.oldest <= FUZZ_MS_MAX);

        mxt_spool_format(&name, again);
        check(strcmp(file, again) == 0);

        kind = MXT_SPOOL_IS_BATCH;

    } else if (strncmp(file, ".tmp-", 5) == 0) {
        part = fuzz_copy(file + 5, len - 5);

        if (mxt_spool_parse(part, &name) == 0) {
            kind = MXT_SPOOL_IS_TEMP;
        }

        free(part);

    } else if (len > 4 && strcmp(file + len - 4, ".bad") == 0) {
        part = fuzz_copy(file, len - 4);

        if (mxt_spool_parse(part, &name) == 0) {
            kind = MXT_SPOOL_IS_BAD;
        }

        free(part);
    }

    fuzz_kind(file, kind, &name);

    free(file);
}


/* each name with what makes another one of it */

static void
fuzz_kinds(const char *batch, const mxt_spool_name_t *name)
{
    char    whole[FUZZ_WHOLE], *file;
    size_t  i;

    static const struct {
        const char        *format;
        mxt_spool_kind_e   kind;
    } kind[] = {
        { "%s", MXT_SPOOL_IS_BATCH },
        { ".tmp-%s", MXT_SPOOL_IS_TEMP },
        { "%s.bad", MXT_SPOOL_IS_BAD },
        { ".tmp-%s.bad", MXT_SPOOL_IS_FOREIGN },
        { ".tmp-.tmp-%s", MXT_SPOOL_IS_FOREIGN },
        { "%s.bad.bad", MXT_SPOOL_IS_FOREIGN },
        { ".%s", MXT_SPOOL_IS_FOREIGN }
    };

    for (i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
        (void) snprintf(whole, sizeof(whole), kind[i].format, batch);
        file = fuzz_copy(whole, strlen(whole));
        fuzz_kind(file, kind[i].kind, name);
        free(file);
    }
}


/* a number of so many of the bytes that are left, as far as there are any */

static uint64_t
fuzz_number(const uint8_t **data, size_t *size, size_t n)
{
    uint64_t  v;

    for (v = 0; n && *size; n--, (*size)--) {
        v = v << 8 | *(*data)++;
    }

    return v;
}


static void
fuzz_format(const uint8_t *data, size_t size)
{
    char              file[MXT_SPOOL_NAME_MAX];
    mxt_spool_name_t  name, got;

    name.gzip = fuzz_number(&data, &size, 1) & 1;
    name.created = fuzz_number(&data, &size, 6);
    name.oldest = fuzz_number(&data, &size, 8);
    name.events = (uint32_t) fuzz_number(&data, &size, 4);
    name.writer = fuzz_number(&data, &size, 8);
    name.seq = (uint32_t) fuzz_number(&data, &size, 4);
    name.destination = fuzz_number(&data, &size, 8);

    memset(file, 'x', sizeof(file));
    mxt_spool_format(&name, file);

    check(memchr(file, '\0', sizeof(file)) != NULL);
    check(strspn(file, "0123456789abcdef-") == strlen(file)
                                               - (name.gzip ? 8 : 5));
    check(mxt_spool_parse(file, &got) == 0);

    if (name.created > FUZZ_MS_MAX) {
        name.created = FUZZ_MS_MAX;
    }

    if (name.oldest > FUZZ_MS_MAX) {
        name.oldest = FUZZ_MS_MAX;
    }

    check(fuzz_same(&got, &name));

    fuzz_kinds(file, &name);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_parse(data, size);
    fuzz_format(data, size);

    return 0;
}
