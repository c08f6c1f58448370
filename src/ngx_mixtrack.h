
/*
 * What the rooms of the module share: the configuration, and who calls whom.
 *
 *     module -> event, flusher, status -> queue -> core
 *
 * The event's side and the flusher's never meet: the queue is their whole
 * contract.
 */


#ifndef NGX_MIXTRACK_H
#define NGX_MIXTRACK_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "mxt_http.h"
#include "mxt_cookie.h"
#include "mxt_json.h"
#include "mxt_rate.h"
#include "mxt_redact_list.h"
#include "mxt_words.h"
#include "mxt_zone.h"


#define NGX_MIXTRACK_VERSION          "0.1.0"

/* the unnamed project */
#define NGX_MIXTRACK_DEFAULT          "default"

/* Mixpanel's limits: events a request, and properties an event ("fewer
 * than 255") */
#define NGX_MIXTRACK_EVENTS_MAX       2000
#define NGX_MIXTRACK_PROPERTIES_MAX   254

/* 2 MiB is the stricter of the two limits that Mixpanel documents for a
 * request, 10 MB the other */
#define NGX_MIXTRACK_BYTES_DEFAULT    2000000
#define NGX_MIXTRACK_BYTES_MAX        10000000

/* how a project takes ids: "id_merge" */
#define NGX_MIXTRACK_SIMPLIFIED       0
#define NGX_MIXTRACK_ORIGINAL         1

/* names and secrets: a token is 32 hex digits today, a service account's
 * secret 32 characters */
#define NGX_MIXTRACK_SECRET_MAX       255

#define NGX_MIXTRACK_UNSET_32         ((uint32_t) -1)
#define NGX_MIXTRACK_UNSET_64         ((uint64_t) -1)

/* token, time, $insert_id, distinct_id, $device_id, $user_id, ip */
#define NGX_MIXTRACK_OWN_PROPERTIES   7

/* and the bytes of them, at the least */
#define NGX_MIXTRACK_OWN_SIZE         128


/* what stands between the parts of an event */
#define NGX_MIXTRACK_BEFORE_NAME      "{\"event\":\""
#define NGX_MIXTRACK_BEFORE_TOKEN     "\",\"properties\":{\"token\":\""
#define NGX_MIXTRACK_BEFORE_TIME      "\",\"time\":"

/* stands before a device's id in distinct_id, with simplified ID merge */
#define NGX_MIXTRACK_DEVICE           "$device:"

/* what a visitor may object with */
#define NGX_MIXTRACK_RESPECT_DNT      1
#define NGX_MIXTRACK_RESPECT_GPC      2
#define NGX_MIXTRACK_RESPECT_OPT_OUT  4

#define NGX_MIXTRACK_IP_ANONYMIZE     2

/* NGX_HTTP_VERSION_30, which nginx has since 1.25 */
#define NGX_MIXTRACK_HTTP_3           3000

#define ngx_mixtrack_raw(j, text)     mxt_json_raw(j, text, sizeof(text) - 1)


/* where a directive was read, for errors that are only found later */
typedef struct {
    ngx_str_t                      file;
    ngx_uint_t                     line;
    ngx_str_t                      value;      /* its first, if it has one */
} ngx_mixtrack_place_t;


/* a piece of a value: text, or the variable with this index */
typedef struct {
    ngx_str_t                      text;
    ngx_int_t                      index;      /* -1 is text */
} ngx_mixtrack_piece_t;


typedef struct {
    ngx_str_t                      literal;    /* when there is no variable */
    ngx_mixtrack_piece_t          *pieces;     /* otherwise, but ... */
    ngx_uint_t                     npieces;
    ngx_http_complex_value_t      *complex;    /* ... here with captures, */
    ngx_uint_t                    *variables;  /* and these, up to a -1 */
} ngx_mixtrack_value_t;


/*
 * What a block says of its endpoint, until its end: only then is it known what
 * it means.  A place without a file is that of a directive that is not there.
 */
