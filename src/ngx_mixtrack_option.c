
/*
 * The directives of a project's block.
 *
 * nginx hands over the statements of such a block one by one; they are looked
 * up in a table as any other, but the errors of nginx's own slots are said
 * with the directive's name.
 */


#include "ngx_mixtrack.h"

#include "mxt_spool.h"
#include "mxt_url.h"


/* a token is 32 hex digits today; a file is read as far as this */
#define NGX_MIXTRACK_TOKEN_MAX        255

/* measured: 2 % more time than level 1 for 5 % fewer bytes; level 3 takes 14 %
 * more, for another 4 % */
#define NGX_MIXTRACK_GZIP_DEFAULT     2

/* Mixpanel sees the best results with 10 to 20 concurrent clients */
#define NGX_MIXTRACK_CONNECTIONS_MAX  20


static char *ngx_mixtrack_token(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_token_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *token);
static char *ngx_mixtrack_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_endpoint_set(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project, u_char *url);
static char *ngx_mixtrack_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_connections(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_batch(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_timeout(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_gzip(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_spool(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_command_t  ngx_mixtrack_options[] = {

    { ngx_string("token"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_token,
      0,
      0,
      NULL },

    { ngx_string("endpoint"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_endpoint,
      0,
      0,
      NULL },

    { ngx_string("zone"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_zone,
      0,
      offsetof(ngx_mixtrack_project_t, zone_size),
      NULL },

    { ngx_string("batch"),
      NGX_CONF_TAKE123,
      ngx_mixtrack_batch,
      0,
      0,
      NULL },

    { ngx_string("connections"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_connections,
      0,
      offsetof(ngx_mixtrack_project_t, connections),
      NULL },

    { ngx_string("timeout"),
      NGX_CONF_TAKE12,
      ngx_mixtrack_timeout,
      0,
      0,
      NULL },

    { ngx_string("gzip"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_gzip,
      0,
      0,
      NULL },

    { ngx_string("spool"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_spool,
      0,
      0,
      NULL },

    { ngx_string("shutdown_timeout"),
      NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      0,
      offsetof(ngx_mixtrack_project_t, shutdown_timeout),
      NULL },

      ngx_null_command
};


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
ngx_mixtrack_option(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    char           *rv;
    ngx_str_t      *value;
    ngx_command_t  *cmd;

    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, dummy, conf);
    }

    for (cmd = ngx_mixtrack_options; cmd->name.len; cmd++) {

        if (ngx_strcmp(value[0].data, cmd->name.data) != 0) {
            continue;
        }

        /* NGX_CONF_TAKE1, 2, 3 are the bits of one, two, three arguments */

        if (!(cmd->type & ((ngx_uint_t) 1 << (cf->args->nelts - 1)))) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" of "
                               "\"mixtrack_project\"", &value[0]);
            return NGX_CONF_ERROR;
        }

        rv = cmd->set(cf, cmd, conf);

        if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
            return rv;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"mixtrack_project\" %s",
                           &value[0], rv);
        return NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"mixtrack_project\"",
                       &value[0]);

    return NGX_CONF_ERROR;
}


char *
ngx_mixtrack_option_defaults(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    ngx_conf_init_size_value(project->zone_size, 32 * 1024 * 1024);
    ngx_conf_init_uint_value(project->batch_events, NGX_MIXTRACK_EVENTS_MAX);
    ngx_conf_init_size_value(project->batch_bytes, NGX_MIXTRACK_BYTES_DEFAULT);
    ngx_conf_init_msec_value(project->batch_interval, 1000);
    ngx_conf_init_value(project->connections, 8);
    ngx_conf_init_msec_value(project->connect_timeout, 5000);
    ngx_conf_init_msec_value(project->total_timeout, 30000);
    ngx_conf_init_value(project->gzip, NGX_MIXTRACK_GZIP_DEFAULT);
    ngx_conf_init_msec_value(project->shutdown_timeout, 3000);

    if (project->spool == NGX_CONF_UNSET) {
        project->spool = 1024 * 1024 * 1024;
    }

    if (project->url.data) {
        return NGX_CONF_OK;
    }

    return ngx_mixtrack_endpoint_set(cf, project,
                                     (u_char *) ngx_mixtrack_regions[0].url);
}


static char *
ngx_mixtrack_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    char       *rv;
    ngx_str_t  *value, s;

    value = cf->args->elts;

    if (project->token.literal.data || project->token.npieces
        || project->token.complex)
    {
        return "is duplicate";
    }

    if (value[1].len == 0) {
        return "is empty";
    }

    if (ngx_strncmp(value[1].data, "file:", 5) == 0) {

        s.len = value[1].len - 5;
        s.data = value[1].data + 5;

        rv = ngx_mixtrack_token_file(cf, &s, &project->token.literal);
        if (rv != NGX_CONF_OK) {
            return rv;
        }

    } else if (ngx_mixtrack_value_compile(cf, &value[1], &project->token)
               != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (project->token.literal.len > NGX_MIXTRACK_TOKEN_MAX) {
        return "is longer than 255 bytes";
    }

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_token_file(ngx_conf_t *cf, ngx_str_t *path, ngx_str_t *token)
{
    u_char      buf[NGX_MIXTRACK_TOKEN_MAX + 3];
    ssize_t     n;
    ngx_fd_t    fd;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open the file \"%V\" of \"token\" in "
                           "\"mixtrack_project\"", path);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf));

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", path);
    }

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot read the file \"%V\" of \"token\" in "
                           "\"mixtrack_project\"", path);
        return NGX_CONF_ERROR;
    }

    if (n && buf[n - 1] == LF) {
        n--;
    }

    if (n && buf[n - 1] == CR) {
        n--;
    }

    if (n == 0) {
        return "names an empty file";
    }

    token->len = n;
    token->data = ngx_pnalloc(cf->pool, n);
    if (token->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(token->data, buf, n);

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (project->url.data) {
        return "is duplicate";
    }

    for (i = 0; ngx_mixtrack_regions[i].url; i++) {

        if (value[1].len == ngx_mixtrack_regions[i].name.len
            && ngx_strcmp(value[1].data, ngx_mixtrack_regions[i].name.data)
               == 0)
        {
            return ngx_mixtrack_endpoint_set(cf, project,
                                    (u_char *) ngx_mixtrack_regions[i].url);
        }
    }

    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, ':') == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown region \"%V\" in \"endpoint\" of "
                           "\"mixtrack_project\", it must be \"us\", \"eu\", "
                           "\"in\" or a URL", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_mixtrack_endpoint_set(cf, project, value[1].data);
}


static char *
ngx_mixtrack_endpoint_set(ngx_conf_t *cf, ngx_mixtrack_project_t *project,
    u_char *url)
{
    char        *out;
    const char  *why;

    /*
     * ip=0 keeps the events' own "ip", verbose=1 makes the reply say
     * whether they were valid
     */

    static const char *const  query[] = { "ip=0", "verbose=1", NULL };

    if (mxt_url_complete((char *) url, "/track", query, &out, &why) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%s\" in \"endpoint\" of "
                           "\"mixtrack_project\", %s", url, why);
        return NGX_CONF_ERROR;
    }

    project->url.len = ngx_strlen(out);
    project->url.data = ngx_pnalloc(cf->pool, project->url.len + 1);

    if (project->url.data) {
        ngx_memcpy(project->url.data, out, project->url.len + 1);
    }

    free(out);

    if (project->url.data == NULL) {
        return NGX_CONF_ERROR;
    }

    project->destination = mxt_spool_destination((char *) project->url.data,
                                                 "track", "", NULL);

    return NGX_CONF_OK;
}


