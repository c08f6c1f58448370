
/*
 * Who sends a project's events: with /import one of Mixpanel's service
 * accounts, or the token in its place.
 *
 * No message quotes what may be a secret.
 */


#include "ngx_mixtrack.h"

#include "mxt_spool.h"
#include "mxt_url.h"


/* behind the part of a name that nobody can guess: "nginx.a1b2c3.mp-..." */
#define NGX_MIXTRACK_ACCOUNT  ".mp-service-account"


static ngx_uint_t ngx_mixtrack_account_is_text(ngx_str_t *s);
static char *ngx_mixtrack_account_plain(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);
static char *ngx_mixtrack_account_part(ngx_conf_t *cf, ngx_str_t *name);
static char *ngx_mixtrack_account_proxy(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project, ngx_uint_t decoded);
static char *ngx_mixtrack_account_basic(ngx_conf_t *cf, const char *user,
    const char *password);


/* a value in the wrong place may be the secret: none is quoted */

char *
ngx_mixtrack_account(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    ngx_str_t                *value, s;
    ngx_uint_t                i;
    ngx_mixtrack_endpoint_t  *ep;

    value = cf->args->elts;
    ep = &project->endpoint;

    ngx_mixtrack_place(cf, &ep->account_place);

    ep->account = value[1];
    ep->secret = value[2];
    ep->id = value[3];

    if (ngx_mixtrack_option_is(&value[2], "file:", &s)
        && ngx_mixtrack_secret_file(cf, &s, &ep->secret) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!ngx_mixtrack_account_is_text(&ep->account)
        || ngx_strchr(ep->account.data, ':'))
    {
        return "needs a name of 1 to 255 bytes without \":\" and control "
               "characters";
    }

    if (!ngx_mixtrack_account_is_text(&ep->secret)) {
        return "needs a secret of 1 to 255 bytes without control characters";
    }

    for (i = 0; i < ep->id.len; i++) {
        if (ep->id.data[i] < '0' || ep->id.data[i] > '9') {
            break;
        }
    }

    if (ep->id.len == 0 || ep->id.len > 20 || i < ep->id.len) {
        return "needs the project's id, a number, as its third value";
    }

    return NGX_CONF_OK;
}


/* a header or a C string has no room for control characters */

static ngx_uint_t
ngx_mixtrack_account_is_text(ngx_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < 0x20 || s->data[i] == 0x7f) {
            return 0;
        }
    }

    return s->len > 0 && s->len <= NGX_MIXTRACK_SECRET_MAX;
}


/* /import wants to know who we are: a service account, or the token */

char *
ngx_mixtrack_account_auth(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    char                     *account;
    ngx_str_t                *token;
    ngx_mixtrack_endpoint_t  *ep;

    ep = &project->endpoint;
    token = &project->token.literal;

    if (!ngx_mixtrack_value_is_literal(&project->token)) {
        return ngx_mixtrack_option_late(cf, &ep->api_place,
                     "\"api import\" in \"mixtrack_project\" needs a "
                     "\"token\" without variables");
    }

    if (ep->account.len) {
        account = ngx_mixtrack_endpoint_join(cf, (char *) ep->account.data,
                                             "/", (char *) ep->id.data);

        project->http.user = (char *) ep->account.data;
        project->http.password = (char *) ep->secret.data;

    } else {

        if (ngx_strlchr(token->data, token->data + token->len, ':')) {
            return ngx_mixtrack_option_late(cf, &ep->api_place,
                         "\"api import\" in \"mixtrack_project\" needs a "
                         "\"token\" without \":\"");
        }

        account = ngx_pnalloc(cf->pool, token->len + 1);

        if (account) {
            (void) ngx_cpystrn((u_char *) account, token->data,
                               token->len + 1);
        }

        project->http.user = account;
        project->http.password = "";
    }

    if (account == NULL) {
        return NGX_CONF_ERROR;
    }

    project->destination = mxt_spool_destination(project->http.url, "import",
                                                 account, NULL);

    return ngx_mixtrack_account_plain(cf, project);
}


/* Basic authentication is as good as plain text */