typedef struct {
    ngx_str_t                      url;        /* as it is written */
    ngx_str_t                      account;    /* of service_account */
    ngx_str_t                      secret;
    ngx_str_t                      id;         /* digits */

    ngx_mixtrack_place_t           api_place;
    ngx_mixtrack_place_t           url_place;
    ngx_mixtrack_place_t           account_place;
    ngx_mixtrack_place_t           tls_place;
    ngx_mixtrack_place_t           proxy_place;
} ngx_mixtrack_endpoint_t;


typedef struct {
    ngx_str_t                      name;
    ngx_mixtrack_place_t           place;
    unsigned                       named:1;
    unsigned                       zone_given:1;
    ngx_uint_t                     seen;       /* a bit for each directive */

    ngx_mixtrack_value_t           token;
    ngx_str_t                      cookie[2];  /* names of the SDK's for it, if
                                                  it is a literal */

    mxt_api_e                      api;
    ngx_mixtrack_endpoint_t        endpoint;

    /* complete when the block has ended; strings are terminated */
    mxt_http_conf_t                http;
    mxt_words_t                    words;      /* secrets that a server may
                                                  tell us, but not the log */

    ngx_open_file_t               *file;       /* the dry run: http.url is
                                                  NULL then */
    ngx_uint_t                     id_merge;
    size_t                         zone_size;

    ngx_uint_t                     batch_events;
    size_t                         batch_bytes;
    ngx_msec_t                     batch_interval;

    ngx_int_t                      connections;
    ngx_msec_t                     connect_timeout;
    ngx_msec_t                     total_timeout;
    mxt_rate_conf_t                rate;       /* zeros are off */
    mxt_backoff_t                  backoff;
    uint64_t                       max_age;    /* ms; 0 is none */
    ngx_mixtrack_place_t           max_age_place;
    ngx_mixtrack_place_t           zone_place;
    ngx_int_t                      gzip;       /* 0 is off */
    off_t                          spool;      /* 0 is off */
    ngx_msec_t                     shutdown_timeout;

    /* what names the destination of a spool file */
    uint64_t                       destination;

    ngx_cycle_t                   *cycle;
    ngx_shm_zone_t                *shm_zone;
    mxt_zone_shm_t                *shm;        /* once the zone is there */

    /*
     * this process's view as a worker; of its own memory, for in a single
     * process the configurations of several cycles share it
     */
    mxt_zone_t                    *zone;
} ngx_mixtrack_project_t;


/* one "mixtrack EVENT ..." */
typedef struct {
    ngx_mixtrack_value_t           name;
    ngx_str_t                      project_name;
    ngx_mixtrack_project_t        *project;
    ngx_mixtrack_value_t           filter;     /* if= */
    unsigned                       filtered:1;
    uint64_t                       sample;     /* of 2^32; 0 is all */
    ngx_mixtrack_place_t           place;

    /* {"event":"...","properties":{"token":"...", as far as it is fixed */
    ngx_str_t                      head;
} ngx_mixtrack_event_t;


typedef enum {
    NGX_MIXTRACK_STRING = 0,
    NGX_MIXTRACK_NUMBER,
    NGX_MIXTRACK_BOOL,
    NGX_MIXTRACK_TIME,
    NGX_MIXTRACK_LIST,
    NGX_MIXTRACK_JSON,

    /* what needs no variable */
    NGX_MIXTRACK_LITERAL,

    /* standard properties that are strings ... */
    NGX_MIXTRACK_CURRENT_URL,
    NGX_MIXTRACK_DOMAIN,
    NGX_MIXTRACK_PATH,
    NGX_MIXTRACK_PROTOCOL,
    NGX_MIXTRACK_SEARCH,
    NGX_MIXTRACK_REFERRER,
    NGX_MIXTRACK_REFERRING_DOMAIN,
    NGX_MIXTRACK_SEARCH_ENGINE,
    NGX_MIXTRACK_KEYWORD,
    NGX_MIXTRACK_INITIAL_REFERRER,
    NGX_MIXTRACK_INITIAL_DOMAIN,
    NGX_MIXTRACK_BROWSER,
    NGX_MIXTRACK_OS,
    NGX_MIXTRACK_CLIENT_DEVICE,
    NGX_MIXTRACK_METHOD,
    NGX_MIXTRACK_CACHE_STATUS,
    NGX_MIXTRACK_HTTP,
    NGX_MIXTRACK_TLS,

    /* ... and numbers */
    NGX_MIXTRACK_BROWSER_VERSION,
    NGX_MIXTRACK_STATUS,
    NGX_MIXTRACK_REQUEST_TIME,
    NGX_MIXTRACK_BYTES_SENT,
    NGX_MIXTRACK_UPSTREAM_TIME,

    /* ... and any number of strings, with their names */
    NGX_MIXTRACK_ARGS
} ngx_mixtrack_type_e;


