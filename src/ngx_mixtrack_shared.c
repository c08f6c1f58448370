
/*
 * Whether a response is one that a shared cache may keep and hand to others.
 *
 * The invariant: in doubt it is.  What forbids it is believed in the field
 * alone in which it stands, for there are caches that look at no other.
 */


#include "ngx_mixtrack.h"


/* what one line says, or all lines that are for any cache */
typedef struct {
    unsigned                       keep:1;
    unsigned                       no:1;
} ngx_mixtrack_shared_t;


static ngx_uint_t ngx_mixtrack_shared_is(ngx_table_elt_t *h, char *name,
    size_t len);
static ngx_uint_t ngx_mixtrack_shared_aimed(ngx_table_elt_t *h);
static void ngx_mixtrack_shared_read(ngx_str_t *value,
    ngx_mixtrack_shared_t *says);
static ngx_uint_t ngx_mixtrack_shared_begins(ngx_str_t *word, char *name,
    size_t len);
static ngx_uint_t ngx_mixtrack_shared_some(ngx_str_t *word);


ngx_uint_t
ngx_mixtrack_shared(ngx_http_request_t *r)
{
    ngx_uint_t              i;
    ngx_list_part_t        *part;
    ngx_table_elt_t        *h;
    ngx_mixtrack_shared_t   all, one;

    ngx_memzero(&all, sizeof(ngx_mixtrack_shared_t));

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {

            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].hash == 0) {
            continue;
        }

        if (ngx_mixtrack_shared_is(&h[i], "Cache-Control",
                                   sizeof("Cache-Control") - 1))
        {
            ngx_mixtrack_shared_read(&h[i].value, &all);

        } else if (ngx_mixtrack_shared_is(&h[i], "Expires",
                                          sizeof("Expires") - 1))
        {
            /* what is no date is one of the past, as NGX_ERROR is */

            if (ngx_parse_http_time(h[i].value.data, h[i].value.len)
                > ngx_time())
            {
                all.keep = 1;
            }

        } else if (ngx_mixtrack_shared_aimed(&h[i])) {

            ngx_memzero(&one, sizeof(ngx_mixtrack_shared_t));
            ngx_mixtrack_shared_read(&h[i].value, &one);

            if (one.keep && !one.no) {
                return 1;
            }
        }
    }

    return all.keep && !all.no;
}


static ngx_uint_t
ngx_mixtrack_shared_is(ngx_table_elt_t *h, char *name, size_t len)
{
    return h->key.len == len
           && ngx_strncasecmp(h->key.data, (u_char *) name, len) == 0;
}


/* at shared caches alone, which then look at nothing else: CDN-Cache-Control,
 * and what caches of this maker or that have before or instead of "CDN" */

static ngx_uint_t
ngx_mixtrack_shared_aimed(ngx_table_elt_t *h)
{
    size_t  len;

    len = sizeof("-Cache-Control") - 1;

    return (h->key.len > len
            && ngx_strncasecmp(h->key.data + h->key.len - len,
                               (u_char *) "-Cache-Control", len)
               == 0)
           || ngx_mixtrack_shared_is(h, "Surrogate-Control",
                                     sizeof("Surrogate-Control") - 1);
}


static void
ngx_mixtrack_shared_read(ngx_str_t *value, ngx_mixtrack_shared_t *says)
{
    u_char     *p, *last;
    ngx_str_t   word;

    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == ',' || *p == '\t')) {
            p++;
        }

        word.data = p;

        while (p < last && *p != ',') {
            p++;
        }

        word.len = (size_t) (p - word.data);

        while (word.len && (word.data[word.len - 1] == ' '
                            || word.data[word.len - 1] == '\t'))
        {
            word.len--;
        }

        /* private="field" is of that field only */

        if ((word.len == 7 && ngx_mixtrack_shared_begins(&word, "private", 7))
            || (word.len == 8
                && ngx_mixtrack_shared_begins(&word, "no-store", 8)))
        {
            says->no = 1;

        } else if (word.len == 6
                   && ngx_mixtrack_shared_begins(&word, "public", 6))
        {
            says->keep = 1;

        } else if (ngx_mixtrack_shared_begins(&word, "max-age=", 8)
                   || ngx_mixtrack_shared_begins(&word, "s-maxage=", 9)
                   || ngx_mixtrack_shared_begins(&word, "stale-", 6))
        {
            /* stale-while-revalidate and stale-if-error: it is kept for that,
             * and handed to others as well */

            says->keep |= ngx_mixtrack_shared_some(&word);
        }
    }
}


static ngx_uint_t
ngx_mixtrack_shared_begins(ngx_str_t *word, char *name, size_t len)
{
    return word->len >= len
           && ngx_strncasecmp(word->data, (u_char *) name, len) == 0;
}


/* a number that is not 0, in quotes or not */

static ngx_uint_t
ngx_mixtrack_shared_some(ngx_str_t *word)
{
    size_t  i;

    for (i = 0; i < word->len; i++) {
        if (word->data[i] >= '1' && word->data[i] <= '9') {
            return 1;
        }
    }

    return 0;
}
