
/*
 * Where a project's events go, and how: the endpoint, its API and the proxy.
 *
 * The directives come in any order, so each only keeps what it says; what
 * they mean together is judged when the block has ended, and reported with the
 * place of the one at fault.  No message quotes a secret.
 */


#include "ngx_mixtrack.h"

#include "mxt_spool.h"
#include "mxt_url.h"


#define NGX_MIXTRACK_FILE  "file:"


static char *ngx_mixtrack_endpoint_file(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project, ngx_str_t *path);
static ngx_int_t ngx_mixtrack_endpoint_writable(ngx_str_t *path);
static char *ngx_mixtrack_endpoint_client(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);
static char *ngx_mixtrack_endpoint_dry(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);
static char *ngx_mixtrack_endpoint_url(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);

static const struct {
    ngx_str_t  name;
    char      *url;
} ngx_mixtrack_regions[] = {
    { ngx_string("us"), "https://api.mixpanel.com" },
    { ngx_string("eu"), "https://api-eu.mixpanel.com" },
    { ngx_string("in"), "https://api-in.mixpanel.com" },
    { ngx_null_string, NULL }
};


char *
ngx_mixtrack_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    char                     *out;
    ngx_str_t                *value, s;
    ngx_uint_t                i;
    const char               *why;
    ngx_mixtrack_endpoint_t  *ep;

    static const char *const  none[] = { NULL };

    value = cf->args->elts;
    ep = &project->endpoint;

    ngx_mixtrack_place(cf, &ep->url_place);

    if (ngx_mixtrack_option_is(&value[1], NGX_MIXTRACK_FILE, &s)) {
        return ngx_mixtrack_endpoint_file(cf, project, &s);
    }

    for (i = 0; ngx_mixtrack_regions[i].url; i++) {

        if (value[1].len == ngx_mixtrack_regions[i].name.len
            && ngx_strcmp(value[1].data, ngx_mixtrack_regions[i].name.data)
               == 0)
        {
            ep->url.data = (u_char *) ngx_mixtrack_regions[i].url;
            ep->url.len = ngx_strlen(ep->url.data);
            return NGX_CONF_OK;
        }
    }

    ep->url = value[1];

    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, ':') == NULL)
    {
        ngx_mixtrack_endpoint_name(project, &s);
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown region \"%V\" in \"endpoint\" of "
                           "\"mixtrack_project\", it must be \"us\", \"eu\", "
                           "\"in\", a URL or \"file:PATH\"", &s);
        return NGX_CONF_ERROR;
    }

    /* what it is completed with depends on the API, but not whether it is
     * one */

    if (mxt_url_complete((char *) value[1].data, "/", none, &out, &why) != 0) {
        ngx_mixtrack_endpoint_name(project, &s);
        return ngx_mixtrack_option_invalid(cf, &s, why);
    }

    free(out);

    return NGX_CONF_OK;
}


/* by its looks: it need not be one that anybody can parse */

void
ngx_mixtrack_endpoint_name(ngx_mixtrack_project_t *project, ngx_str_t *s)
{
    u_char  *p, *host;

    *s = project->endpoint.url;

    /* who knows what belongs to a password */

    if (ngx_strchr(s->data, '@')) {
        ngx_str_set(s, "...");
        return;
    }

    host = (u_char *) ngx_strstr(s->data, "://");
    host = host ? host + sizeof("://") - 1 : s->data;

    p = host;

    if (*p == '[') {
        p++;
        p += strspn((char *) p, "0123456789abcdefABCDEF:.");
        p += (*p == ']');

    } else {
        p += strcspn((char *) p, ":/?#");
    }

    s->len = p - s->data;
}


/*
 * The master opens it, and opens it again on USR1; but by then the error would
 * not say what the file is for.
 */

