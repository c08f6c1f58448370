
/*
 * Batches to and from the disk: which files, when, and what is counted.
 * What a file is, and what makes it safe, is core/mxt_spool.h's to tell.
 */


#include "ngx_mixtrack_flusher.h"


/* how often the directory is read while nothing of it is left to send, or
 * while there was more than names are kept of, and how long nothing is written
 * after an error, ms */
#define NGX_MIXTRACK_SPOOL_LOOK   1000
#define NGX_MIXTRACK_SPOOL_MORE   50
#define NGX_MIXTRACK_SPOOL_REST   1000

/* about so many files for all of a queue, at the most */
#define NGX_MIXTRACK_SPOOL_FILES  64

/* the queue is relieved from the one fill down to the other, in quarters; with
 * an open gate, when delivery does not keep up, as long as it is above the
 * third */
#define NGX_MIXTRACK_SPOOL_HIGH   2
#define NGX_MIXTRACK_SPOOL_LOW    1
#define NGX_MIXTRACK_SPOOL_OPEN   3


static ngx_int_t ngx_mixtrack_spooler_take(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, char *name);
static void ngx_mixtrack_spooler_bad(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, char *name, ngx_err_t err, const char *why);
static void ngx_mixtrack_spooler_list(ngx_mixtrack_flusher_t *f,
    uint64_t now);
static ngx_int_t ngx_mixtrack_spooler_room(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);
static ngx_mixtrack_batch_t *ngx_mixtrack_spooler_held(
    ngx_mixtrack_flusher_t *f, ngx_mixtrack_batch_t *batch, char *name);
static ngx_uint_t ngx_mixtrack_spooler_waits(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch);
static ngx_mixtrack_batch_t *ngx_mixtrack_spooler_oldest(
    ngx_mixtrack_flusher_t *f);


ngx_int_t
ngx_mixtrack_spooler_claim(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now)
{
    if (f->project->spool == 0) {
        return NGX_DECLINED;
    }

    if (f->name == f->nnames) {
        ngx_mixtrack_spooler_list(f, now);
    }

    while (f->name < f->nnames) {
        if (ngx_mixtrack_spooler_take(f, batch, f->names[f->name++])
            == NGX_OK)
        {
            return NGX_OK;
        }

        f->vain++;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_mixtrack_spooler_take(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, char *name)
{
    int          rc;
    const char  *why;

    rc = mxt_spool_claim(f->dir, name, &batch->file);

    if (rc != 1) {

        if (rc == -1) {
            ngx_mixtrack_spooler_bad(f, batch, name, ngx_errno, NULL);
        }

        batch->file.fd = -1;
        return NGX_DECLINED;
    }

    if (mxt_array_open(&batch->array, batch->file.body, batch->file.len,
                       batch->file.name.gzip, &why)
        == 0)
    {
        if (batch->array.n == batch->file.name.events) {

            if (ngx_mixtrack_batch_adopt(f, batch) == NGX_OK) {
                return NGX_OK;
            }

            ngx_mixtrack_batch_give_back(f, batch);
            return NGX_DECLINED;
        }

        mxt_array_close(&batch->array);
        why = "its name tells another number of events";
    }

    ngx_memzero(&batch->array, sizeof(mxt_array_t));

    if (why == NULL) {
        mxt_spool_release(&batch->file);
        return NGX_DECLINED;
    }

    ngx_mixtrack_spooler_bad(f, batch, name, 0, why);

    batch->file.fd = -1;

    return NGX_DECLINED;
}


/* for what it is, or why is NULL, and it could not be read */

static void
ngx_mixtrack_spooler_bad(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, char *name, ngx_err_t err, const char *why)
{
    ngx_uint_t  aside;

    aside = (why || mxt_spool_hopeless(err))
            && mxt_spool_set_aside(&batch->file) == 0;

    mxt_spool_release(&batch->file);

    /* what stays is met again at each look, and told of once */

    if (!aside && ++f->stuck <= f->told) {
        return;
    }

    mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);

    if (why) {
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_BAD, NGX_LOG_ERR, 0, 1,
                         "spool file \"%s\" is %s: %s", name,
                         aside ? "set aside" : "to be set aside, but cannot be",
                         why);
        return;
    }

    ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_READ, NGX_LOG_ERR, err, 1,
                     "spool file \"%s\" cannot be read%s", name,
                     aside ? ", it is set aside" : "");
}


static void
ngx_mixtrack_spooler_list(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    if (f->listed && now - f->listed < (f->more && f->vain < f->nnames
                                        ? NGX_MIXTRACK_SPOOL_MORE
                                        : NGX_MIXTRACK_SPOOL_LOOK))
    {
        return;
    }

    f->listed = now;

    /* what is delivered and cannot be removed would be delivered again */

    if (ngx_mixtrack_directory_there(f, now) == NGX_OK
        && ngx_mixtrack_directory_read(f) == NGX_OK
        && f->nnames
        && ngx_mixtrack_directory_writable(f) != NGX_OK)
    {
        f->name = f->nnames;
    }
}


