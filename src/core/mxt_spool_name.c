
/*
 * Names of batches: read only if they are to the letter what is written.
 */


#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mxt_spool_name.h"


#define MXT_SPOOL_MS_MAX  9999999999999ULL


static uint64_t mxt_spool_digits(const char **p, unsigned n);
static int mxt_spool_hex(const char **p, unsigned n, uint64_t *value);


void
mxt_spool_format(const mxt_spool_name_t *name, char *buf)
{
    uint64_t  created, oldest;

    created = name->created;
    oldest = name->oldest;

    if (created > MXT_SPOOL_MS_MAX) {
        created = MXT_SPOOL_MS_MAX;
    }

    if (oldest > MXT_SPOOL_MS_MAX) {
        oldest = MXT_SPOOL_MS_MAX;
    }

    snprintf(buf, MXT_SPOOL_NAME_MAX,
             "%013llu-%u-%013llu-%016llx-%08x-%016llx.json%s",
             (unsigned long long) created, name->events,
             (unsigned long long) oldest, (unsigned long long) name->writer,
             name->seq, (unsigned long long) name->destination,
             name->gzip ? ".gz" : "");
}


int
mxt_spool_parse(const char *file, mxt_spool_name_t *name)
{
    char         again[MXT_SPOOL_NAME_MAX];
    uint64_t     events, seq;
    const char  *p;

    p = file;

    name->created = mxt_spool_digits(&p, 13);

    if (*p++ != '-') {
        return -1;
    }

    events = mxt_spool_digits(&p, 10);

    if (*p++ != '-') {
        return -1;
    }

    name->oldest = mxt_spool_digits(&p, 13);

    if (*p++ != '-'
        || mxt_spool_hex(&p, 16, &name->writer) != 0 || *p++ != '-'
        || mxt_spool_hex(&p, 8, &seq) != 0 || *p++ != '-'
        || mxt_spool_hex(&p, 16, &name->destination) != 0)
    {
        return -1;
    }

    name->events = (uint32_t) events;
    name->seq = (uint32_t) seq;
    name->gzip = strcmp(p, ".json.gz") == 0;

    /* finds leading zeros, too few digits, and what was cut off just now */

    mxt_spool_format(name, again);

    return strcmp(file, again) == 0 ? 0 : -1;
}


mxt_spool_kind_e
mxt_spool_kind(const char *file, mxt_spool_name_t *name)
{
    char    buf[MXT_SPOOL_NAME_MAX];
    size_t  n;

    if (mxt_spool_parse(file, name) == 0) {
        return MXT_SPOOL_IS_BATCH;
    }

    n = sizeof(MXT_SPOOL_TEMP) - 1;

    if (strncmp(file, MXT_SPOOL_TEMP, n) == 0) {
        return mxt_spool_parse(file + n, name) == 0 ? MXT_SPOOL_IS_TEMP
                                                    : MXT_SPOOL_IS_FOREIGN;
    }

    n = strlen(file);

    if (n < sizeof(MXT_SPOOL_BAD)
        || n - (sizeof(MXT_SPOOL_BAD) - 1) >= sizeof(buf))
    {
        return MXT_SPOOL_IS_FOREIGN;
    }

    n -= sizeof(MXT_SPOOL_BAD) - 1;

    memcpy(buf, file, n);
    buf[n] = '\0';

    return strcmp(file + n, MXT_SPOOL_BAD) == 0
           && mxt_spool_parse(buf, name) == 0
           ? MXT_SPOOL_IS_BAD : MXT_SPOOL_IS_FOREIGN;
}


uint64_t
mxt_spool_destination(const char *piece, ...)
{
    va_list      args;
    uint64_t     hash;
    const char  *p;

    hash = 14695981039346656037ULL;

    va_start(args, piece);

    while (piece) {

        p = piece;

        do {
            hash ^= (unsigned char) *p;
            hash *= 1099511628211ULL;
        } while (*p++);

        piece = va_arg(args, const char *);
    }

    va_end(args);

    return hash;
}


static uint64_t
mxt_spool_digits(const char **p, unsigned n)
{
    uint64_t     v;
    const char  *s;

    v = 0;

    for (s = *p; n && *s >= '0' && *s <= '9'; s++, n--) {
        v = v * 10 + (uint64_t) (*s - '0');
    }

    *p = s;

    return v;
}


static int
mxt_spool_hex(const char **p, unsigned n, uint64_t *value)
{
    uint64_t     v;
    const char  *s;

    v = 0;

    for (s = *p; n; s++, n--) {

        if (*s >= '0' && *s <= '9') {
            v = v << 4 | (uint64_t) (*s - '0');

        } else if (*s >= 'a' && *s <= 'f') {
            v = v << 4 | (uint64_t) (*s - 'a' + 10);

        } else {
            return -1;
        }
    }

    *p = s;
    *value = v;

    return 0;
}