static char *
ngx_mixtrack_endpoint_file(ngx_conf_t *cf, ngx_mixtrack_project_t *project,
    ngx_str_t *path)
{
    ngx_str_t  s, *value;

    if (path->len == 0) {
        value = cf->args->elts;
        return ngx_mixtrack_option_invalid(cf, &value[1], "it names no file");
    }

    s = *path;

    if (ngx_conf_full_name(cf->cycle, &s, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_mixtrack_endpoint_writable(&s) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot write the file \"%V\" of \"endpoint\" in "
                           "\"mixtrack_project\"", &s);
        return NGX_CONF_ERROR;
    }

    project->file = ngx_conf_open_file(cf->cycle, &s);

    return project->file ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* leaves nothing behind: the configuration may be refused for another fault */

static ngx_int_t
ngx_mixtrack_endpoint_writable(ngx_str_t *path)
{
    u_char          *p, ch;
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_info_t  fi;

    fd = ngx_open_file(path->data, O_WRONLY|O_APPEND|O_NONBLOCK, 0, 0);

    if (fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);
        return NGX_OK;
    }

    if (ngx_errno != NGX_ENOENT) {
        return NGX_ERROR;
    }

    /* it is not there yet: its directory must be */

    p = path->data + path->len;

    while (p > path->data && p[-1] != '/') {
        p--;
    }

    if (p == path->data + path->len) {
        ngx_set_errno(NGX_EISDIR);
        return NGX_ERROR;
    }

    ch = *p;
    *p = '\0';
    rc = ngx_file_info(path->data, &fi);
    *p = ch;

    return (rc == NGX_FILE_ERROR) ? NGX_ERROR : NGX_OK;
}


char *
ngx_mixtrack_endpoint_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    ngx_mixtrack_place(cf, &project->endpoint.api_place);

    if (ngx_strcmp(value[1].data, "track") == 0) {
        project->api = MXT_API_TRACK;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "import") == 0) {
        project->api = MXT_API_IMPORT;
        return NGX_CONF_OK;
    }

    return ngx_mixtrack_option_invalid(cf, &value[1],
                                       "it must be \"track\" or \"import\"");
}


char *
ngx_mixtrack_endpoint_proxy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t   *value;
    const char  *why;

    value = cf->args->elts;

    ngx_mixtrack_place(cf, &project->endpoint.proxy_place);

    if (mxt_url_proxy((char *) value[1].data, &why) != 0) {

        /* what was meant to be a password may stand anywhere */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL in \"proxy\" of "
                           "\"mixtrack_project\", %s", why);
        return NGX_CONF_ERROR;
    }

    project->http.proxy = (char *) value[1].data;

    return NGX_CONF_OK;
}


char *
ngx_mixtrack_endpoint_init(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    char                     *rv;
    ngx_mixtrack_endpoint_t  *ep;

    ep = &project->endpoint;

    project->http.user_agent = "ngx_mixtrack/" NGX_MIXTRACK_VERSION;
    project->http.connections = (unsigned) project->connections;
    project->http.connect_timeout = (uint32_t) project->connect_timeout;
    project->http.total_timeout = (uint32_t) project->total_timeout;

    if (ep->account.len && project->api != MXT_API_IMPORT) {
        return ngx_mixtrack_option_late(cf, &ep->account_place,
                     "\"service_account\" in \"mixtrack_project\" needs "
                     "\"api import\"");
    }

    if (project->file) {
        return ngx_mixtrack_endpoint_dry(cf, project);
    }

    if (ep->url.len == 0) {
        ep->url.data = (u_char *) ngx_mixtrack_regions[0].url;
        ep->url.len = ngx_strlen(ep->url.data);
    }

    rv = ngx_mixtrack_endpoint_url(cf, project);

    if (rv == NGX_CONF_OK && project->api == MXT_API_IMPORT) {
        rv = ngx_mixtrack_account_auth(cf, project);

    } else if (rv == NGX_CONF_OK) {
        project->destination = mxt_spool_destination(project->http.url,
                                                     "track", "", NULL);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_mixtrack_endpoint_client(cf, project);
    }

    return rv == NGX_CONF_OK ? ngx_mixtrack_account_hide(cf, project) : rv;
}


