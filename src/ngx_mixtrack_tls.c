
/*
 * Whom a project believes, and who it says it is: "tls", and what is in the
 * files that it names.
 *
 * They are looked into by the OpenSSL of nginx, if it has one, for libcurl
 * does so only with the first post.
 */


#include "ngx_mixtrack.h"


typedef struct {
    ngx_str_t  ca;
    ngx_str_t  cert;
    ngx_str_t  key;
} ngx_mixtrack_files_t;


static char *ngx_mixtrack_tls_files(ngx_conf_t *cf, mxt_http_conf_t *http,
    ngx_mixtrack_files_t *file);
#if (NGX_OPENSSL)
static char *ngx_mixtrack_tls_certificates(ngx_conf_t *cf, const char *name,
    ngx_str_t *file, mxt_http_pem_t *pem, X509 **first);
static char *ngx_mixtrack_tls_key(ngx_conf_t *cf, ngx_str_t *file,
    mxt_http_pem_t *pem, EVP_PKEY **key);
static int ngx_mixtrack_tls_passphrase(char *buf, int size, int rwflag,
    void *data);
#endif


char *
ngx_mixtrack_tls(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_mixtrack_project_t *project = conf;

    char                  *rv;
    ngx_str_t             *value, s;
    ngx_uint_t             i, verify;
    mxt_http_conf_t       *http;
    ngx_mixtrack_files_t   file;

    value = cf->args->elts;
    http = &project->http;
    verify = 0;

    ngx_memzero(&file, sizeof(ngx_mixtrack_files_t));

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
            file.ca = s;

        } else if (ngx_mixtrack_option_is(&value[i], "cert=", &s)
                   && http->cert.len == 0)
        {
            rv = ngx_mixtrack_secret_pem(cf, &s, &http->cert);
            file.cert = s;

        } else if (ngx_mixtrack_option_is(&value[i], "key=", &s)
                   && http->key.len == 0)
        {
            rv = ngx_mixtrack_secret_key(cf, &s, &http->key);
            file.key = s;

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

    return ngx_mixtrack_tls_files(cf, http, &file);
}


#if (NGX_OPENSSL)

static char *
ngx_mixtrack_tls_files(ngx_conf_t *cf, mxt_http_conf_t *http,
    ngx_mixtrack_files_t *file)
{
    char      *rv;
    X509      *cert;
    EVP_PKEY  *key;

    cert = NULL;
    key = NULL;
    rv = NGX_CONF_OK;

    /* nginx would wonder about errors that are not its own */

    ERR_clear_error();

    if (http->ca.len) {
        rv = ngx_mixtrack_tls_certificates(cf, "ca=", &file->ca, &http->ca,
                                           NULL);
    }

    if (rv == NGX_CONF_OK && http->cert.len) {
        rv = ngx_mixtrack_tls_certificates(cf, "cert=", &file->cert,
                                           &http->cert, &cert);
    }

    if (rv == NGX_CONF_OK && http->key.len) {
        rv = ngx_mixtrack_tls_key(cf, &file->key, &http->key, &key);
    }

    if (rv == NGX_CONF_OK && cert && !X509_check_private_key(cert, key)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file \"%V\" of \"key=\" in \"tls\" of "
                           "\"mixtrack_project\" has not the key of the "
                           "certificate in \"%V\"", &file->key, &file->cert);
        rv = NGX_CONF_ERROR;
    }

    X509_free(cert);
    EVP_PKEY_free(key);

    ERR_clear_error();

    return rv;
}


/* all of them must be sound, and there must be one; first, unless it is NULL,
 * is the first, and the caller's */

static char *
ngx_mixtrack_tls_certificates(ngx_conf_t *cf, const char *name,
    ngx_str_t *file, mxt_http_pem_t *pem, X509 **first)
{
    BIO            *bio;
    X509           *cert;
    ngx_uint_t      n, end;
    unsigned long   error;

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    if (bio == NULL) {
        return NGX_CONF_ERROR;
    }

    for (n = 0; /* void */ ; n++) {

        cert = PEM_read_bio_X509_AUX(bio, NULL, ngx_mixtrack_tls_passphrase,
                                     NULL);
        if (cert == NULL) {
            break;
        }

        if (n == 0 && first) {
            *first = cert;

        } else {
            X509_free(cert);
        }
    }

    BIO_free(bio);

    /* that is how it says that there are no more */

    error = ERR_peek_last_error();
    end = (ERR_GET_LIB(error) == ERR_LIB_PEM
           && ERR_GET_REASON(error) == PEM_R_NO_START_LINE);

    ERR_clear_error();

    if (n && end) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the file \"%V\" of \"%s\" in \"tls\" of "
                       "\"mixtrack_project\" has %s", file, name,
                       end ? "no certificate"
                           : "a certificate that is broken");

    return NGX_CONF_ERROR;
}


static char *
ngx_mixtrack_tls_key(ngx_conf_t *cf, ngx_str_t *file, mxt_http_pem_t *pem,
    EVP_PKEY **key)
{
    BIO         *bio;
    ngx_uint_t   asked;

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    if (bio == NULL) {
        return NGX_CONF_ERROR;
    }

    asked = 0;

    *key = PEM_read_bio_PrivateKey(bio, NULL, ngx_mixtrack_tls_passphrase,
                                   &asked);
    BIO_free(bio);

    if (*key) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the file \"%V\" of \"key=\" in \"tls\" of "
                       "\"mixtrack_project\" has %s", file,
                       asked ? "an encrypted key, it must have no passphrase"
                             : "no private key that can be read");

    return NGX_CONF_ERROR;
}


/* OpenSSL's own would ask the terminal */

static int
ngx_mixtrack_tls_passphrase(char *buf, int size, int rwflag, void *data)
{
    ngx_uint_t *asked = data;

    if (asked) {
        *asked = 1;
    }

    return -1;
}

#else

/* what libcurl makes of them is seen with the first post */

static char *
ngx_mixtrack_tls_files(ngx_conf_t *cf, mxt_http_conf_t *http,
    ngx_mixtrack_files_t *file)
{
    return NGX_CONF_OK;
}

#endif
