
/*
 * The directives of a project's block.
 *
 * nginx hands over the statements of such a block one by one; they are looked
 * up in a table as any other, but the errors of nginx's own slots are said
 * with the directive's name.
 */


#include "ngx_mixtrack.h"


/* measured: 2 % more time than level 1 for 5 % fewer bytes; level 3 takes 14 %
 * more, for another 4 % */
#define NGX_MIXTRACK_GZIP_DEFAULT     2

/* Mixpanel sees the best results with 10 to 20 concurrent clients */
#define NGX_MIXTRACK_CONNECTIONS_MAX  20


static char *ngx_mixtrack_token(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_uint_t ngx_mixtrack_token_is_one(ngx_str_t *token);
static char *ngx_mixtrack_id_merge(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_connections(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_gzip(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_spool(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_mixtrack_shutdown(ngx_conf_t *cf, ngx_command_t *cmd,
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

    { ngx_string("api"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_endpoint_api,
      0,
      0,
      NULL },

    { ngx_string("service_account"),
      NGX_CONF_TAKE3,
      ngx_mixtrack_account,
      0,
      0,
      NULL },

    { ngx_string("tls"),
      NGX_CONF_TAKE1234,
      ngx_mixtrack_tls,
      0,
      0,
      NULL },

    { ngx_string("proxy"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_endpoint_proxy,
      0,
      0,
      NULL },

    { ngx_string("id_merge"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_id_merge,
      0,
      0,
      NULL },

    { ngx_string("zone"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_zone,
      0,
      0,
      NULL },

    { ngx_string("batch"),
      NGX_CONF_TAKE123,
      ngx_mixtrack_pace_batch,
      0,
      0,
      NULL },

    { ngx_string("connections"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_connections,
      0,
      0,
      NULL },

    { ngx_string("rate"),
      NGX_CONF_TAKE12,
      ngx_mixtrack_pace_rate,
      0,
      0,
      NULL },

    { ngx_string("retry"),
      NGX_CONF_TAKE123,
      ngx_mixtrack_pace_retry,
      0,
      0,
      NULL },

    { ngx_string("timeout"),
      NGX_CONF_TAKE12,
      ngx_mixtrack_pace_timeout,
      0,
      0,
      NULL },

    { ngx_string("gzip"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_gzip,
      0,
      0,
      NULL },

    { ngx_string("max_age"),
      NGX_CONF_TAKE1,
      ngx_mixtrack_pace_max_age,
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
      ngx_mixtrack_shutdown,
      0,
      0,
      NULL },

      ngx_null_command
};


char *
ngx_mixtrack_option(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    char           *rv;
    ngx_str_t      *value;
    ngx_uint_t      seen;
    ngx_command_t  *cmd;

    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, dummy, conf);
    }

    for (cmd = ngx_mixtrack_options; cmd->name.len; cmd++) {

        if (ngx_strcmp(value[0].data, cmd->name.data) != 0) {
            continue;
        }

        /* NGX_CONF_TAKE1, 2, ... are the bits of one, two, ... arguments */

        if (!(cmd->type & ((ngx_uint_t) 1 << (cf->args->nelts - 1)))) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" of "
                               "\"mixtrack_project\"", &value[0]);
            return NGX_CONF_ERROR;
        }

        seen = (ngx_uint_t) 1 << (cmd - ngx_mixtrack_options);

        rv = (project->seen & seen) ? "is duplicate" : cmd->set(cf, cmd, conf);

        project->seen |= seen;

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
    if (project->zone_size == NGX_CONF_UNSET_SIZE) {
        project->zone_size = 32 * 1024 * 1024;
        project->zone_place = project->place;
        ngx_str_set(&project->zone_place.value, "32m");
    }

    ngx_conf_init_value(project->connections, 8);
    ngx_conf_init_value(project->gzip, NGX_MIXTRACK_GZIP_DEFAULT);
    ngx_conf_init_msec_value(project->shutdown_timeout, 3000);

    if (project->spool == NGX_CONF_UNSET) {
        project->spool = 1024 * 1024 * 1024;
    }

    if (ngx_mixtrack_pace_init(cf, project) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_mixtrack_endpoint_init(cf, project);
}


char *
ngx_mixtrack_option_invalid(ngx_conf_t *cf, ngx_str_t *value, const char *why)
{
    ngx_str_t  *name;

    name = cf->args->elts;

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" in \"%V\" of "
                           "\"mixtrack_project\", %s", value, name, why);
    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\" of "
                           "\"mixtrack_project\"", value, name);
    }

    return NGX_CONF_ERROR;
}


char *
ngx_mixtrack_option_late(ngx_conf_t *cf, ngx_mixtrack_place_t *place,
    const char *text)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s in %V:%ui", text,
                  &place->file, place->line);

    return NGX_CONF_ERROR;
}


ngx_uint_t
ngx_mixtrack_option_is(ngx_str_t *value, const char *name, ngx_str_t *s)
{
    size_t  len;

    len = ngx_strlen(name);

    if (ngx_strncmp(value->data, name, len) != 0) {
        return 0;
    }

    s->len = value->len - len;
    s->data = value->data + len;

    return 1;
}


static char *
ngx_mixtrack_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t  *value, *token, s;

    value = cf->args->elts;
    token = &project->token.literal;

    if (value[1].len == 0) {
        return "is empty";
    }

    if (ngx_mixtrack_option_is(&value[1], "file:", &s)) {

        if (ngx_mixtrack_secret_file(cf, &s, token) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (!ngx_mixtrack_token_is_one(token)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the file \"%V\" of \"token\" in "
                               "\"mixtrack_project\" must have printable "
                               "ASCII without spaces, and no more than a line "
                               "break behind it", &s);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (ngx_mixtrack_value_compile(cf, &value[1], &project->token) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (token->len > NGX_MIXTRACK_SECRET_MAX) {
        return "is longer than 255 bytes";
    }

    /* one with variables is empty here */

    if (!ngx_mixtrack_token_is_one(token)) {
        return "must be printable ASCII without spaces";
    }

    return NGX_CONF_OK;
}


/* Mixpanel takes any text, as the token of a project that nobody has */

static ngx_uint_t
ngx_mixtrack_token_is_one(ngx_str_t *token)
{
    size_t  i;

    for (i = 0; i < token->len; i++) {
        if (token->data[i] <= 0x20 || token->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}


static char *
ngx_mixtrack_id_merge(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "simplified") == 0) {
        project->id_merge = NGX_MIXTRACK_SIMPLIFIED;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "original") == 0) {
        project->id_merge = NGX_MIXTRACK_ORIGINAL;
        return NGX_CONF_OK;
    }

    return ngx_mixtrack_option_invalid(cf, &value[1],
                               "it must be \"simplified\" or \"original\"");
}


/* the slots of nginx's own would not name the directive, nor the value */

static char *
ngx_mixtrack_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    off_t       size;
    ngx_str_t  *value;

    value = cf->args->elts;

    ngx_mixtrack_place(cf, &project->zone_place);

    size = ngx_parse_offset(&value[1]);

    if (size < 0 || size != (off_t) (size_t) size) {
        return ngx_mixtrack_option_invalid(cf, &value[1],
                                           "it must be a size");
    }

    /* what does not even hold the slab allocator never reaches its init */

    if (size < (off_t) (8 * ngx_pagesize)) {
        return ngx_mixtrack_option_invalid(cf, &value[1],
                         "it is too small, the least is one of 64k for each "
                         "segment, and each worker takes 4");
    }

    project->zone_size = (size_t) size;
    project->zone_given = 1;

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_connections(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    project->connections = ngx_atoi(value[1].data, value[1].len);

    if (project->connections < 1
        || project->connections > NGX_MIXTRACK_CONNECTIONS_MAX)
    {
        return ngx_mixtrack_option_invalid(cf, &value[1],
                                           "it must be from 1 to 20");
    }

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_gzip(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        project->gzip = 0;
        return NGX_CONF_OK;
    }

    project->gzip = ngx_atoi(value[1].data, value[1].len);

    if (project->gzip < 1 || project->gzip > 9) {
        return ngx_mixtrack_option_invalid(cf, &value[1],
                               "it must be a level from 1 to 9 or \"off\"");
    }

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_spool(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        project->spool = 0;
        return NGX_CONF_OK;
    }

    project->spool = ngx_parse_offset(&value[1]);

    if (project->spool == (off_t) NGX_ERROR || project->spool == 0) {
        return ngx_mixtrack_option_invalid(cf, &value[1],
                                           "it must be a size or \"off\"");
    }

    return NGX_CONF_OK;
}


static char *
ngx_mixtrack_shutdown(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_int_t   ms;
    ngx_str_t  *value;

    value = cf->args->elts;

    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR) {
        return ngx_mixtrack_option_invalid(cf, &value[1],
                                           "it must be a time");
    }

    project->shutdown_timeout = (ngx_msec_t) ms;

    return NGX_CONF_OK;
}