/* expires the oldest files until the batch's body is within the limit, too */

static ngx_int_t
ngx_mixtrack_spooler_room(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    char                  *name;
    uint32_t               events, outcomes[MXT_OUTCOMES];
    ngx_uint_t             reads;
    mxt_spool_file_t       claimed, *file;
    ngx_mixtrack_batch_t  *held;

    reads = 0;

    /* what we know is from the last look, and successors and others send,
     * too: nothing is given up for a file that is gone */

    if ((!f->looked || f->disk + batch->len > (uint64_t) f->project->spool)
        && ngx_mixtrack_directory_read(f) != NGX_OK)
    {
        return NGX_ERROR;
    }

    while (f->disk + batch->len > (uint64_t) f->project->spool) {

        /* what another process holds is not there for us */

        if (f->name == f->nnames
            && (reads++ || ngx_mixtrack_directory_read(f) != NGX_OK
                || f->nnames == 0))
        {
            return NGX_ERROR;
        }

        name = f->names[f->name++];
        held = ngx_mixtrack_spooler_held(f, batch, name);

        if (held) {
            file = &held->file;
            events = held->left;

        } else if (mxt_spool_claim(f->dir, name, &claimed) == 1) {
            file = &claimed;
            events = claimed.name.events;

        } else {
            continue;
        }

        if (mxt_spool_unlink(file) != 0) {
            ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_UNLINK, NGX_LOG_ERR,
                             ngx_errno, 0, "the spool is full, and its oldest "
                             "file could not be removed");

            if (held == NULL) {
                mxt_spool_release(&claimed);
            }

            return NGX_ERROR;
        }

        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_FULL, NGX_LOG_ERR, 0, events,
                         "the spool is full, %uD events of \"%s\" are "
                         "expired", events, file->file);

        reads = 0;

        if (held) {
            ngx_mixtrack_batch_decide(f, held, 0, held->events, MXT_EXPIRED);
            ngx_mixtrack_batch_finish(f, held);
            continue;
        }

        ngx_memzero(outcomes, sizeof(outcomes));
        outcomes[MXT_ADOPTED] = events;
        outcomes[MXT_EXPIRED] = events;

        mxt_zone_settle_spooled(&f->zone, outcomes);

        ngx_mixtrack_directory_remove(f, &claimed);
    }

    return NGX_OK;
}


/* the batch of this file, if it waits: there are those that were tried, and
 * have the oldest files; but not the one that there is to be room for */

static ngx_mixtrack_batch_t *
ngx_mixtrack_spooler_held(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, char *name)
{
    ngx_uint_t             i;
    ngx_mixtrack_batch_t  *held;

    for (i = 0; i < f->nbatches; i++) {

        held = &f->batch[i];

        if (held != batch && held->file.fd != -1
            && ngx_mixtrack_spooler_waits(f, held)
            && ngx_strcmp(held->file.file, name) == 0)
        {
            return held;
        }
    }

    return NULL;
}


/* one that is being halved only if that leads to nothing for long */

static ngx_uint_t
ngx_mixtrack_spooler_waits(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    return batch->state == NGX_MIXTRACK_BATCH_READY
           && (batch->posts == 0 || f->zone.shm->gate.hold);
}


ngx_int_t
ngx_mixtrack_spooler_write(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored)
{
    ngx_time_t       *tp;
    mxt_spool_name_t  name;

    if (batch->left == 0) {
        ngx_mixtrack_batch_finish(f, batch);
        return NGX_OK;
    }

    if (f->project->spool == 0) {
        return NGX_ERROR;
    }

    if (ngx_mixtrack_directory_there(f, ngx_current_msec) != NGX_OK) {
        goto failed;
    }

    /* a part of it may have been delivered, or was to be posted alone */

    if ((batch->body == NULL || batch->sent != batch->left)
        && ngx_mixtrack_batch_encode(f, batch, 0, batch->events, stored)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    name.created = (uint64_t) tp->sec * 1000 + tp->msec;
    name.oldest = batch->oldest;
    name.events = batch->left;
    name.writer = f->writer;
    name.seq = f->seq++;
    name.destination = f->project->destination;
    name.gzip = batch->gzip;

    if (ngx_mixtrack_spooler_room(f, batch) != NGX_OK) {
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_NO_ROOM, NGX_LOG_ERR, 0, 1,
                         "no room in the spool for a batch of %uD events",
                         batch->left);
        goto failed;
    }

    if (mxt_spool_write(f->dir, &name, batch->body, batch->len) != 0) {
        ngx_mixtrack_say(f, NGX_MIXTRACK_SAY_WRITE, NGX_LOG_ERR, ngx_errno, 1,
                         "a batch of %uD events could not be spooled",
                         batch->left);
        goto failed;
    }

    f->disk += batch->len;

    ngx_mixtrack_directory_count(f, 1);

    ngx_mixtrack_batch_decide(f, batch, 0, batch->events, MXT_SPOOLED);
    ngx_mixtrack_batch_finish(f, batch);

    return NGX_OK;

failed:

    mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);
    ngx_mixtrack_say_error(f, "events cannot be spooled");

    return NGX_ERROR;
}


