
/*
 * Fuzzes the JSON writer: the input is a program that writes one event into
 * a buffer of a size it chooses.  When the event fits, it must be what the
 * plain reference writes, byte for byte, and jansson must load it and find
 * in it what went in.  When it does not, what was written must be where the
 * reference could break off.
 *
 * Nothing here is malloc'ed while it runs: under the sanitizers that took more
 * than half of the time.  What the writer must not leave lies in memory that
 * is poisoned around it instead.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sanitizer/asan_interface.h>

#include "../unit/json_ref.h"

#include "../../src/core/mxt_json.c"
#include "../../src/core/mxt_number.c"


#define FUZZ_STEPS_MAX  64
#define FUZZ_OUT_MAX    (1 << 17)
#define FUZZ_BYTES_MAX  (0x20 * 0x3f)
#define FUZZ_LOAD_MAX   (1 << 20)
#define FUZZ_ALIGN      16

#define check(cond)                                                          \
    if (!(cond)) {                                                           \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        abort();                                                             \
    }


enum {
    FUZZ_STRING = 0,
    FUZZ_PIECES,
    FUZZ_NUMBER,
    FUZZ_BOOL,
    FUZZ_UINT,
    FUZZ_SECONDS,
    FUZZ_KINDS
};


typedef struct {
    const uint8_t  *pos;
    const uint8_t  *last;
} fuzz_in_t;


/* what the reference made of a step */

typedef struct {
    unsigned        kind;
    size_t          len;
    ref_number_t    number;
    uint64_t        n;
    int             flag;

    /* as a reader should see it */
    unsigned char   text[MXT_JSON_STRING_MAX];
} fuzz_value_t;


int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static char           fuzz_names[FUZZ_STEPS_MAX][8];
static size_t         fuzz_loaded;
static unsigned char  fuzz_load[FUZZ_LOAD_MAX]
                          __attribute__((aligned(FUZZ_ALIGN)));


/*
 * n bytes of the size bytes at mem, such that reading or writing before or
 * behind them is reported.
 */

static unsigned char *
fuzz_fence(unsigned char *mem, size_t size, size_t n)
{
    ASAN_POISON_MEMORY_REGION(mem, size);
    ASAN_UNPOISON_MEMORY_REGION(mem + FUZZ_ALIGN, n);

    return mem + FUZZ_ALIGN;
}


/* jansson's memory: all of it is free again after an input */

static void *
fuzz_malloc(size_t n)
{
    size_t  at;

    at = fuzz_loaded;
    fuzz_loaded += (n + FUZZ_ALIGN - 1) / FUZZ_ALIGN * FUZZ_ALIGN;
    check(fuzz_loaded <= FUZZ_LOAD_MAX);

    return fuzz_load + at;
}


static void
fuzz_free(void *p)
{
    (void) p;
}


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    size_t  i;

    (void) argc;
    (void) argv;

    for (i = 0; i < FUZZ_STEPS_MAX; i++) {
        snprintf(fuzz_names[i], sizeof(fuzz_names[i]), ",\"%zu\":", i);
    }

    json_set_alloc_funcs(fuzz_malloc, fuzz_free);

    return 0;
}


static unsigned
fuzz_byte(fuzz_in_t *in)
{
    return in->pos < in->last ? *in->pos++ : 0;
}


/*
 * A copy of its exact size of the next bytes, their number before them.  It is
 * there until the next one.
 */

static unsigned char *
fuzz_bytes(fuzz_in_t *in, size_t *n)
{
    size_t          repeat, i;
    unsigned char  *p;

    static unsigned char  mem[FUZZ_BYTES_MAX + 2 * FUZZ_ALIGN]
                              __attribute__((aligned(FUZZ_ALIGN)));

    *n = fuzz_byte(in);

    /* long strings from short inputs */
    repeat = 1;

    if (*n >= 0xc0) {
        repeat = (*n & 0x1f) + 1;
        *n = fuzz_byte(in) & 0x3f;
    }

    if (*n > (size_t) (in->last - in->pos)) {
        *n = (size_t) (in->last - in->pos);
    }

    p = fuzz_fence(mem, sizeof(mem), *n * repeat);

    for (i = 0; i < repeat; i++) {
        memcpy(p + i * *n, in->pos, *n);
    }

    in->pos += *n;
    *n *= repeat;

    return p;
}


