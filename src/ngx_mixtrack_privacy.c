
/*
 * What is kept to ourselves: who objects, and arguments of URLs.
 */


#include "ngx_mixtrack.h"


static mxt_redact_t *ngx_mixtrack_args_hide(ngx_conf_t *cf, ngx_array_t *names,
    ngx_uint_t defaults);
static mxt_redact_t *ngx_mixtrack_args_keep(ngx_conf_t *cf, ngx_array_t *names,
    ngx_array_t *hidden);
static ngx_int_t ngx_mixtrack_args_add(ngx_conf_t *cf, mxt_redact_t *r,
    ngx_str_t *name, char *directive);
static size_t ngx_mixtrack_args_bytes(ngx_array_t *names);


char *
ngx_mixtrack_respect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_loc_conf_t *mlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i, k;

    static const struct {
        ngx_str_t   name;
        ngx_uint_t  bit;
    } what[] = {
        { ngx_string("dnt"), NGX_MIXTRACK_RESPECT_DNT },
        { ngx_string("gpc"), NGX_MIXTRACK_RESPECT_GPC },
        { ngx_string("opt_out"), NGX_MIXTRACK_RESPECT_OPT_OUT },
        { ngx_null_string, 0 }
    };

    if (mlcf->respect != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    mlcf->respect = 0;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        for (k = 0; what[k].bit; k++) {
            if (ngx_strcmp(value[i].data, what[k].name.data) == 0) {
                break;
            }
        }

        if (what[k].bit == 0 || (mlcf->respect & what[k].bit)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"mixtrack_respect\", "
                               "it must be \"dnt\", \"gpc\", \"opt_out\", "
                               "each once, or \"off\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        mlcf->respect |= what[k].bit;
    }

    return NGX_CONF_OK;
}


char *
ngx_mixtrack_args(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t    *value, *name;
    ngx_uint_t    i;
    ngx_array_t **args;

    args = (ngx_array_t **) (p + cmd->offset);

    if (*args != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        *args = NULL;
        return NGX_CONF_OK;
    }

    *args = ngx_array_create(cf->pool, cf->args->nelts, sizeof(ngx_str_t));
    if (*args == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "off") == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"off\" stands beside names in \"%V\"",
                               &value[0]);
            return NGX_CONF_ERROR;
        }

        if (value[i].len == 0 || value[i].len > MXT_REDACT_NAME_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\" in \"%V\", it must have 1 "
                               "to %d bytes", &value[i], &value[0],
                               MXT_REDACT_NAME_MAX);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(*args);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


/* names of redact_args come to those that are always hidden; "off" hides
 * nothing; a list of what is kept is all there is, less what the redact_args
 * in force names */

char *
ngx_mixtrack_args_merge(ngx_conf_t *cf, ngx_mixtrack_loc_conf_t *prev,
    ngx_mixtrack_loc_conf_t *mlcf)
{
    if (prev->redact == NULL && prev->redact_args == NGX_CONF_UNSET_PTR
        && prev->keep_args == NGX_CONF_UNSET_PTR)
    {
        prev->redact = ngx_mixtrack_args_hide(cf, NULL, 1);

        if (prev->redact == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (mlcf->redact_args == NGX_CONF_UNSET_PTR
        && mlcf->keep_args == NGX_CONF_UNSET_PTR
        && prev->redact)
    {
        mlcf->redact_args = prev->redact_args;
        mlcf->keep_args = prev->keep_args;
        mlcf->redact = prev->redact;
        return NGX_CONF_OK;
    }

    if (mlcf->redact_args == NGX_CONF_UNSET_PTR) {
        mlcf->redact_args = prev->redact_args;
    }

    if (mlcf->keep_args == NGX_CONF_UNSET_PTR) {
        mlcf->keep_args = prev->keep_args;
    }

    if (mlcf->keep_args && mlcf->keep_args != NGX_CONF_UNSET_PTR) {
        mlcf->redact = ngx_mixtrack_args_keep(cf, mlcf->keep_args,
                           mlcf->redact_args == NGX_CONF_UNSET_PTR
                           ? NULL : mlcf->redact_args);

    } else if (mlcf->redact_args == NULL) {
        mlcf->redact = NULL;
        return NGX_CONF_OK;

    } else {
        mlcf->redact = ngx_mixtrack_args_hide(cf,
                           mlcf->redact_args == NGX_CONF_UNSET_PTR
                           ? NULL : mlcf->redact_args, 1);
    }

    return mlcf->redact ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static mxt_redact_t *
ngx_mixtrack_args_hide(ngx_conf_t *cf, ngx_array_t *names, ngx_uint_t defaults)
{
    void               *mem;
    size_t              n, bytes;
    ngx_uint_t          i;
    mxt_redact_t       *r;
    const char *const  *p;

    n = names ? names->nelts : 0;
    bytes = ngx_mixtrack_args_bytes(names);

    for (p = mxt_redact_default; defaults && *p; p++) {
        n++;
        bytes += ngx_strlen(*p);
    }

    mem = ngx_palloc(cf->pool, mxt_redact_size(n, bytes));
    if (mem == NULL) {
        return NULL;
    }

    r = mxt_redact_init(mem, n, bytes, 0);

    for (p = mxt_redact_default; defaults && *p; p++) {
        (void) mxt_redact_add(r, *p, ngx_strlen(*p));
    }

    for (i = 0; names && i < names->nelts; i++) {
        if (ngx_mixtrack_args_add(cf, r, (ngx_str_t *) names->elts + i,
                                  "mixtrack_redact_args")
            != NGX_OK)
        {
            return NULL;
        }
    }

    return r;
}


static mxt_redact_t *
ngx_mixtrack_args_keep(ngx_conf_t *cf, ngx_array_t *names, ngx_array_t *hidden)
{
    void          *mem;
    size_t         bytes;
    ngx_str_t     *name;
    ngx_uint_t     i;
    mxt_redact_t  *r, *hide;

    hide = NULL;

    if (hidden) {
        hide = ngx_mixtrack_args_hide(cf, hidden, 0);
        if (hide == NULL) {
            return NULL;
        }
    }

    name = names->elts;
    bytes = ngx_mixtrack_args_bytes(names);

    mem = ngx_palloc(cf->pool, mxt_redact_size(names->nelts, bytes));
    if (mem == NULL) {
        return NULL;
    }

    r = mxt_redact_init(mem, names->nelts, bytes, 1);

    for (i = 0; i < names->nelts; i++) {

        if (mxt_redact_hides(hide, name[i].data, name[i].len)) {
            continue;
        }

        if (ngx_mixtrack_args_add(cf, r, &name[i], "mixtrack_keep_args")
            != NGX_OK)
        {
            return NULL;
        }
    }

    return r;
}


static ngx_int_t
ngx_mixtrack_args_add(ngx_conf_t *cf, mxt_redact_t *r, ngx_str_t *name,
    char *directive)
{
    if (mxt_redact_add(r, name->data, name->len) == 0) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid name \"%V\" in \"%s\", nothing of it counts",
                       name, directive);

    return NGX_ERROR;
}


static size_t
ngx_mixtrack_args_bytes(ngx_array_t *names)
{
    size_t       bytes;
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (names == NULL) {
        return 0;
    }

    bytes = 0;
    name = names->elts;

    for (i = 0; i < names->nelts; i++) {
        bytes += name[i].len;
    }

    return bytes;
}