/*
 * With a closed gate the queue goes to disk, oldest first, when it is half
 * full, until it is at a quarter; so there is room for what comes, and the
 * endpoint's first batches after the outage are those of memory.
 */

void
ngx_mixtrack_spooler_relieve(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    ngx_uint_t             fill, segments;
    mxt_gate_state_e       gate;
    ngx_mixtrack_batch_t  *batch;

    if (f->project->spool == 0 || now < f->write_at) {
        return;
    }

    gate = mxt_gate_state(&f->zone.shm->gate, now);
    segments = f->zone.shm->segments;
    fill = 4 * f->look.used;

    if (fill < segments * (gate == MXT_GATE_OPEN ? NGX_MIXTRACK_SPOOL_OPEN
                           : f->relieving ? NGX_MIXTRACK_SPOOL_LOW
                           : NGX_MIXTRACK_SPOOL_HIGH))
    {
        f->relieving = 0;
        return;
    }

    f->relieving = 0;

    batch = ngx_mixtrack_spooler_oldest(f);

    if (batch == NULL) {
        batch = ngx_mixtrack_batch_free(f);

        if (batch == NULL
            || ngx_mixtrack_spooler_build(f, batch, 0) != NGX_OK)
        {
            return;
        }
    }

    ngx_mixtrack_reject_old(f, batch, now);

    if (ngx_mixtrack_spooler_write(f, batch, 0) != NGX_OK) {
        f->write_at = now + NGX_MIXTRACK_SPOOL_REST;
        return;
    }

    f->relieving = 1;
}


/*
 * A file costs two fsyncs whatever its size, and a stop has two seconds.  What
 * is larger than a post may be is posted in parts later.
 */

ngx_int_t
ngx_mixtrack_spooler_build(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, ngx_uint_t stored)
{
    uint64_t             events, bytes;
    ngx_mixtrack_size_t  size;

    events = f->look.queued / NGX_MIXTRACK_SPOOL_FILES;
    bytes = (uint64_t) f->look.used * MXT_SEGMENT_SIZE
            / NGX_MIXTRACK_SPOOL_FILES;

    events = ngx_min(events, NGX_MIXTRACK_EVENTS_MAX);
    bytes = ngx_min(bytes, NGX_MIXTRACK_BYTES_DEFAULT);

    size.events = ngx_max(f->most.events, (ngx_uint_t) events);
    size.bytes = ngx_max(f->most.bytes, (size_t) bytes);

    return ngx_mixtrack_batch_build(f, batch, &size, stored);
}


/* of those that wait with records of the queue */

static ngx_mixtrack_batch_t *
ngx_mixtrack_spooler_oldest(ngx_mixtrack_flusher_t *f)
{
    ngx_uint_t             i;
    ngx_mixtrack_batch_t  *batch, *oldest;

    oldest = NULL;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        if (batch->file.fd == -1 && ngx_mixtrack_spooler_waits(f, batch)
            && (oldest == NULL || batch->oldest < oldest->oldest))
        {
            oldest = batch;
        }
    }

    return oldest;
}


ngx_int_t
ngx_mixtrack_spooler_all(ngx_mixtrack_flusher_t *f, ngx_uint_t stored)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_mixtrack_batch_t  *batch;

    for (i = 0; i < f->nbatches; i++) {

        batch = &f->batch[i];

        if (batch->state != NGX_MIXTRACK_BATCH_READY) {
            continue;
        }

        if (batch->file.fd != -1) {
            ngx_mixtrack_batch_give_back(f, batch);
            continue;
        }

        if (ngx_mixtrack_spooler_write(f, batch, stored) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (f->project->spool == 0) {
        return NGX_ERROR;
    }

    batch = ngx_mixtrack_batch_free(f);

    if (batch == NULL) {
        return NGX_OK;
    }

    mxt_zone_look(&f->zone, &f->look);

    for ( ;; ) {

        mxt_zone_seal(&f->zone);

        rc = ngx_mixtrack_spooler_build(f, batch, stored);

        if (rc == NGX_DECLINED) {
            return NGX_OK;
        }

        if (rc == NGX_ERROR
            || ngx_mixtrack_spooler_write(f, batch, stored) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}