static int
fuzz_bool(const unsigned char *s, size_t n)
{
    char    word[8];
    size_t  i;

    if (n == 0 || n > 5) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        word[i] = (char) ((s[i] >= 'A' && s[i] <= 'Z') ? s[i] + 32 : s[i]);

        if (word[i] == '\0') {
            return -1;
        }
    }

    word[n] = '\0';

    if (!strcmp(word, "1") || !strcmp(word, "true") || !strcmp(word, "on")
        || !strcmp(word, "yes"))
    {
        return 1;
    }

    if (!strcmp(word, "0") || !strcmp(word, "false") || !strcmp(word, "off")
        || !strcmp(word, "no"))
    {
        return 0;
    }

    return -1;
}


/*
 * One property.  The writer and the reference write side by side; returns
 * where the reference is after it, and in *v what should be read back.
 */

static char *
fuzz_step(fuzz_in_t *in, mxt_json_t *j, char *p, size_t step, fuzz_value_t *v)
{
    int             rc;
    mxt_json_t      spelling;
    size_t          n, len;
    unsigned        pieces, left, left_ref, cut, cut_ref;
    unsigned char  *s, *was;

    memset(v, 0, offsetof(fuzz_value_t, text));

    v->kind = fuzz_byte(in) % FUZZ_KINDS;
    pieces = 1;

    len = strlen(fuzz_names[step]);
    mxt_json_raw(j, fuzz_names[step], len);
    memcpy(p, fuzz_names[step], len);
    p += len;

    switch (v->kind) {

    case FUZZ_PIECES:
        pieces = fuzz_byte(in) % 5;

        /* fall through */

    case FUZZ_STRING:
        left = (v->kind == FUZZ_PIECES && fuzz_byte(in) & 1)
               ? fuzz_byte(in) : MXT_JSON_STRING_MAX;
        left_ref = left;

        *p++ = '"';

        if (v->kind == FUZZ_PIECES) {
            mxt_json_raw(j, "\"", 1);
        }

        while (pieces--) {
            s = fuzz_bytes(in, &n);

            /* no more than what was left at first */
            len = ref_repair(v->text + v->len, s, n, &left_ref, &cut_ref);
            p += ref_escape(p, v->text + v->len, len);
            v->len += len;

            if (v->kind == FUZZ_STRING) {
                cut = mxt_json_string(j, s, n);
                left = left_ref;

            } else {
                cut = mxt_json_text(j, s, n, &left);
            }

            check(j->overflow || (cut == cut_ref && left == left_ref));
        }

        *p++ = '"';

        if (v->kind == FUZZ_PIECES) {
            mxt_json_raw(j, "\"", 1);
        }

        break;

    case FUZZ_NUMBER:
        s = fuzz_bytes(in, &n);
        was = j->pos;

        v->number = ref_number((char *) s, n);
        rc = mxt_json_number(j, s, n);

        if (v->number.valid == -1) {
            v->number.valid = (rc == 0);
        }

        check(rc == (v->number.valid ? 0 : -1));

        if (rc == 0) {
            /* the value is compared, its spelling is the writer's */
            mxt_json_init(&spelling, p, 128);
            mxt_json_number(&spelling, s, n);
            p = (char *) spelling.pos;

        } else {
            check(j->pos == was);
            mxt_json_raw(j, "null", 4);
            p += sprintf(p, "null");
        }

        break;

    case FUZZ_BOOL:
        s = fuzz_bytes(in, &n);

        v->flag = fuzz_bool(s, n);
        rc = mxt_json_bool(j, s, n);

        check(rc == (v->flag == -1 ? -1 : 0));

        if (rc != 0) {
            mxt_json_raw(j, "null", 4);
        }

        p += sprintf(p, "%s", v->flag == -1 ? "null"
                              : v->flag ? "true" : "false");
        break;

    default:
        for (n = 0; n < 8; n++) {
            v->n = v->n << 8 | fuzz_byte(in);
        }

        /* beyond 63 bits is JSON, but nothing to jansson */
        v->n >>= (fuzz_byte(in) & 0x3f) | 1;

        if (v->kind == FUZZ_UINT) {
            mxt_json_uint(j, v->n);
            p += sprintf(p, "%llu", (unsigned long long) v->n);

        } else {
            mxt_json_seconds(j, v->n);
            p += sprintf(p, "%llu.%03u", (unsigned long long) v->n / 1000,
                         (unsigned) (v->n % 1000));
        }
    }

    return p;
}