static char *
ngx_mixtrack_account_plain(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    ngx_str_t                 name;
    ngx_mixtrack_endpoint_t  *ep;

    ep = &project->endpoint;

    if (mxt_url_is_https(project->http.url)) {
        return NGX_CONF_OK;
    }

    if (!mxt_url_is_loopback(project->http.url)) {
        ngx_mixtrack_endpoint_name(project, &name);
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid \"%V\" in \"endpoint\" of "
                      "\"mixtrack_project\", with \"api import\" it must be "
                      "https, or credentials would leave this machine in "
                      "plain text, in %V:%ui",
                      &name, &ep->url_place.file, ep->url_place.line);
        return NGX_CONF_ERROR;
    }

    /* loopback is then the proxy's */

    if (project->http.proxy && !mxt_url_is_loopback(project->http.proxy)) {
        return ngx_mixtrack_option_late(cf, &ep->proxy_place,
                     "\"proxy\" in \"mixtrack_project\" needs an "
                     "\"endpoint\" of https, or with \"api import\" "
                     "credentials would leave this machine in plain text,");
    }

    return NGX_CONF_OK;
}


/* as they are written, and as they go over the wire */

char *
ngx_mixtrack_account_hide(ngx_conf_t *cf, ngx_mixtrack_project_t *project)
{
    char                     *s;
    ngx_mixtrack_endpoint_t  *ep;

    ep = &project->endpoint;

    mxt_words_hide(&project->words, (char *) project->token.literal.data);

    if (ep->account.len) {

        s = ngx_mixtrack_account_part(cf, &ep->account);
        if (s == NULL) {
            return NGX_CONF_ERROR;
        }

        mxt_words_hide(&project->words, s);
        mxt_words_hide(&project->words, (char *) ep->account.data);
        mxt_words_hide(&project->words, (char *) ep->secret.data);
    }

    if (project->http.user) {

        s = ngx_mixtrack_account_basic(cf, project->http.user,
                                       project->http.password);
        if (s == NULL) {
            return NGX_CONF_ERROR;
        }

        mxt_words_hide(&project->words, s);
    }

    if (project->http.proxy == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_mixtrack_account_proxy(cf, project, 0) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_mixtrack_account_proxy(cf, project, 1);
}


/* "" if it is not one of Mixpanel's names */

static char *
ngx_mixtrack_account_part(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char  *p, *end, *s;

    end = (u_char *) ngx_strstr(name->data, NGX_MIXTRACK_ACCOUNT);

    if (end == NULL) {
        return "";
    }

    for (p = end; p > name->data && p[-1] != '.'; p--) { /* void */ }

    s = ngx_pnalloc(cf->pool, end - p + 1);

    if (s) {
        (void) ngx_cpystrn(s, p, end - p + 1);
    }

    return (char *) s;
}


/* a user without a password is one */

static char *
ngx_mixtrack_account_proxy(ngx_conf_t *cf, ngx_mixtrack_project_t *project,
    ngx_uint_t decoded)
{
    char  *user, *password, *secret, *basic;

    if (mxt_url_user(project->http.proxy, decoded, &user, &password) != 0) {
        return NGX_CONF_ERROR;
    }

    if (user == NULL) {
        user = password;
        password = NULL;
    }

    if (user == NULL) {
        return NGX_CONF_OK;
    }

    secret = ngx_mixtrack_endpoint_join(cf, password ? password : user, "",
                                        "");
    basic = ngx_mixtrack_account_basic(cf, user, password ? password : "");

    free(user);
    free(password);

    if (secret == NULL || basic == NULL) {
        return NGX_CONF_ERROR;
    }

    mxt_words_hide(&project->words, secret);

    if (decoded) {
        mxt_words_hide(&project->words, basic);
    }

    return NGX_CONF_OK;
}


/* whether or not there are the equals signs at its end */

static char *
ngx_mixtrack_account_basic(ngx_conf_t *cf, const char *user,
    const char *password)
{
    ngx_str_t  plain, basic;

    plain.data = (u_char *) ngx_mixtrack_endpoint_join(cf, user, ":",
                                                       password);
    if (plain.data == NULL) {
        return NULL;
    }

    plain.len = ngx_strlen(plain.data);

    basic.data = ngx_pnalloc(cf->pool, ngx_base64_encoded_length(plain.len)
                                       + 1);
    if (basic.data == NULL) {
        return NULL;
    }

    ngx_encode_base64(&basic, &plain);

    while (basic.len && basic.data[basic.len - 1] == '=') {
        basic.len--;
    }

    basic.data[basic.len] = '\0';

    return (char *) basic.data;
}
