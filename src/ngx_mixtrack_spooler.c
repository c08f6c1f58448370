
/*
 * Batches to and from the disk: which files, when, and what is counted.
 * What a file is, and what makes it safe, is core/mxt_spool.h's to tell.
 */


#include "ngx_mixtrack_flusher.h"


/* how often the directory is read while nothing of it is left to send, ms */
#define NGX_MIXTRACK_SPOOL_LOOK  1000


static void ngx_mixtrack_spooler_list(ngx_mixtrack_flusher_t *f,
    uint64_t now);
static ngx_int_t ngx_mixtrack_spooler_read(ngx_mixtrack_flusher_t *f);
static ngx_int_t ngx_mixtrack_spooler_room(ngx_mixtrack_flusher_t *f,
    size_t len);
static ngx_int_t ngx_mixtrack_spooler_reject_lines(
    ngx_mixtrack_flusher_t *f, ngx_uint_t segment, const char *reason);


void
ngx_mixtrack_spooler_open(ngx_mixtrack_flusher_t *f)
{
    u_char  name[NGX_MAX_PATH + 1];

    f->dir = -1;

    if (f->project->spool == 0) {
        return;
    }

    (void) ngx_snprintf(name, NGX_MAX_PATH, "%V%Z", &f->project->name);

    f->dir = mxt_spool_open((char *) f->spool_path.data, (char *) name);

    if (f->dir == -1) {
        ngx_log_error(NGX_LOG_ERR, f->log, ngx_errno,
                      "mixtrack: project \"%V\" has no spool, \"%V/%s\" "
                      "cannot be used",
                      &f->project->name, &f->spool_path, name);
    }
}


ngx_int_t
ngx_mixtrack_spooler_claim(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch, uint64_t now)
{
    int         rc;
    char       *name;
    ngx_err_t   err;

    if (f->dir == -1) {
        return NGX_DECLINED;
    }

    if (f->name == f->nnames) {
        ngx_mixtrack_spooler_list(f, now);
    }

    while (f->name < f->nnames) {

        name = f->names[f->name++];

        rc = mxt_spool_claim(f->dir, name, &batch->file);

        if (rc == 1) {
            batch->state = NGX_MIXTRACK_BATCH_READY;
            batch->nranges = 0;
            batch->body = batch->file.body;
            batch->len = batch->file.len;
            batch->raw = 0;
            batch->gzip = batch->file.name.gzip;
            batch->events = batch->file.name.events;
            batch->oldest = batch->file.name.oldest;
            batch->attempts = 0;

            return NGX_OK;
        }

        if (rc == -1) {

            err = ngx_errno;

            mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);
            ngx_log_error(NGX_LOG_ERR, f->log, err,
                          "mixtrack: project \"%V\": spool file \"%s\" cannot "
                          "be read", &f->project->name, name);

            /* empty, or too large to be ours: not to be met again */

            if (err == NGX_EINVAL || err == EFBIG) {
                (void) mxt_spool_set_aside(&batch->file);
            }
        }

        batch->file.fd = -1;
    }

    return NGX_DECLINED;
}


static void
ngx_mixtrack_spooler_list(ngx_mixtrack_flusher_t *f, uint64_t now)
{
    if (f->listed && now - f->listed < NGX_MIXTRACK_SPOOL_LOOK) {
        return;
    }

    f->listed = now;

    if (ngx_mixtrack_spooler_read(f) != NGX_OK) {
        ngx_mixtrack_sender_failed(f, "the spool cannot be listed", now);
    }
}


static ngx_int_t
ngx_mixtrack_spooler_read(ngx_mixtrack_flusher_t *f)
{
    mxt_spool_list_t  list;

    f->name = 0;
    f->nnames = 0;

    ngx_memzero(&list, sizeof(mxt_spool_list_t));
    list.file = f->names;
    list.max = NGX_MIXTRACK_SPOOL_NAMES;

    if (mxt_spool_list(f->dir, f->project->destination, &list) != 0) {
        mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);
        return NGX_ERROR;
    }

    f->nnames = list.n;
    f->disk = list.bytes;
    f->looked = 1;

    if (mxt_zone_holds(&f->zone)) {
        f->zone.shm->spool_files = list.files;
        f->zone.shm->spool_bytes = list.bytes;
        f->zone.shm->spool_foreign = list.foreign;
    }

    return NGX_OK;
}


/* expires the oldest files until len more bytes are within the limit */