static void
fuzz_read(json_t *value, fuzz_value_t *v)
{
    char  s[32];

    switch (v->kind) {

    case FUZZ_STRING:
    case FUZZ_PIECES:
        check(json_is_string(value));
        check(json_string_length(value) == v->len);
        check(v->len == 0
              || memcmp(json_string_value(value), v->text, v->len) == 0);
        break;

    case FUZZ_NUMBER:
        if (!v->number.valid) {
            check(json_is_null(value));

        } else if (v->number.integer) {
            check(json_is_integer(value));
            check(json_integer_value(value) == v->number.whole);

        } else if (json_is_integer(value)) {
            check(v->number.exponent);
            check((double) json_integer_value(value) == v->number.real);

        } else {
            check(json_is_real(value));
            check(json_real_value(value) == v->number.real);
        }

        break;

    case FUZZ_BOOL:
        check(v->flag == -1 ? json_is_null(value)
              : v->flag ? json_is_true(value) : json_is_false(value));
        break;

    case FUZZ_UINT:
        check(json_is_integer(value));
        check((uint64_t) json_integer_value(value) == v->n);
        break;

    case FUZZ_SECONDS:
        snprintf(s, sizeof(s), "%llu.%03u", (unsigned long long) v->n / 1000,
                 (unsigned) (v->n % 1000));
        check(json_is_real(value));
        check(json_real_value(value) == strtod(s, NULL));
        break;
    }
}


/* may an event break off after n bytes of text? */

static int
fuzz_edge(const char *text, size_t n)
{
    size_t  i;

    for (i = 0; i < n; /* void */ ) {
        i += (text[i] == '\\') ? (text[i + 1] == 'u' ? 6 : 2)
                               : ref_size((unsigned char) text[i]);
    }

    return i == n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *p, *name;
    size_t          i, n, room, whole;
    json_t         *root;
    fuzz_in_t       in;
    mxt_json_t      j;
    json_error_t    error;
    unsigned char  *buf;

    static char           out[FUZZ_OUT_MAX];
    static fuzz_value_t   values[FUZZ_STEPS_MAX];
    static unsigned char  mem[FUZZ_OUT_MAX + 2 * FUZZ_ALIGN]
                              __attribute__((aligned(FUZZ_ALIGN)));

    in.pos = data;
    in.last = data + size;

    room = fuzz_byte(&in);
    room = (room & 1) ? FUZZ_OUT_MAX : (room << 3 | fuzz_byte(&in));

    buf = fuzz_fence(mem, sizeof(mem), room);
    mxt_json_init(&j, buf, room);

    mxt_json_raw(&j, "{\"event\":0", 10);
    p = out + sprintf(out, "{\"event\":0");

    for (n = 0; n < FUZZ_STEPS_MAX && in.pos < in.last; n++) {
        p = fuzz_step(&in, &j, p, n, &values[n]);
    }

    mxt_json_raw(&j, "}", 1);
    *p++ = '}';

    size = (size_t) (j.pos - j.start);
    whole = (size_t) (p - out);

    check(j.overflow == (whole > room));
    check(size <= room && size <= whole);
    check(memcmp(buf, out, size) == 0);

    if (j.overflow) {
        check(fuzz_edge(out, size));

    } else {
        check(size == whole);

        /* to the writer NUL is a byte as any other, jansson has to be told */
        root = json_loadb((char *) buf, size, JSON_ALLOW_NUL, &error);

        if (root == NULL) {
            fprintf(stderr, "%s: %.*s\n", error.text, (int) size,
                    (char *) buf);
            abort();
        }

        for (i = 0; i < n; i++) {
            /* without comma, quotes and colon */
            name = fuzz_names[i];
            fuzz_read(json_object_getn(root, name + 2, strlen(name) - 4),
                      &values[i]);
        }

        fuzz_loaded = 0;
    }

    return 0;
}
