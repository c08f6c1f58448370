
/*
 * The failed_records of /import: which events it did not take, and why.
 *
 * A jansson object of two: "id" has the records by $insert_id, "index" those
 * without one by their index, in decimal.  Of two records with the same name
 * the first one counts.
 */


#include <stdio.h>
#include <string.h>

#include "mxt_records.h"


/* what an $insert_id may have, by Mixpanel's documentation */
#define MXT_RECORDS_STRING  36


static int mxt_records_add(json_t *records, json_t *record, uint32_t events);
static int mxt_records_put(json_t *records, const char *which,
    const char *name, json_t *record);
static const char *mxt_records_id(const json_t *record);
static const char *mxt_records_member(const json_t *record, const char *key);
static unsigned mxt_records_like_id(const char *s);


json_t *
mxt_records_create(json_t *list, uint32_t events, uint32_t *failed,
    uint32_t *named)
{
    int       rc;
    size_t    i, names, others;
    json_t   *records;

    names = 0;
    others = 0;

    records = json_pack("{s:{},s:{}}", "id", "index");

    if (records == NULL) {
        return NULL;
    }

    for (i = 0; i < json_array_size(list); i++) {

        rc = mxt_records_add(records, json_array_get(list, i), events);

        if (rc == -1) {
            json_decref(records);
            return NULL;
        }

        others += rc == 0;
    }

    names = json_object_size(json_object_get(records, "id"))
            + json_object_size(json_object_get(records, "index"));

    *named = names < events ? (uint32_t) names : events;
    *failed = names + others < events ? (uint32_t) (names + others) : events;

    return records;
}


json_t *
mxt_records_find(const json_t *records, uint32_t index, const char *insert_id,
    size_t len)
{
    char     name[MXT_RECORDS_ID + 1];
    json_t  *record;

    /* what is longer, or has a NUL in it, is not in any record */

    if (insert_id && len <= MXT_RECORDS_ID) {
        memcpy(name, insert_id, len);
        name[len] = '\0';

        if (strlen(name) == len) {
            record = json_object_get(json_object_get(records, "id"), name);

            if (record) {
                return record;
            }
        }
    }

    snprintf(name, sizeof(name), "%lu", (unsigned long) index);

    return json_object_get(json_object_get(records, "index"), name);
}


size_t
mxt_records_reason(const json_t *record, char *why, size_t size,
    const mxt_words_t *words)
{
    size_t       n;
    const char  *field, *message;

    if (size > MXT_WORDS_MAX + 1) {
        size = MXT_WORDS_MAX + 1;
    }

    n = 0;
    why[0] = '\0';

    field = mxt_records_member(record, "field");
    message = mxt_records_member(record, "message");

    if (field) {
        n = mxt_words_clean(why, size, field, words);
    }

    if (field && message && size - n > 2) {
        memcpy(why + n, ": ", 3);
        n += 2;
    }

    if (message) {
        n += mxt_words_clean(why + n, size - n, message, words);
    }

    return n;
}


void
mxt_records_done(json_t *records)
{
    json_decref(records);
}


/* 1 if the record names an event, 0 if it names none, -1 without memory */

static int
mxt_records_add(json_t *records, json_t *record, uint32_t events)
{
    char          name[sizeof("18446744073709551615")];
    json_t       *index;
    json_int_t    n;
    const char   *id;

    id = mxt_records_id(record);

    if (id) {
        return mxt_records_put(records, "id", id, record);
    }

    index = json_object_get(record, "index");

    if (!json_is_integer(index)) {
        return 0;
    }

    n = json_integer_value(index);

    if (n < 0 || n >= events) {
        return 0;
    }

    snprintf(name, sizeof(name), "%lu", (unsigned long) n);

    return mxt_records_put(records, "index", name, record);
}


static int
mxt_records_put(json_t *records, const char *which, const char *name,
    json_t *record)
{
    json_t  *names;

    names = json_object_get(records, which);

    if (json_object_get(names, name)) {
        return 1;
    }

    return json_object_set(names, name, record) == 0 ? 1 : -1;
}


static const char *
mxt_records_id(const json_t *record)
{
    const char  *id;

    if (json_is_string(record)) {
        id = json_string_value(record);
        return mxt_records_like_id(id) ? id : NULL;
    }

    id = mxt_records_member(record, "$insert_id");

    if (id == NULL) {
        id = mxt_records_member(record, "insert_id");
    }

    return (id && strlen(id) <= MXT_RECORDS_ID) ? id : NULL;
}


/* a string that is not empty, or NULL; record may be anything */

static const char *
mxt_records_member(const json_t *record, const char *key)
{
    const char  *s;

    s = json_string_value(json_object_get(record, key));

    return (s && *s) ? s : NULL;
}


static unsigned
mxt_records_like_id(const char *s)
{
    size_t  n;

    n = strspn(s, "0123456789-abcdefghijklmnopqrstuvwxyz"
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return n > 0 && n <= MXT_RECORDS_STRING && s[n] == '\0';
}