/* one "mixtrack_property NAME VALUE ...", or a standard one */
typedef struct {
    ngx_str_t                      name;
    ngx_mixtrack_type_e            type;
    uint32_t                       args;       /* which of them, by bits */
    ngx_mixtrack_value_t           value;
    ngx_mixtrack_value_t           filter;     /* if= */
    unsigned                       filtered:1;
    unsigned                       quoted:1;
    unsigned                       off:1;
    ngx_mixtrack_place_t           place;

    /* ,"name": with a string's opening quote, or all of a literal */
    ngx_str_t                      text;
} ngx_mixtrack_property_t;


/* what a client is, by the variables that tell; a map may tell it better */
typedef enum {
    NGX_MIXTRACK_BROWSER_NAME = 0,
    NGX_MIXTRACK_BROWSER_NUMBER,
    NGX_MIXTRACK_OS_NAME,
    NGX_MIXTRACK_DEVICE_NAME,
    NGX_MIXTRACK_IS_BOT,
    NGX_MIXTRACK_CLIENT_N
} ngx_mixtrack_client_e;


typedef struct {
    ngx_http_variable_t           *variable;
    ngx_int_t                      index;
    ngx_http_get_variable_pt       map;        /* NULL: nobody else's */
    uintptr_t                      data;
} ngx_mixtrack_client_t;


typedef struct {
    ngx_array_t                    projects;   /* of pointers */
    ngx_array_t                    events;     /* of pointers, all of them */
    ngx_array_t                    locations;  /* of pointers: those with
                                                  events */
    ngx_str_t                      spool_path;
    ngx_mixtrack_place_t           spool_place;
    ngx_mixtrack_client_t          client[NGX_MIXTRACK_CLIENT_N];
    int                           *captures;   /* NULL: none have to be kept */
} ngx_mixtrack_main_conf_t;


/* "mixtrack_device_cookie NAME ..." */
typedef struct {
    ngx_str_t                      name;
    ngx_str_t                      domain;
    ngx_str_t                      samesite;
    time_t                         age;
    ngx_uint_t                     secure;
    ngx_str_t                      attributes; /* behind NAME=ID */
    ngx_mixtrack_value_t           filter;     /* if= */
    ngx_uint_t                     filtered;
} ngx_mixtrack_device_t;


/* what is kept of a request, also over an internal redirect */
typedef struct {
    ngx_str_t                      insert_id;  /* asked for before its end */
    u_char                         device[MXT_UUID_LEN];
    unsigned                       issued:1;   /* that, with this response */
} ngx_mixtrack_ctx_t;


typedef struct ngx_mixtrack_loc_conf_s  ngx_mixtrack_loc_conf_t;

struct ngx_mixtrack_loc_conf_s {
    ngx_array_t                   *events;     /* of ngx_mixtrack_event_t */
    ngx_flag_t                     off;

    ngx_array_t                   *properties; /* by name, merged */
    ngx_mixtrack_property_t       *protocol;   /* of these, or NULL */
    ngx_uint_t                     standard;
    ngx_uint_t                     ip;

    ngx_mixtrack_value_t          *user_id;
    ngx_mixtrack_value_t          *device_id;
    ngx_mixtrack_device_t         *device;     /* the cookie; NULL is off */

    ngx_uint_t                     respect;    /* bits */
    ngx_array_t                   *redact_args;    /* of ngx_str_t */
    ngx_array_t                   *keep_args;
    mxt_redact_t                  *redact;     /* made of these */

    /* the level above, if its properties are the same; or NULL */
    ngx_mixtrack_loc_conf_t       *alike;

    /* the properties as they are written, standard ones included */
    ngx_mixtrack_property_t       *rendered;
    ngx_uint_t                     nrendered;
};


/* ngx_mixtrack_module.c */

