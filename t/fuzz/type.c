
/*
 * Fuzzes the types: the input is a value, for all of them in turn, behind
 * the size of the buffer.  What they write must be what the reference would
 * write, byte for byte; when it does not fit, the beginning of that; and for
 * a value that is none, nothing.  What was written must be a value of the
 * type itself, and stay the same when written again.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/type_ref.h"

#include "../../src/core/mxt_json.c"
#include "../../src/core/mxt_number.c"
#include "../../src/core/mxt_type.c"
#include "../../src/core/mxt_type_time.c"
#include "../../src/core/mxt_unescape.c"


#define FUZZ_ROOM  (REF_SIZE + 100)

#define check(cond)                                                          \
    if (!(cond)) {                                                           \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        abort();                                                             \
    }


typedef unsigned (*fuzz_type_pt)(mxt_json_t *j, const void *text, size_t len,
    unsigned *cut);


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static unsigned
fuzz_time(mxt_json_t *j, const void *text, size_t len, unsigned *cut)
{
    (void) cut;

    return mxt_type_time(j, text, len);
}


static json_t *
fuzz_load(const void *s, size_t n)
{
    return json_loadb(s, n, JSON_DECODE_ANY | JSON_ALLOW_NUL
                            | JSON_REJECT_DUPLICATES, NULL);
}


/* what was written is a value, and the same value */

static void
fuzz_again(fuzz_type_pt type, const unsigned char *s, size_t n)
{
    size_t          len;
    json_t         *root;
    unsigned        cut;
    mxt_json_t      j;
    unsigned char  *buf, *copy;

    check(n <= REF_SIZE);

    root = fuzz_load(s, n);
    check(root);

    copy = malloc(n);
    buf = malloc(n);
    len = n;
    memcpy(copy, s, n);

    if (type == fuzz_time) {
        check(json_is_string(root));
        len -= 2;
        memmove(copy, copy + 1, len);

    } else if (type == mxt_type_list) {
        check(json_is_array(root) && json_array_size(root)
              && json_array_size(root) <= REF_COUNT);
        type = mxt_type_json;
    }

    mxt_json_init(&j, buf, n);
    cut = 0;

    check(type(&j, copy, len, &cut) == MXT_TYPE_OK);
    check(!j.overflow && (size_t) (j.pos - buf) == n);
    check(memcmp(buf, s, n) == 0 && cut == 0);

    json_decref(root);
    free(buf);
    free(copy);
}


static void
fuzz_type(fuzz_type_pt type, ref_type_t ref, const uint8_t *s, size_t n,
    size_t room)
{
    size_t          len;
    unsigned        rc, cut;
    mxt_json_t      j;
    unsigned char  *buf;

    buf = malloc(room ? room : 1);
    mxt_json_init(&j, buf, room);
    cut = 0;

    rc = type(&j, s, n, &cut);
    len = (size_t) (j.pos - buf);

    check(len <= room);

    if (ref.type == REF_UNKNOWN && !j.overflow) {

        /* a number near the limits: taken or not, by the first or last digit
         * of what a double can hold */

        check(rc == MXT_TYPE_MISTYPED
              || (len == ref.len && memcmp(buf, ref.text, len) == 0));
        ref.type = (int) rc;
    }

    if (j.overflow) {
        check(rc == MXT_TYPE_OK && room < REF_SIZE);
        check(ref.type == REF_MISTYPED || ref.type == REF_UNKNOWN
              || (ref.len > room && memcmp(buf, ref.text, len) == 0));

    } else {
        check((int) rc == ref.type);
        check(j.start == buf && j.end == buf + room);

        if (rc == MXT_TYPE_OK) {
            check(len == ref.len && memcmp(buf, ref.text, len) == 0);
            check(cut == ref.cut);
            fuzz_again(type, buf, len);

        } else {
            check(len == 0 && cut == 0);
        }
    }

    free(buf);
    free(ref.text);
}


static void
fuzz_number(const uint8_t *s, size_t n)
{
    int             rc;
    size_t          len;
    json_t         *root;
    mxt_json_t      j;
    ref_number_t    ref;
    unsigned char   buf[128], again[128];

    mxt_json_init(&j, buf, sizeof(buf));

    ref = ref_number((const char *) s, n);
    rc = mxt_json_number(&j, s, n);
    len = (size_t) (j.pos - buf);

    check(!j.overflow);
    check(ref.valid == -1 || rc == ref.valid - 1);

    if (rc != 0) {
        check(rc == -1 && len == 0);
        return;
    }

    root = fuzz_load(buf, len);

    if (json_is_integer(root)) {
        check(ref.integer || ref.exponent);
        check(!ref.integer || json_integer_value(root) == ref.whole);
        check(!ref.exponent
              || (double) json_integer_value(root) == ref.real);

    } else {
        check(json_is_real(root) && !ref.integer);
        check(json_real_value(root) == ref.real);

        /* an exponent is left only to what is really great or small */
        check(ref.real == 0 || fabs(ref.real) < 1e-17
              || fabs(ref.real) >= 9.99999e17
              || (memchr(buf, 'e', len) == NULL
                  && memchr(buf, 'E', len) == NULL));
    }

    json_decref(root);

    /* mended it needs no more mending, but it may have become too long */

    if (len <= 64) {
        mxt_json_init(&j, again, sizeof(again));
        check(mxt_json_number(&j, buf, len) == 0);
        check((size_t) (j.pos - again) == len
              && memcmp(again, buf, len) == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    n, room;
    uint8_t  *s;

    if (size == 0) {
        return 0;
    }

    room = (data[0] & 1) ? (size_t) data[0] >> 1 : FUZZ_ROOM;

    /* of its exact size, for the sanitizers to see a byte too far */

    n = size - 1;
    s = malloc(n ? n : 1);
    memcpy(s, data + 1, n);

    fuzz_number(s, n);
    fuzz_type(fuzz_time, ref_time((char *) s, n), s, n, room);
    fuzz_type(mxt_type_list, ref_list((char *) s, n), s, n, room);
    fuzz_type(mxt_type_json, ref_json((char *) s, n), s, n, room);

    free(s);

    return 0;
}
