
/*
 * What becomes of a reply.
 *
 * Pure: time and randomness are arguments, nothing is kept.
 */


#ifndef MXT_POLICY_H
#define MXT_POLICY_H


#include <stddef.h>
#include <stdint.h>

#include "mxt_gate.h"
#include "mxt_words.h"


#define MXT_POLICY_WHY         128

/* CURLE_SEND_ERROR; libcurl's numbers are part of its ABI */
#define MXT_POLICY_SEND_ERROR  55


typedef enum {
    MXT_API_TRACK = 0,
    MXT_API_IMPORT
} mxt_api_e;


typedef enum {
    MXT_VERDICT_DELIVERED = 0,  /* all of them */
    MXT_VERDICT_PARTIAL,        /* all but those that are named (/import) */
    MXT_VERDICT_INVALID,        /* none was valid: split once */
    MXT_VERDICT_REFUSED,        /* something in it is bad: halve */
    MXT_VERDICT_TOO_LARGE,      /* halve */
    MXT_VERDICT_HOLD,           /* the configuration is at fault */
    MXT_VERDICT_RETRY,          /* later */
    MXT_VERDICT_BROKEN,         /* later, and halved: it may be too large */
    MXT_VERDICT_SLOW_DOWN       /* later, and with fewer connections */
} mxt_verdict_e;


typedef struct {
    int          error;         /* a CURLcode, 0 if there is a whole reply */
    long         status;        /* of HTTP, 0 if there is none */
    const char  *retry_after;   /* that header, terminated; NULL if none */
    const char  *body;          /* not terminated; NULL if there is none */
    size_t       len;
    unsigned     cut;           /* the body is not all there */
} mxt_reply_t;


/* what was asked, and when the answer came */
typedef struct {
    mxt_api_e             api;
    uint32_t              events;   /* in the request */
    uint32_t              broken;   /* so often in a row, with this one, did
                                       this body break off while it was sent */
    uint32_t              failures; /* of the gate in a row, with this one */
    uint64_t              now;      /* ms since the epoch, for Retry-After */
    uint32_t              random;   /* 31 bits will do */
    const mxt_backoff_t  *backoff;
    const mxt_words_t    *words;    /* what the server must not tell us; NULL
                                       is nothing */
} mxt_attempt_t;


typedef struct {
    mxt_verdict_e         verdict;
    uint64_t              delay;    /* ms to the next post; 0 but for RETRY,
                                       SLOW_DOWN and HOLD */
    unsigned              ours;     /* RETRY: it never came to the network, and
                                       somebody has to act */
    uint32_t              failed;   /* PARTIAL: how many events, named or
                                       not */
    void                 *records;  /* PARTIAL: the names, for the calls
                                       below */
    const mxt_words_t    *words;    /* the attempt's */
    char                  why[MXT_POLICY_WHY];
} mxt_verdict_t;


#pragma GCC visibility push(hidden)


/*
 * Judges a reply.
 *
 * v->why is a short reason, terminated, printable ASCII and safe for a log,
 * unless all was delivered ("" then): "429", "timeout", "status 0: " and at
 * most 100 characters of the server's own words, in which a->words' secrets
 * and what looks like a token or an id (16 letters, digits, - and _ with a
 * digit among them) are asterisks, for they may quote the request.  A 4xx
 * that is not tried again as it is has these words, too, if its body is JSON
 * with an "error": "401: Invalid credentials".
 *
 * /track, 200: delivered with the body 1 (white space around it is ignored)
 * or with a JSON object whose "status" is 1 or "1"; INVALID with 0 or such an
 * object with 0 or "0".  /import, 200: delivered with a JSON object whose
 * "code" is 200 or "status" is "OK", 1 or "1", or with 1 (strict=0); INVALID
 * as there; PARTIAL if there are failed_records all the same.  Any other body
 * of a 200, or more than 64 KiB of one, is not Mixpanel's: RETRY.
 *
 * /import, 400 with failed_records: PARTIAL; but REFUSED if
 * num_records_imported is there and 0 while not every event is named, for
 * then none was taken (so of a 200); and REFUSED if the body was cut off
 * before its end, or is no JSON, for then nobody knows which.  Any other 400,
 * and any 4xx that is not below: REFUSED.
 *
 * 413: TOO_LARGE.  401, 403: HOLD.  408, 500, 502, 503, 504, every other
 * status, an error of the transport: RETRY, and ours if libcurl could not use
 * the certificates or the key it was given.  429: SLOW_DOWN.
 *
 * A reply with a status of 400 or more is judged by its status, whatever
 * became of its body; so is one of 200 that broke off (error or cut set)
 * behind a body that is whole in itself.  A body that broke off while it was
 * sent (CURLE_SEND_ERROR) three times in a row is BROKEN if it has more than
 * one event: a server that answers 413 and resets at once looks like that, but
 * so does one that is not there, hence it is a failure as well.
 *
 * The delay is mxt_gate_backoff() with failures, or what Retry-After
 * (seconds, or an HTTP date) asks for if that is more, of which at most
 * MXT_POLICY_RETRY_MAX counts; of HOLD it is backoff->max and a jitter.
 *
 * To be given to mxt_verdict_done(), whatever the verdict.
 */
void mxt_policy_judge(const mxt_reply_t *r, const mxt_attempt_t *a,
    mxt_verdict_t *v);

/* ten minutes: the longest that Mixpanel's own SDKs wait */
#define MXT_POLICY_RETRY_MAX  600000

/*
 * Whether a PARTIAL verdict names this event: by its $insert_id (keys
 * "$insert_id" and "insert_id" are in use, and plain strings), or, where a
 * record has none, by its index in the request.  1 with the server's reason
 * (cleaned as above, with the field's name before it) in why, or v->why if
 * the record has none; or 0, and why is left alone.
 *
 * If fewer events are named than v->failed says, the server has refused some
 * without saying which.
 */
int mxt_verdict_names(const mxt_verdict_t *v, uint32_t index,
    const char *insert_id, size_t len, char *why, size_t size);

/* Frees what the verdict holds; it names no event any more. */
void mxt_verdict_done(mxt_verdict_t *v);

/*
 * The value of a Retry-After header in ms from now (ms since the epoch): a
 * number of seconds, or an HTTP date in any of its three forms.  0 if it is
 * neither, or in the past; at most MXT_POLICY_RETRY_MAX.
 */
uint64_t mxt_policy_retry_after(const char *value, uint64_t now);


#pragma GCC visibility pop


#endif /* MXT_POLICY_H */