static ngx_int_t
ngx_mixtrack_spooler_room(ngx_mixtrack_flusher_t *f, size_t len)
{
    uint32_t           outcomes[MXT_OUTCOMES];
    ngx_uint_t         reads;
    mxt_spool_file_t   file;

    reads = 0;

    if (!f->looked && ngx_mixtrack_spooler_read(f) != NGX_OK) {
        return NGX_ERROR;
    }

    while (f->disk + len > (uint64_t) f->project->spool) {

        /* what another process holds is not there for us */

        if (f->name == f->nnames
            && (reads++ || ngx_mixtrack_spooler_read(f) != NGX_OK
                || f->nnames == 0))
        {
            return NGX_ERROR;
        }

        if (mxt_spool_claim(f->dir, f->names[f->name++], &file) != 1) {
            continue;
        }

        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "mixtrack: project \"%V\": the spool is full, %uD "
                      "events of \"%s\" are expired",
                      &f->project->name, file.name.events, file.file);

        reads = 0;
        f->disk -= ngx_min(f->disk, file.len);

        ngx_memzero(outcomes, sizeof(outcomes));
        outcomes[MXT_ADOPTED] = file.name.events;
        outcomes[MXT_EXPIRED] = file.name.events;

        mxt_zone_settle_spooled(&f->zone, outcomes);

        if (mxt_spool_done(&file) != 0) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_mixtrack_spooler_write(ngx_mixtrack_flusher_t *f,
    ngx_mixtrack_batch_t *batch)
{
    ngx_time_t        *tp;
    mxt_spool_name_t   name;

    if (f->dir == -1) {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    name.created = (uint64_t) tp->sec * 1000 + tp->msec;
    name.oldest = batch->oldest;
    name.events = batch->events;
    name.writer = f->writer;
    name.seq = f->seq++;
    name.destination = f->project->destination;
    name.gzip = batch->gzip;

    if (ngx_mixtrack_spooler_room(f, batch->len) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "mixtrack: project \"%V\": no room in the spool for "
                      "%uD events", &f->project->name, batch->events);
        return NGX_ERROR;
    }

    if (mxt_spool_write(f->dir, &name, batch->body, batch->len) != 0) {
        mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);
        ngx_log_error(NGX_LOG_ERR, f->log, ngx_errno,
                      "mixtrack: project \"%V\": %uD events could not be "
                      "spooled", &f->project->name, batch->events);
        return NGX_ERROR;
    }

    f->disk += batch->len;

    ngx_mixtrack_batch_finish(f, batch, MXT_SPOOLED);

    return NGX_OK;
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

        if (ngx_mixtrack_spooler_write(f, batch) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (f->dir == -1) {
        return NGX_ERROR;
    }

    batch = ngx_mixtrack_batch_free(f);

    if (batch == NULL) {
        return NGX_OK;
    }

    for ( ;; ) {

        mxt_zone_seal(&f->zone);

        rc = ngx_mixtrack_batch_build(f, batch, stored);

        if (rc == NGX_DECLINED) {
            return NGX_OK;
        }

        if (rc == NGX_ERROR
            || ngx_mixtrack_spooler_write(f, batch) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}


void
ngx_mixtrack_spooler_reject(ngx_mixtrack_flusher_t *f, ngx_uint_t segment,
    const char *reason)
{
    ngx_mixtrack_lease_t  *lease;

    lease = &f->lease[segment];

    if (f->dir != -1
        && ngx_mixtrack_spooler_reject_lines(f, segment, reason) != NGX_OK)
    {
        mxt_zone_add(&f->zone, MXT_SPOOL_ERRORS, 1);
    }

    ngx_log_error(NGX_LOG_ERR, f->log, 0,
                  "mixtrack: project \"%V\": %ud events rejected: %s",
                  &f->project->name, (unsigned) (lease->to - lease->base),
                  reason);

    lease->outcome[MXT_REJECTED] = (uint32_t) (lease->to - lease->base);

    mxt_zone_settle(&f->zone, (unsigned) segment, lease->to, lease->outcome);

    lease->to = 0;
}


static ngx_int_t
ngx_mixtrack_spooler_reject_lines(ngx_mixtrack_flusher_t *f,
    ngx_uint_t segment, const char *reason)
{
    int                    rc;
    unsigned               i, n;
    mxt_span_t            *span;
    ngx_time_t            *tp;
    const unsigned char   *data;
    ngx_mixtrack_lease_t  *lease;

    lease = &f->lease[segment];
    data = mxt_zone_data(&f->zone, (unsigned) segment);

    n = (unsigned) (lease->to - lease->base);

    span = ngx_alloc((n + 1) * sizeof(mxt_span_t), f->log);
    if (span == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        span[i].data = mxt_segment_range(data, lease->base + i,
                                         lease->base + i + 1, &span[i].len);
    }

    tp = ngx_timeofday();

    rc = mxt_reject(f->dir, (uint64_t) tp->sec * 1000 + tp->msec, reason, span,
                    n, 0);

    ngx_free(span);

    return (rc == 0) ? NGX_OK : NGX_ERROR;
}