/* The main configuration of a cycle, or NULL when it has none (no http
 * block, or none of our directives in it). */
ngx_mixtrack_main_conf_t *ngx_mixtrack_main_conf(ngx_cycle_t *cycle);

/* The projects of a cycle, *n of them; none, and NULL, without a main
 * configuration. */
ngx_mixtrack_project_t **ngx_mixtrack_projects(ngx_cycle_t *cycle,
    ngx_uint_t *n);

/* Remembers where the directive being read stands. */
void ngx_mixtrack_place(ngx_conf_t *cf, ngx_mixtrack_place_t *place);


/* ngx_mixtrack_track.c */

/* "mixtrack EVENT ..." and "mixtrack off"; conf is a location's. */
char *ngx_mixtrack_track(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* ngx_mixtrack_project.c */

/* The block "mixtrack_project [NAME] { ... }"; conf is the main one. */
char *ngx_mixtrack_project_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* After parsing: finds each event's project, registers the directory whose
 * manager is the flusher.  NGX_OK, or NGX_ERROR with the reason logged. */
ngx_int_t ngx_mixtrack_project_init(ngx_conf_t *cf,
    ngx_mixtrack_main_conf_t *mmcf);

/* The project of that name, or NULL; mmcf may be NULL. */
ngx_mixtrack_project_t *ngx_mixtrack_project_find(
    ngx_mixtrack_main_conf_t *mmcf, ngx_str_t *name);

/* The project whose visitor it is: that of the location's first event, else
 * the first one; NULL when there is none. */
ngx_mixtrack_project_t *ngx_mixtrack_project_of(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf);


/* ngx_mixtrack_option.c */

/* One statement of a project's block; conf is the project. */
char *ngx_mixtrack_option(ngx_conf_t *cf, ngx_command_t *dummy, void *conf);

/* What the block left unset, and what can only be judged at its end. */
char *ngx_mixtrack_option_defaults(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);

/* Logs that the directive being read has an invalid value, and why (NULL:
 * there is no such parameter); NGX_CONF_ERROR. */
char *ngx_mixtrack_option_invalid(ngx_conf_t *cf, ngx_str_t *value,
    const char *why);

/* The same with a text of its own, for what is judged when the block has
 * ended, and with the place of the directive at fault. */
char *ngx_mixtrack_option_late(ngx_conf_t *cf, ngx_mixtrack_place_t *place,
    const char *text);

/* Whether value begins with name ("events="); then *s is the rest. */
ngx_uint_t ngx_mixtrack_option_is(ngx_str_t *value, const char *name,
    ngx_str_t *s);


/* ngx_mixtrack_endpoint.c */

/* Directives of the block; conf is the project. */
char *ngx_mixtrack_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_mixtrack_endpoint_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_mixtrack_endpoint_proxy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Completes project->http and the destination, once the block has ended and
 * its numbers are there. */
char *ngx_mixtrack_endpoint_init(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);

/* The scheme and the host in what is written as the endpoint, for messages:
 * there may be a secret in all the rest. */
void ngx_mixtrack_endpoint_name(ngx_mixtrack_project_t *project,
    ngx_str_t *s);

/* a, b and c as one terminated string of the pool, or NULL. */
char *ngx_mixtrack_endpoint_join(ngx_conf_t *cf, const char *a, const char *b,
    const char *c);


/* ngx_mixtrack_account.c */

/* "service_account NAME SECRET PROJECT_ID"; conf is the project. */
char *ngx_mixtrack_account(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Completes project->http and the destination for /import, once the URL is
 * complete. */
char *ngx_mixtrack_account_auth(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);

/* Fills project->words, once project->http is complete. */
char *ngx_mixtrack_account_hide(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);


/* ngx_mixtrack_tls.c */

/* "tls [verify=...] [ca=...] [cert=... key=...]"; conf is the project. */
char *ngx_mixtrack_tls(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* ngx_mixtrack_pace.c */

/* Directives of the block; conf is the project. */
char *ngx_mixtrack_pace_batch(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_mixtrack_pace_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_mixtrack_pace_retry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_mixtrack_pace_timeout(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_mixtrack_pace_max_age(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* What of these the block left unset, and what only its end can judge. */
char *ngx_mixtrack_pace_init(ngx_conf_t *cf, ngx_mixtrack_project_t *project);


/* ngx_mixtrack_secret.c */

/*
 * What is in a file; *path becomes its full name (a relative one begins where
 * nginx.conf lies).  All of it is terminated and in the configuration's pool.
 * When it cannot be had the reason is logged, with the names of the file and
 * of the directive being read.
 */

/* 1 to NGX_MIXTRACK_SECRET_MAX bytes, less one line break at the end.  NGX_OK
 * or NGX_ERROR. */
ngx_int_t ngx_mixtrack_secret_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *secret);

/* PEM, and a key in PEM, which must not be encrypted. */
char *ngx_mixtrack_secret_pem(ngx_conf_t *cf, ngx_str_t *path,
    mxt_http_pem_t *pem);
char *ngx_mixtrack_secret_key(ngx_conf_t *cf, ngx_str_t *path,
    mxt_http_pem_t *pem);


/* ngx_mixtrack_path.c */

/* "mixtrack_spool_path PATH". */
char *ngx_mixtrack_spool_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Makes the spool's directory and registers it, with the flusher as its
 * manager.  NGX_OK, or NGX_ERROR with the reason logged. */
ngx_int_t ngx_mixtrack_path_add(ngx_conf_t *cf,
    ngx_mixtrack_main_conf_t *mmcf);

/* Without a spool: makes the flusher the manager of a temp path that nginx
 * has registered in any case. */
ngx_int_t ngx_mixtrack_path_borrow(ngx_conf_t *cf,
    ngx_mixtrack_main_conf_t *mmcf);

/* Counts what lies in the project's spool into its zone, which must be new:
 * nobody else has it.  Not with "nginx -t"; what cannot be read, or is not
 * there, counts as empty: the flusher will tell. */
void ngx_mixtrack_path_count(ngx_mixtrack_project_t *project);

/* Root gives what lies in the spool to the workers' user, who may have been
 * another one before.  Not with "nginx -t". */
void ngx_mixtrack_path_give(ngx_cycle_t *cycle);

/* Logs where batches lie that no project will send: its name, or its spool, is
 * no longer configured.  Not with "nginx -t". */
void ngx_mixtrack_path_stray(ngx_cycle_t *cycle);


/* ngx_mixtrack_identity.c */

/* Whether an id means nobody: what Mixpanel takes for nobody, in any case of
 * letters. */
ngx_uint_t ngx_mixtrack_identity_banned(ngx_str_t *id);

/* Renders the names of the SDK's cookies for a literal token. */
ngx_int_t ngx_mixtrack_identity_names(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);


/* ngx_mixtrack_value.c */

/* Compiles text, which may hold variables.  NGX_OK, or NGX_ERROR with the
 * reason logged. */
ngx_int_t ngx_mixtrack_value_compile(ngx_conf_t *cf, ngx_str_t *text,
    ngx_mixtrack_value_t *value);

/* The same for a parameter "if=TEXT", which is as it stands in the
 * configuration. */
ngx_int_t ngx_mixtrack_value_filter(ngx_conf_t *cf, ngx_str_t *parameter,
    ngx_mixtrack_value_t *value);

/* Whether text has that variable in it. */
ngx_uint_t ngx_mixtrack_value_names(ngx_str_t *text, char *variable);

/* The value as one string: a literal's, a variable's own bytes, or joined
 * in the request's pool.  Empty when there is none. */
void ngx_mixtrack_value_get(ngx_http_request_t *r, ngx_mixtrack_value_t *value,
    ngx_str_t *s);

/* Appends the value as the inside of a JSON string, as mxt_json_text(). */
ngx_uint_t ngx_mixtrack_value_write(ngx_http_request_t *r,
    ngx_mixtrack_value_t *value, mxt_json_t *j, unsigned *left);

/* The bytes of a value that do not depend on the request; not those of one
 * with captures. */
size_t ngx_mixtrack_value_fixed(ngx_mixtrack_value_t *value);

#define ngx_mixtrack_value_is_literal(value)                                  \
    ((value)->pieces == NULL && (value)->complex == NULL)


/* ngx_mixtrack_captures.c */

#if (NGX_PCRE)

/* Once a cycle, when all regular expressions are known. */
void ngx_mixtrack_captures_init_module(ngx_cycle_t *cycle);

/* Between the two the request may be asked for variables out of turn: its
 * captures are afterwards what they were. */
void ngx_mixtrack_captures_begin(ngx_http_request_t *r);
void ngx_mixtrack_captures_end(ngx_http_request_t *r);

/* Between the two, before anything is evaluated: the captures are again what
 * they were.  Elsewhere it does nothing. */
void ngx_mixtrack_captures_renew(ngx_http_request_t *r);

#else

#define ngx_mixtrack_captures_init_module(cycle)
#define ngx_mixtrack_captures_begin(r)
#define ngx_mixtrack_captures_end(r)
#define ngx_mixtrack_captures_renew(r)

#endif


/* ngx_mixtrack_property.c */

/* "mixtrack_property NAME VALUE|off [type=...]"; conf is a location's. */
char *ngx_mixtrack_property(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Merges by name: child's over parent's.  The result may be either. */
ngx_array_t *ngx_mixtrack_property_merge(ngx_conf_t *cf, ngx_array_t *parent,
    ngx_array_t *child);

/* Writes a value of one of the types that a directive names, quotes and all.
 * MXT_TYPE_OK; or nothing is written, and MXT_TYPE_EMPTY or
 * MXT_TYPE_MISTYPED.  *cut grows by the strings that were cut. */
ngx_uint_t ngx_mixtrack_property_typed(ngx_mixtrack_type_e type,
    mxt_json_t *j, ngx_str_t *s, unsigned *cut);

/* Renders ,"name": and, for a literal, the value behind it; an empty literal
 * is rendered as nothing, which is what becomes of any empty value.  NGX_OK,
 * or NGX_ERROR with the reason logged. */
ngx_int_t ngx_mixtrack_property_text(ngx_conf_t *cf,
    ngx_mixtrack_property_t *property);

/* The property of that name, or NULL. */
ngx_mixtrack_property_t *ngx_mixtrack_property_find(ngx_array_t *properties,
    ngx_str_t *name);


/* ngx_mixtrack_render.c */

/* Puts the standard and the configured properties of a location into the
 * form in which they are written.  NGX_OK, or NGX_ERROR with the reason
 * logged (too many). */
ngx_int_t ngx_mixtrack_render_properties(ngx_conf_t *cf,
    ngx_mixtrack_loc_conf_t *mlcf);

/* Renders the fixed part of an event, once its project is known. */
ngx_int_t ngx_mixtrack_render_event(ngx_conf_t *cf,
    ngx_mixtrack_event_t *event);

/* Copies what was written to j, in the configuration's pool.  NGX_OK, or
 * NGX_ERROR without memory, or if it did not fit. */
ngx_int_t ngx_mixtrack_render_text(ngx_conf_t *cf, mxt_json_t *j,
    ngx_str_t *text);


/* ngx_mixtrack_insert_id.c */

/* Seeds the $insert_id of this process. */
void ngx_mixtrack_insert_id_init_process(void);

/* The log phase of another request begins. */
void ngx_mixtrack_insert_id_begin(ngx_http_request_t *r);

/* Appends that of event number n of the request, from 1, with its name, but
 * for the closing quote. */
void ngx_mixtrack_insert_id_write(ngx_http_request_t *r, mxt_json_t *j,
    ngx_uint_t n);

/* That of the request's first event, also before there is one.  NGX_OK, or
 * NGX_ERROR when there is no memory. */
ngx_int_t ngx_mixtrack_insert_id_get(ngx_http_request_t *r, ngx_str_t *id);

/* What is kept of a request; NULL if there is nothing, or with create when
 * there is no memory. */
ngx_mixtrack_ctx_t *ngx_mixtrack_ctx(ngx_http_request_t *r,
    ngx_uint_t create);


/* ngx_mixtrack_event.c */

/* The log phase's handler: writes and queues a request's events. */
ngx_int_t ngx_mixtrack_event_handler(ngx_http_request_t *r);


/* ngx_mixtrack_standard.c */

/* Writes the value of a standard property, without quotes; 1 if it was cut.
 * Nothing is written if there is none. */
ngx_uint_t ngx_mixtrack_standard_write(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_property_t *property, mxt_json_t *j);


/* ngx_mixtrack_url.c */

/* Writes the value of a standard property that is taken from a URL, as above;
 * *left is what remains of its length. */
ngx_uint_t ngx_mixtrack_url_write(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_type_e type, mxt_json_t *j, unsigned *left);

/* Writes the arguments of a campaign, of which bits are wanted, each with its
 * name and a comma before it; how many were cut. */
ngx_uint_t ngx_mixtrack_url_args(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    uint32_t wanted, mxt_json_t *j);


/* ngx_mixtrack_variable.c */

/* Adds the module's variables. */
ngx_int_t ngx_mixtrack_variable_add(ngx_conf_t *cf);

/* Once all directives are read: which of the variables that tell a client
 * somebody else makes now. */
ngx_int_t ngx_mixtrack_variable_init(ngx_conf_t *cf,
    ngx_mixtrack_main_conf_t *mmcf);


/* ngx_mixtrack_device.c */

/* "mixtrack_device_cookie NAME|off ..."; conf is a location's. */
char *ngx_mixtrack_device_cookie(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Takes its place among the header filters. */
void ngx_mixtrack_device_init(void);

/* The id that was issued with this response, or came in the cookie. */
void ngx_mixtrack_device_get(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_str_t *id);


/* ngx_mixtrack_shared.c */

/* Whether the header lets others than the visitor's browser keep the
 * response. */
ngx_uint_t ngx_mixtrack_shared(ngx_http_request_t *r);


/* ngx_mixtrack_privacy.c */

/* "mixtrack_respect dnt gpc opt_out|off"; conf is a location's. */
char *ngx_mixtrack_respect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* "mixtrack_redact_args NAME...|off", "mixtrack_keep_args NAME...|off". */
char *ngx_mixtrack_args(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Makes mlcf->redact out of both. */
char *ngx_mixtrack_args_merge(ngx_conf_t *cf, ngx_mixtrack_loc_conf_t *prev,
    ngx_mixtrack_loc_conf_t *mlcf);


/* ngx_mixtrack_queue.c */

/* Adds the project's zone to the cycle being configured. */
ngx_int_t ngx_mixtrack_queue_add(ngx_conf_t *cf,
    ngx_mixtrack_project_t *project);

/* Takes a slot as a worker, in every zone of the cycle. */
void ngx_mixtrack_queue_attach(ngx_cycle_t *cycle);

/* For a worker that got none: NGX_OK if it has one now, or NGX_DECLINED.
 * Looks for it once a second; takes no lock, and makes no system call but to
 * log that it has one. */
ngx_int_t ngx_mixtrack_queue_attach_again(ngx_mixtrack_project_t *project);

/* Gives it up again. */
void ngx_mixtrack_queue_detach(ngx_cycle_t *cycle);


/* ngx_mixtrack_flusher.c */

/* ngx_path_t's manager: starts the flushers when it is called for the
 * first time. */
ngx_msec_t ngx_mixtrack_flusher_manager(void *data);

/* The same, also for the single process of "master_process off": NGX_OK, or
 * NGX_ERROR when one or more could not be made, with the reason logged. */
ngx_int_t ngx_mixtrack_flusher_start(ngx_cycle_t *cycle);

/* Runs until all flushers of this process have stopped. */
void ngx_mixtrack_flusher_stop(void);

/* In the single process, before a reload unmaps the zones that go. */
void ngx_mixtrack_flusher_reload(ngx_cycle_t *cycle);

/* Whether a reload of the single process has left the module behind, and with
 * it what was queued; then the zones are gone, and all that has to do with
 * them goes, too.  To be asked before a zone is touched. */
ngx_uint_t ngx_mixtrack_flusher_left(void);


/* ngx_mixtrack_stop.c */

/* Spools what lies in zones that no living flusher holds; the last resort
 * of a worker and of the master. */
void ngx_mixtrack_stop_orphans(ngx_cycle_t *cycle);


/* ngx_mixtrack_status.c */

/* "mixtrack_status [json]". */
char *ngx_mixtrack_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


extern ngx_module_t  ngx_mixtrack_module;


#endif /* NGX_MIXTRACK_H */
