
/*
 * What is kept to ourselves: who objects, and arguments of URLs.
 */


#include "ngx_mixtrack.h"


static mxt_redact_t *ngx_mixtrack_args_list(ngx_conf_t *cf, ngx_array_t *names,
    ngx_uint_t keep);


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
 * nothing; a list of what is kept is all there is */

char *
ngx_mixtrack_args_merge(ngx_conf_t *cf, ngx_mixtrack_loc_conf_t *prev,
    ngx_mixtrack_loc_conf_t *mlcf)
{
    if (prev->redact == NULL && prev->redact_args == NGX_CONF_UNSET_PTR
        && prev->keep_args == NGX_CONF_UNSET_PTR)
    {
        prev->redact = ngx_mixtrack_args_list(cf, NULL, 0);

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
        mlcf->redact = ngx_mixtrack_args_list(cf, mlcf->keep_args, 1);

    } else if (mlcf->redact_args == NULL) {
        mlcf->redact = NULL;
        return NGX_CONF_OK;

    } else {
        mlcf->redact = ngx_mixtrack_args_list(cf,
                           mlcf->redact_args == NGX_CONF_UNSET_PTR
                           ? NULL : mlcf->redact_args, 0);
    }

    return mlcf->redact ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static mxt_redact_t *
ngx_mixtrack_args_list(ngx_conf_t *cf, ngx_array_t *names, ngx_uint_t keep)
{
    void               *mem;
    size_t              n, bytes;
    ngx_str_t          *name;
    ngx_uint_t          i;
    mxt_redact_t       *r;
    const char *const  *p;

    n = 0;
    bytes = 0;

    for (p = mxt_redact_default; !keep && *p; p++) {
        n++;
        bytes += ngx_strlen(*p);
    }

    name = names ? names->elts : NULL;

    for (i = 0; names && i < names->nelts; i++) {
        n++;
        bytes += name[i].len;
    }

    mem = ngx_palloc(cf->pool, mxt_redact_size(n, bytes));
    if (mem == NULL) {
        return NULL;
    }

    r = mxt_redact_init(mem, n, bytes, (unsigned) keep);

    for (p = mxt_redact_default; !keep && *p; p++) {
        (void) mxt_redact_add(r, *p, ngx_strlen(*p));
    }

    for (i = 0; names && i < names->nelts; i++) {

        if (mxt_redact_add(r, name[i].data, name[i].len) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\" in \"%s\", nothing of it "
                               "counts", &name[i],
                               keep ? "mixtrack_keep_args"
                                    : "mixtrack_redact_args");
            return NULL;
        }
    }

    return r;
}