/* the slots of nginx's own would not name the directive */

static char *
ngx_mixtrack_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    char  *rv;

    rv = ngx_conf_set_size_slot(cf, cmd, conf);

    /* what does not even hold the slab allocator never reaches its init */

    if (rv == NGX_CONF_OK && project->zone_size < (size_t) (8 * ngx_pagesize))
    {
        return "is too small, the least is one of 64k for each segment, and "
               "each worker takes 4";
    }

    return rv;
}


static char *
ngx_mixtrack_connections(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    char  *rv;

    rv = ngx_conf_set_num_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK
        && (project->connections < 1
            || project->connections > NGX_MIXTRACK_CONNECTIONS_MAX))
    {
        return "must be from 1 to 20";
    }

    return rv;
}


static char *
ngx_mixtrack_batch(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    size_t       size;
    ngx_int_t    n;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "events=", 7) == 0
            && project->batch_events == NGX_CONF_UNSET_UINT)
        {
            n = ngx_atoi(value[i].data + 7, value[i].len - 7);

            if (n < 1 || n > NGX_MIXTRACK_EVENTS_MAX) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid \"%V\" in \"batch\" of "
                                   "\"mixtrack_project\", the API takes 1 to "
                                   "%d events a request",
                                   &value[i], NGX_MIXTRACK_EVENTS_MAX);
                return NGX_CONF_ERROR;
            }

            project->batch_events = n;
            continue;
        }

        if (ngx_strncmp(value[i].data, "bytes=", 6) == 0
            && project->batch_bytes == NGX_CONF_UNSET_SIZE)
        {
            s.len = value[i].len - 6;
            s.data = value[i].data + 6;

            size = (size_t) ngx_parse_size(&s);

            if (size == (size_t) NGX_ERROR || size < 1
                || size > NGX_MIXTRACK_BYTES_MAX)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid \"%V\" in \"batch\" of "
                                   "\"mixtrack_project\", the API takes 1 to "
                                   "%d bytes a request",
                                   &value[i], NGX_MIXTRACK_BYTES_MAX);
                return NGX_CONF_ERROR;
            }

            project->batch_bytes = size;
            continue;
        }

        if (ngx_strncmp(value[i].data, "interval=", 9) == 0
            && project->batch_interval == NGX_CONF_UNSET_MSEC)
        {
            s.len = value[i].len - 9;
            s.data = value[i].data + 9;

            project->batch_interval = ngx_parse_time(&s, 0);

            if (project->batch_interval == (ngx_msec_t) NGX_ERROR
                || project->batch_interval == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid \"%V\" in \"batch\" of "
                                   "\"mixtrack_project\", it must be a time "
                                   "of at least 1ms", &value[i]);
                return NGX_CONF_ERROR;
            }

            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"batch\" of "
                           "\"mixtrack_project\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_timeout(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t   *value, s;
    ngx_uint_t   i;
    ngx_msec_t  *timeout;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        s = value[i];

        if (ngx_strncmp(s.data, "connect=", 8) == 0) {
            timeout = &project->connect_timeout;
            s.len -= 8;
            s.data += 8;

        } else if (ngx_strncmp(s.data, "total=", 6) == 0) {
            timeout = &project->total_timeout;
            s.len -= 6;
            s.data += 6;

        } else {
            timeout = NULL;
        }

        if (timeout == NULL || *timeout != NGX_CONF_UNSET_MSEC) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"timeout\" of "
                               "\"mixtrack_project\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        *timeout = ngx_parse_time(&s, 0);

        /* libcurl takes a zero for its own default, and has 31 bits */

        if (*timeout == (ngx_msec_t) NGX_ERROR || *timeout == 0
            || *timeout > 86400000)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\" in \"timeout\" of "
                               "\"mixtrack_project\", it must be a time of "
                               "1ms to 1d", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_gzip(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (project->gzip != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        project->gzip = 0;
        return NGX_CONF_OK;
    }

    project->gzip = ngx_atoi(value[1].data, value[1].len);

    if (project->gzip < 1 || project->gzip > 9) {
        return "must be a level from 1 to 9 or \"off\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_spool(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (project->spool != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        project->spool = 0;
        return NGX_CONF_OK;
    }

    project->spool = ngx_parse_offset(&value[1]);

    if (project->spool == (off_t) NGX_ERROR || project->spool == 0) {
        return "must be a size or \"off\"";
    }

    return NGX_CONF_OK;
}