/* what the flusher's client would refuse is refused here, while somebody is
 * looking */

static char *
ngx_mixtrack_endpoint_client(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    ngx_uint_t             tls;
    const char            *why;
    mxt_http_conf_t       *http;
    ngx_mixtrack_place_t  *place;

    http = &project->http;
    place = &project->endpoint.tls_place;
    tls = place->line != 0;

    if (mxt_http_check(http, &why) != 0) {

        if (!tls) {
            place = &project->place;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "%s\"mixtrack_project\" cannot be used, %s, in %V:%ui",
                      tls ? "\"tls\" in " : "", why, &place->file,
                      place->line);
        return NGX_CONF_ERROR;
    }

    if (tls && !mxt_url_is_https(http->url)
        && (http->proxy == NULL || !mxt_url_is_https(http->proxy)))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"tls\" in \"mixtrack_project\" has no effect on an "
                      "\"endpoint\" of plain http in %V:%ui",
                      &place->file, place->line);
    }

    return NGX_CONF_OK;
}


/* what is only of use on the network would make believe that it is used */

static char *
ngx_mixtrack_endpoint_dry(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    char                     *name;
    ngx_mixtrack_endpoint_t  *ep;

    ep = &project->endpoint;

    if (project->api == MXT_API_IMPORT) {
        return ngx_mixtrack_option_late(cf, &ep->api_place,
                     "\"api import\" in \"mixtrack_project\" cannot be used "
                     "with a file as \"endpoint\"");
    }

    if (ep->tls_place.line) {
        return ngx_mixtrack_option_late(cf, &ep->tls_place,
                     "\"tls\" in \"mixtrack_project\" cannot be used with a "
                     "file as \"endpoint\"");
    }

    if (ep->proxy_place.line) {
        return ngx_mixtrack_option_late(cf, &ep->proxy_place,
                     "\"proxy\" in \"mixtrack_project\" cannot be used with "
                     "a file as \"endpoint\"");
    }

    name = ngx_mixtrack_endpoint_join(cf, NGX_MIXTRACK_FILE,
                                      (char *) project->file->name.data, "");
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    project->destination = mxt_spool_destination(name, "track", "", NULL);

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_endpoint_url(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    int                       rc;
    char                     *out;
    const char               *why, *import[3];
    ngx_mixtrack_endpoint_t  *ep;

    /*
     * ip=0 keeps the events' own "ip", verbose=1 makes the reply say
     * whether they were valid; strict=1 makes it name those that are not
     */

    static const char *const  track[] = { "ip=0", "verbose=1", NULL };

    ep = &project->endpoint;

    if (project->api == MXT_API_TRACK) {
        rc = mxt_url_complete((char *) ep->url.data, "/track", track, &out,
                              &why);

    } else {
        import[0] = "strict=1";
        import[1] = NULL;
        import[2] = NULL;

        if (ep->id.len) {
            import[1] = ngx_mixtrack_endpoint_join(cf, "project_id=",
                                                   (char *) ep->id.data, "");
            if (import[1] == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        rc = mxt_url_complete((char *) ep->url.data, "/import", import, &out,
                              &why);
    }

    /* it was one when it was read */

    if (rc != 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid \"endpoint\" in \"mixtrack_project\", %s, in "
                      "%V:%ui", why, &ep->url_place.file, ep->url_place.line);
        return NGX_CONF_ERROR;
    }

    project->http.url = ngx_mixtrack_endpoint_join(cf, out, "", "");

    free(out);

    return project->http.url ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_mixtrack_endpoint_join(ngx_conf_t *cf, const char *a, const char *b,
    const char *c)
{
    u_char  *s;
    size_t   len;

    len = ngx_strlen(a) + ngx_strlen(b) + ngx_strlen(c);

    s = ngx_pnalloc(cf->pool, len + 1);

    if (s) {
        *ngx_sprintf(s, "%s%s%s", a, b, c) = '\0';
    }

    return (char *) s;
}
