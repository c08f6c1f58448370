
/*
 * Whether a response is one that a shared cache may keep and hand to others.
 *
 * The invariant: in doubt it is.
 */


#include "ngx_mixtrack.h"


static ngx_uint_t ngx_mixtrack_shared_says(ngx_str_t *value, ngx_uint_t *no);
static ngx_uint_t ngx_mixtrack_shared_fresh(u_char *word, size_t len,
    char *name, size_t n);


ngx_uint_t
ngx_mixtrack_shared(ngx_http_request_t *r)
{
    ngx_uint_t         no, yes;
#if (nginx_version >= 1023000)
    ngx_table_elt_t   *h;
#else
    ngx_uint_t         i;
    ngx_table_elt_t  **h;
#endif

    no = 0;
    yes = 0;

#if (nginx_version >= 1023000)
    for (h = r->headers_out.cache_control; h; h = h->next) {
        if (h->hash) {
            yes |= ngx_mixtrack_shared_says(&h->value, &no);
        }
    }
#else
    h = r->headers_out.cache_control.elts;

    for (i = 0; i < r->headers_out.cache_control.nelts; i++) {
        if (h[i]->hash) {
            yes |= ngx_mixtrack_shared_says(&h[i]->value, &no);
        }
    }
#endif

    return yes && !no;
}


static ngx_uint_t
ngx_mixtrack_shared_says(ngx_str_t *value, ngx_uint_t *no)
{
    u_char      *p, *last, *word;
    size_t       len;
    ngx_uint_t   yes;

    yes = 0;
    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == ',' || *p == '\t')) {
            p++;
        }

        word = p;

        while (p < last && *p != ',') {
            p++;
        }

        len = (size_t) (p - word);

        /* private="field" is of that field only */

        while (len && (word[len - 1] == ' ' || word[len - 1] == '\t')) {
            len--;
        }

        if ((len == 7 && ngx_strncasecmp(word, (u_char *) "private", 7) == 0)
            || (len == 8
                && ngx_strncasecmp(word, (u_char *) "no-store", 8) == 0))
        {
            *no = 1;

        } else if ((len == 6
                    && ngx_strncasecmp(word, (u_char *) "public", 6) == 0)
                   || ngx_mixtrack_shared_fresh(word, len, "max-age=", 8)
                   || ngx_mixtrack_shared_fresh(word, len, "s-maxage=", 9))
        {
            yes = 1;
        }
    }

    return yes;
}


/* a number that is not 0, in quotes or not */

static ngx_uint_t
ngx_mixtrack_shared_fresh(u_char *word, size_t len, char *name, size_t n)
{
    if (len <= n || ngx_strncasecmp(word, (u_char *) name, n) != 0) {
        return 0;
    }

    for ( /* void */ ; n < len; n++) {
        if (word[n] >= '1' && word[n] <= '9') {
            return 1;
        }
    }

    return 0;
}
