
/*
 * Values: text with variables in it.
 *
 * A complex value of nginx's runs a script twice and allocates; most values
 * are one variable, whose bytes are there to be taken by index.  So a value
 * is kept as pieces here, and as a complex value only when it has captures.
 */


#include "ngx_mixtrack.h"


#define ngx_mixtrack_is_name(c)                                               \
    (((c) >= 'a' && (c) <= 'z') || ((c) >= 'A' && (c) <= 'Z')                 \
     || ((c) >= '0' && (c) <= '9') || (c) == '_')


static ngx_int_t ngx_mixtrack_value_split(ngx_conf_t *cf, ngx_str_t *text,
    ngx_array_t *pieces);
static ngx_int_t ngx_mixtrack_value_piece(ngx_array_t *pieces, u_char *data,
    size_t len, ngx_int_t index);


ngx_int_t
ngx_mixtrack_value_compile(ngx_conf_t *cf, ngx_str_t *text,
    ngx_mixtrack_value_t *value)
{
    ngx_int_t                          rc;
    ngx_array_t                        pieces;
    ngx_http_complex_value_t           cv, *complex;
    ngx_http_compile_complex_value_t   ccv;

    ngx_memzero(value, sizeof(ngx_mixtrack_value_t));
    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    /* nginx's own judgement of what is a variable, and its own errors */

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = &cv;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_ERROR;
    }

    if (cv.lengths == NULL) {
        value->literal = cv.value;
        return NGX_OK;
    }

    if (ngx_array_init(&pieces, cf->pool, 4, sizeof(ngx_mixtrack_piece_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_mixtrack_value_split(cf, text, &pieces);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        value->pieces = pieces.elts;
        value->npieces = pieces.nelts;

    } else {

        /* flushed when they are asked for, and not by the script again */

        value->variables = cv.flushes;
        cv.flushes = NULL;
    }

    complex = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (complex == NULL) {
        return NGX_ERROR;
    }

    *complex = cv;
    value->complex = complex;

    return NGX_OK;
}


ngx_int_t
ngx_mixtrack_value_filter(ngx_conf_t *cf, ngx_str_t *parameter,
    ngx_mixtrack_value_t *value)
{
    ngx_str_t  text, *directive;

    directive = cf->args->elts;

    text.data = parameter->data + sizeof("if=") - 1;
    text.len = parameter->len - (sizeof("if=") - 1);

    if (text.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty condition \"if=\" in \"%V\"", directive);
        return NGX_ERROR;
    }

    /* nginx takes off quotes at the start of a word only; within one they are
     * text, and text always holds */

    if (text.data[0] == '"' || text.data[0] == '\'') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the quote in \"%V\" is part of the condition, "
                           "write \"if=...\" in \"%V\"", parameter,
                           directive);
        return NGX_ERROR;
    }

    return ngx_mixtrack_value_compile(cf, &text, value);
}


size_t
ngx_mixtrack_value_fixed(ngx_mixtrack_value_t *value)
{
    size_t      len;
    ngx_uint_t  i;

    len = value->literal.len;

    for (i = 0; i < value->npieces; i++) {
        len += value->pieces[i].text.len;
    }

    return len;
}


ngx_uint_t
ngx_mixtrack_value_names(ngx_str_t *text, char *variable)
{
    size_t   len;
    u_char  *p, *last;

    len = ngx_strlen(variable);
    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p != '$') {
            continue;
        }

        if (p + 1 < last && p[1] == '{') {
            p++;
        }

        if ((size_t) (last - p) > len
            && ngx_strncmp(p + 1, variable, len) == 0
            && (p + 1 + len == last || !ngx_mixtrack_is_name(p[1 + len])))
        {
            return 1;
        }
    }

    return 0;
}


/* NGX_DECLINED is a value with captures */

static ngx_int_t
ngx_mixtrack_value_split(ngx_conf_t *cf, ngx_str_t *text, ngx_array_t *pieces)
{
    u_char      *p, *start, *end;
    ngx_str_t    name;
    ngx_int_t    index;
    ngx_uint_t   bracket;

    p = text->data;
    end = p + text->len;

    while (p < end) {

        start = p;

        while (p < end && *p != '$') {
            p++;
        }

        if (p > start
            && ngx_mixtrack_value_piece(pieces, start, p - start, -1)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (p == end) {
            break;
        }

        bracket = (p + 1 < end && p[1] == '{');
        p += 1 + bracket;

        if (p < end && *p >= '1' && *p <= '9') {
            return NGX_DECLINED;
        }

        name.data = p;

        while (p < end && ngx_mixtrack_is_name(*p)) {
            p++;
        }

        name.len = p - name.data;
        p += bracket;

        index = ngx_http_get_variable_index(cf, &name);
        if (index == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (ngx_mixtrack_value_piece(pieces, NULL, 0, index) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_mixtrack_value_piece(ngx_array_t *pieces, u_char *data, size_t len,
    ngx_int_t index)
{
    ngx_mixtrack_piece_t  *piece;

    piece = ngx_array_push(pieces);
    if (piece == NULL) {
        return NGX_ERROR;
    }

    piece->text.len = len;
    piece->text.data = data;
    piece->index = index;

    return NGX_OK;
}


void
ngx_mixtrack_value_get(ngx_http_request_t *r, ngx_mixtrack_value_t *value,
    ngx_str_t *s)
{
    ngx_uint_t                 *index;
    ngx_http_variable_value_t  *v;

    if (value->complex == NULL) {
        *s = value->literal;
        return;
    }

    ngx_mixtrack_captures_renew(r);

    if (value->npieces == 1) {

        v = ngx_http_get_flushed_variable(r, value->pieces[0].index);

        if (v == NULL || v->not_found) {
            ngx_str_null(s);
            return;
        }

        s->len = v->len;
        s->data = v->data;

        return;
    }

    if (value->variables) {

        /* these first: a map among them has captures of its own, and between
         * the two runs of the script they must not change */

        for (index = value->variables; *index != (ngx_uint_t) -1; index++) {
            (void) ngx_http_get_flushed_variable(r, *index);
        }

        ngx_mixtrack_captures_renew(r);
    }

    if (ngx_http_complex_value(r, value->complex, s) != NGX_OK) {
        ngx_str_null(s);
    }
}


ngx_uint_t
ngx_mixtrack_value_write(ngx_http_request_t *r, ngx_mixtrack_value_t *value,
    mxt_json_t *j, unsigned *left)
{
    ngx_str_t                   s;
    ngx_uint_t                  cut;
    ngx_mixtrack_piece_t       *piece, *last;
    ngx_http_variable_value_t  *v;

    if (value->pieces == NULL) {
        ngx_mixtrack_value_get(r, value, &s);
        return mxt_json_text(j, s.data, s.len, left);
    }

    ngx_mixtrack_captures_renew(r);

    cut = 0;
    piece = value->pieces;
    last = piece + value->npieces;

    for ( /* void */ ; piece < last; piece++) {

        if (piece->index == -1) {
            cut |= mxt_json_text(j, piece->text.data, piece->text.len, left);
            continue;
        }

        v = ngx_http_get_flushed_variable(r, piece->index);

        if (v && !v->not_found) {
            cut |= mxt_json_text(j, v->data, v->len, left);
        }
    }

    return cut;
}
