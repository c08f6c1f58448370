
/*
 * What a request tells of its visitor: the client, the navigation, consent,
 * ids.  Each is found out when it is asked for, and once for all events of a
 * request.
 */


#ifndef NGX_MIXTRACK_VISITOR_H
#define NGX_MIXTRACK_VISITOR_H


#include "ngx_mixtrack.h"

#include "mxt_agent_memo.h"
#include "mxt_args.h"
#include "mxt_cookie.h"
#include "mxt_uri.h"


/* a literal "" in a directive: there is none, in a cookie either */
#define ngx_mixtrack_is_empty(value)                                          \
    ((value) != NULL && ngx_mixtrack_value_is_literal(value)                  \
     && (value)->literal.len == 0)

#define ngx_mixtrack_uses_cookie(mlcf)                                        \
    (!ngx_mixtrack_is_empty((mlcf)->user_id)                                  \
     || !ngx_mixtrack_is_empty((mlcf)->device_id))

#if (nginx_version >= 1023000)
#define ngx_mixtrack_has_cookies(r)   ((r)->headers_in.cookie != NULL)
#else
#define ngx_mixtrack_has_cookies(r)   ((r)->headers_in.cookies.nelts != 0)
#endif


/* request headers that nginx has no pointers to */
typedef enum {
    NGX_MIXTRACK_DNT = 0,
    NGX_MIXTRACK_GPC,
    NGX_MIXTRACK_FETCH_DEST,
    NGX_MIXTRACK_FETCH_MODE,
    NGX_MIXTRACK_SEC_PURPOSE,
    NGX_MIXTRACK_PURPOSE,
    NGX_MIXTRACK_X_PURPOSE,
    NGX_MIXTRACK_X_MOZ,
    NGX_MIXTRACK_ACCEPT,
    NGX_MIXTRACK_CH_UA,
    NGX_MIXTRACK_CH_VERSIONS,
    NGX_MIXTRACK_CH_PLATFORM,
    NGX_MIXTRACK_HEADERS
} ngx_mixtrack_header_e;


typedef struct {
    ngx_str_t                      distinct;
    ngx_str_t                      device;     /* without "$device:" */
    ngx_str_t                      user;
    ngx_str_t                      sdk;        /* the device as the SDK has it
                                                  behind "$device:", if it is
                                                  the SDK's */
    ngx_uint_t                     known;
} ngx_mixtrack_ids_t;


#define ngx_mixtrack_str(j, s, left)                                          \
    mxt_json_text(j, (s).data, (s).len, left)


/* one of a process, and of one request at a time */
typedef struct {
    ngx_http_request_t            *request;    /* in the log phase */

    unsigned                       headers:1;  /* these are found out: */
    unsigned                       agent:1;
    unsigned                       search:1;
    unsigned                       urls:1;
    unsigned                       only_bot:1; /* would be a page view, but for
                                                  the bot */

    ngx_str_t                      header[NGX_MIXTRACK_HEADERS];
    mxt_agent_t                    client;

    ngx_mixtrack_project_t        *tracking;   /* whose event it is now */
    ngx_mixtrack_project_t        *project;    /* whose cookie it is */
    mxt_cookie_t                   cookie;

    mxt_uri_t                      url;        /* of the request */
    mxt_uri_t                      referrer;

    /* in the event being written: of the URL, if it was not cut */
    u_char                        *path;
    u_char                        *query;
    u_char                        *end;

    const char                    *engine;
    mxt_uri_str_t                  keyword;
} ngx_mixtrack_visitor_t;


/* ngx_mixtrack_visitor.c */

/* Once a configuration: before any of the calls below. */
void ngx_mixtrack_visitor_init(void);

/* The log phase begins and ends: between the two, what was found out of the
 * request is kept. */
void ngx_mixtrack_visitor_begin(ngx_http_request_t *r);
void ngx_mixtrack_visitor_end(void);

/* Whether its head was not read to its end: what the visitor says of himself
 * is not known then. */
ngx_uint_t ngx_mixtrack_visitor_unread(ngx_http_request_t *r);

/* The method that the client sent: nginx itself makes a GET of others. */
void ngx_mixtrack_visitor_method(ngx_http_request_t *r, ngx_str_t *method);

/* Whether a browser only wants to have it at hand. */
ngx_uint_t ngx_mixtrack_visitor_speculates(ngx_http_request_t *r);

/* The visitor of a request; valid until the next call with another one. */
ngx_mixtrack_visitor_t *ngx_mixtrack_visitor(ngx_http_request_t *r);

/* A request header; empty if it is not there. */
ngx_str_t *ngx_mixtrack_visitor_header(ngx_http_request_t *r,
    ngx_mixtrack_header_e i);

/* Browser, os, device, bot, as its headers tell. */
mxt_agent_t *ngx_mixtrack_visitor_agent(ngx_http_request_t *r);

/* One of them as text, empty if not known; "1" or "0" for a bot. */
void ngx_mixtrack_visitor_own(ngx_http_request_t *r, ngx_mixtrack_client_e n,
    ngx_str_t *s);

/* The same, or what a map or "set" makes the variable of that name say: any
 * text, but not an empty one.  1 if it was taken from the variable. */
ngx_uint_t ngx_mixtrack_visitor_client(ngx_http_request_t *r,
    ngx_mixtrack_client_e n, ngx_str_t *s);

/* By that, whether it is a bot. */
ngx_uint_t ngx_mixtrack_visitor_bot(ngx_http_request_t *r);

/* Whether the request is a page view, see the table in the README. */
ngx_uint_t ngx_mixtrack_visitor_page_view(ngx_http_request_t *r);

/* Whether it is the navigation to a document, as far as the request tells;
 * without the headers of a modern browser, by Accept. */
ngx_uint_t ngx_mixtrack_visitor_navigates(ngx_http_request_t *r);

/* The status as it is logged. */
ngx_uint_t ngx_mixtrack_visitor_status(ngx_http_request_t *r);


/* ngx_mixtrack_identity.c */

/*
 * What of respect (bits of NGX_MIXTRACK_RESPECT_*) the visitor objects with:
 * the counter to count, or MXT_TRACKED if with nothing.
 */
ngx_uint_t ngx_mixtrack_identity_objects(ngx_http_request_t *r,
    ngx_uint_t respect, ngx_mixtrack_project_t *project);

/* The browser SDK's cookie for the project's token; all empty if there is
 * none, or no good one. */
mxt_cookie_t *ngx_mixtrack_identity_cookie(ngx_http_request_t *r,
    ngx_mixtrack_project_t *project);

/* Who it is: by the directives, by the SDK's cookie, by our own; banned ids
 * are none. */
void ngx_mixtrack_identity_ids(ngx_http_request_t *r,
    ngx_mixtrack_loc_conf_t *mlcf, ngx_mixtrack_project_t *project,
    ngx_mixtrack_ids_t *ids);

/* The first cookie of this name; NGX_OK, or NGX_DECLINED. */
ngx_int_t ngx_mixtrack_identity_find(ngx_http_request_t *r, ngx_str_t *name,
    mxt_cookie_str_t *value);


#endif /* NGX_MIXTRACK_VISITOR_H */
