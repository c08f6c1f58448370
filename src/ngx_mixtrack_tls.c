
/*
 * Whom a project believes, and who it says it is: "tls", and what is in the
 * files that it names.
 */


#include "ngx_mixtrack.h"


char *
ngx_mixtrack_tls(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    char             *rv;
    ngx_str_t        *value, s;
    ngx_uint_t        i, verify;
    mxt_http_conf_t  *http;

    value = cf->args->elts;
    http = &project->http;
    verify = 0;

    ngx_mixtrack_place(cf, &project->endpoint.tls_place);

    for (i = 1; i < cf->args->nelts; i++) {

        rv = NGX_CONF_OK;

        if (ngx_mixtrack_option_is(&value[i], "verify=", &s) && !verify) {
            verify = 1;

            if (ngx_strcmp(s.data, "off") == 0) {
                http->insecure = 1;

            } else if (ngx_strcmp(s.data, "on") != 0) {
                rv = ngx_mixtrack_option_invalid(cf, &value[i],
                                             "it must be \"on\" or \"off\"");
            }

        } else if (ngx_mixtrack_option_is(&value[i], "ca=", &s)
                   && http->ca.len == 0)
        {
            rv = ngx_mixtrack_secret_pem(cf, &s, &http->ca);

        } else if (ngx_mixtrack_option_is(&value[i], "cert=", &s)
                   && http->cert.len == 0)
        {
            rv = ngx_mixtrack_secret_pem(cf, &s, &http->cert);

        } else if (ngx_mixtrack_option_is(&value[i], "key=", &s)
                   && http->key.len == 0)
        {
            rv = ngx_mixtrack_secret_key(cf, &s, &http->key);

        } else {
            rv = ngx_mixtrack_option_invalid(cf, &value[i], NULL);
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (http->cert.len && http->key.len == 0) {
        return "has \"cert=\" without \"key=\"";
    }

    if (http->key.len && http->cert.len == 0) {
        return "has \"key=\" without \"cert=\"";
    }

    if (http->insecure && http->ca.len) {
        return "has \"ca=\" with \"verify=off\", which looks at none";
    }

    return NGX_CONF_OK;
}
