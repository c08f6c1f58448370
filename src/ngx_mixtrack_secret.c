
/*
 * Files that a project's block names: secrets, certificates, keys.
 *
 * They are read when the configuration is, by the master, which may read what
 * the flusher cannot.  Messages name the file and the directive, never what is
 * in it.
 */


#include "ngx_mixtrack.h"


/* a list of certificates has some 200 KB */
#define NGX_MIXTRACK_PEM_MAX  (4 * 1024 * 1024)


static ngx_int_t ngx_mixtrack_secret_read(ngx_conf_t *cf, ngx_str_t *path,
    size_t max, ngx_str_t *text);
static ssize_t ngx_mixtrack_secret_fill(ngx_fd_t fd, u_char *buf,
    size_t size);


ngx_int_t
ngx_mixtrack_secret_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *secret)
{
    ngx_str_t  *value;

    if (ngx_mixtrack_secret_read(cf, path, NGX_MIXTRACK_SECRET_MAX, secret)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (secret->len && secret->data[secret->len - 1] == LF) {
        secret->len--;

        if (secret->len && secret->data[secret->len - 1] == CR) {
            secret->len--;
        }
    }

    secret->data[secret->len] = '\0';

    if (secret->len == 0 || secret->len > NGX_MIXTRACK_SECRET_MAX) {
        value = cf->args->elts;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file \"%V\" of \"%V\" in \"mixtrack_project\" "
                           "%s", path, &value[0],
                           secret->len ? "has more than 255 bytes"
                                       : "is empty");
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_mixtrack_secret_pem(ngx_conf_t *cf, ngx_str_t *path, mxt_http_pem_t *pem)
{
    ngx_str_t   text;
    ngx_str_t  *value;

    if (ngx_mixtrack_secret_read(cf, path, NGX_MIXTRACK_PEM_MAX, &text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_strnstr(text.data, "-----BEGIN ", text.len) == NULL) {
        value = cf->args->elts;
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file \"%V\" of \"%V\" in \"mixtrack_project\" "
                           "is not PEM", path, &value[0]);
        return NGX_CONF_ERROR;
    }

    pem->data = (char *) text.data;
    pem->len = text.len;

    return NGX_CONF_OK;
}


/* nobody is there to be asked for a key's passphrase */

char *
ngx_mixtrack_secret_key(ngx_conf_t *cf, ngx_str_t *path, mxt_http_pem_t *pem)
{
    char  *rv;

    rv = ngx_mixtrack_secret_pem(cf, path, pem);

    if (rv == NGX_CONF_OK
        && (ngx_strnstr((u_char *) pem->data, "BEGIN ENCRYPTED ", pem->len)
            || ngx_strnstr((u_char *) pem->data, "4,ENCRYPTED", pem->len)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file \"%V\" of \"tls\" in "
                           "\"mixtrack_project\" has an encrypted key, it "
                           "must have no passphrase", path);
        return NGX_CONF_ERROR;
    }

    return rv;
}


/*
 * All of a file, max bytes and a line break, in the pool, terminated; *path
 * becomes its full name.
 */

static ngx_int_t
ngx_mixtrack_secret_read(ngx_conf_t *cf, ngx_str_t *path, size_t max,
    ngx_str_t *text)
{
    u_char      *buf;
    ssize_t      n;
    ngx_fd_t     fd;
    ngx_err_t    err;
    ngx_str_t   *value;
    const char  *what;

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    max += sizeof(CRLF) - 1;

    buf = ngx_alloc(max + 1, cf->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    what = "open";
    n = -1;

    /* nobody may be at the other end of a pipe */

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    err = ngx_errno;

    if (fd != NGX_INVALID_FILE) {
        what = "read";
        n = ngx_mixtrack_secret_fill(fd, buf, max + 1);
        err = ngx_errno;
        (void) ngx_close_file(fd);
    }

    text->data = NULL;

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "cannot %s the file \"%V\" of \"%V\" in "
                           "\"mixtrack_project\"", what, path, &value[0]);
        goto done;
    }

    if ((size_t) n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file \"%V\" of \"%V\" in "
                           "\"mixtrack_project\" has more than %uz bytes",
                           path, &value[0], max - (sizeof(CRLF) - 1));
        goto done;
    }

    text->len = n;
    text->data = ngx_pnalloc(cf->pool, n + 1);

    if (text->data) {
        ngx_memcpy(text->data, buf, n);
        text->data[n] = '\0';
    }

done:

    if (n > 0) {
        ngx_explicit_memzero(buf, n);
    }

    ngx_free(buf);

    return text->data ? NGX_OK : NGX_ERROR;
}


static ssize_t
ngx_mixtrack_secret_fill(ngx_fd_t fd, u_char *buf, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += n) {

        n = ngx_read_fd(fd, buf + len, size - len);

        if (n == -1) {
            return -1;
        }

        if (n == 0) {
            break;
        }
    }

    return len;
}
